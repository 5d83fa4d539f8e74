import { type Digest, hexOf, isDigest } from '../base/digest.ts';
import { type Labels, labels, patchesLabel } from '../image/labels.ts';
import { type ImageName, parseImageName, showImageName } from '../reference/image-name.ts';
import { makeRecipe } from '../runtime/recipe/make-recipe.ts';
import {
  baseImage,
  isUnresolved,
  namedSpec,
  type Recipe,
  type RuntimeBuildSpec,
  recipeDigest,
} from '../runtime/recipe/recipe.ts';
import { buildImage } from '../store/engine/build/build-image.ts';
import type { Builder, Engine } from '../store/engine/engine.ts';
import {
  type ImageFacts,
  inspectEngineImage,
  newestWithLabel,
  storedName,
} from '../store/engine/image-facts.ts';
import { nameImage } from '../store/engine/name-image.ts';
import { removeImages } from '../store/engine/remove-images.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { BuildOutput } from './build-output.ts';
import { readSecrets } from './build-secrets.ts';

export interface ProvideOptions {
  /** Build, even if there is such a runtime. */
  readonly isFresh: boolean;
  readonly network?: string;
  /** Remove what earlier stages leave behind. */
  readonly removeStages: boolean;
}

/** What shall be built, and what tells whether it was. */
export interface RuntimePlan {
  readonly order: RuntimeBuildSpec;
  readonly recipe: Recipe;
  readonly digest: Digest;
  /** That of the same order with the names that the user gave, where those stand for commits. */
  readonly namedDigest: Digest;
}

/** Makes the recipe of an order. Throws a `config` error for values that cannot stand in a Dockerfile. */
export function planRuntime(order: RuntimeBuildSpec): RuntimePlan {
  const recipe = makeRecipe(order);
  const namedDigest = recipeDigest(makeRecipe(namedSpec(order)));
  return { order, recipe, digest: recipeDigest(recipe), namedDigest };
}

/** A runtime in an Engine. */
export interface ProvidedRuntime {
  readonly name: ImageName;
  readonly id: Digest;
  /** The digest of what made it. */
  readonly recipe: Digest;
  readonly outcome: 'built' | 'reused';
}

/** Enough of the recipe's digest to tell runtimes apart. */
const shownDigits = 16;

/** The name of a runtime that was not given one: after what made it. */
function runtimeName(digest: Digest): ImageName {
  return parseImageName(`gsc-runtime:${hexOf(digest).slice(0, shownDigits)}`);
}

/** The digest of what made an image, if that is what a plan would do. */
export function recipeOf(found: Labels, { order, digest }: RuntimePlan): Digest | undefined {
  const made = found[labels.recipe];
  const isWanted = made === digest || (isUnresolved(order) && found[labels.namedRecipe] === digest);
  return isWanted && made !== undefined && isDigest(made) ? made : undefined;
}

/**
 * Gives the runtime that a plan makes: the Engine's, if it was built before, else a new one. The name is given last, so
 * that a build that breaks leaves nothing. Throws `build`, `engine`, `not-found`, `aborted`.
 */
export async function provideRuntime(
  workspace: Workspace,
  plan: RuntimePlan,
  options: ProvideOptions,
): Promise<ProvidedRuntime> {
  const engine = await workspace.images.engine();
  const name = storedName(engine, runtimeName(plan.digest));
  const existing = options.isFresh ? undefined : await existingRuntime(engine, plan);
  const existingRecipe = existing && recipeOf(existing.labels, plan);
  if (existing && existingRecipe) {
    const existingName = storedName(engine, runtimeName(existingRecipe));
    workspace.reporter.say(
      `the runtime ${showImageName(existingName)} exists already; it is not built again`,
    );
    return { name: existingName, id: existing.id, recipe: existingRecipe, outcome: 'reused' };
  }
  const id = await buildRuntime(workspace, { engine, plan, name }, options);
  await nameImage(engine, id, { name, shown: `${engine.subject}: ${showImageName(name)}` });
  return { name, id, recipe: plan.digest, outcome: 'built' };
}

/** Where a name cannot be resolved, the newest runtime that was built for it is what is wanted. */
async function existingRuntime(
  engine: Engine,
  { order, digest }: RuntimePlan,
): Promise<ImageFacts | undefined> {
  const image = await inspectEngineImage(engine, runtimeName(digest));
  if (image || !isUnresolved(order)) return image;
  return newestWithLabel(engine, { label: labels.namedRecipe, value: digest });
}

interface Making {
  readonly engine: Engine;
  readonly plan: RuntimePlan;
  readonly name: ImageName;
}

async function buildRuntime(
  workspace: Workspace,
  { engine, plan: { order, recipe, digest, namedDigest }, name }: Making,
  { isFresh, network, removeStages }: ProvideOptions,
): Promise<Digest> {
  const { reporter, images, host } = workspace;
  const files = await readSecrets(recipe.secrets, order.distribution.image);
  const secrets = new Map([...files, ...recipe.logins]);
  const builder = builderOf(engine, host.environment, secrets.size > 0);
  const shown = `the runtime ${showImageName(name)}`;
  reporter.say(`building ${shown} on ${baseImage(order)} with ${engine.subject}`);
  const output = new BuildOutput(reporter, shown);
  const { id, stages } = await buildImage(
    engine,
    {
      subject: shown,
      files: recipe.files,
      buildArguments: recipe.buildArguments,
      labels: {
        [labels.recipe]: digest,
        [labels.namedRecipe]: namedDigest,
        ...patchesLabel((order.patches ?? []).map((patch) => patch.name)),
      },
      ...(network !== undefined && { network }),
      isFresh,
      forgetsStages: removeStages,
      registries: [parseImageName(baseImage(order)).domain],
      secrets,
      loginFor: (host) => images.loginFor(host),
    },
    { builder, onEvent: (event) => output.show(event) },
  );
  output.end();
  if (removeStages) await removeImages(engine, stages);
  return id;
}

/** Docker needs BuildKit for secrets; `DOCKER_BUILDKIT` decides as for `docker build`; otherwise the Engine's own wish. Podman has one builder. */
function builderOf(
  engine: Engine,
  environment: Readonly<Record<string, string | undefined>>,
  hasSecrets: boolean,
): Builder {
  if (engine.kind === 'podman') return 'classic';
  if (hasSecrets) return 'buildkit';
  const wish = environment.DOCKER_BUILDKIT;
  if (wish === undefined || wish === '') return engine.preferredBuilder;
  return ['0', 'false'].includes(wish.toLowerCase()) ? 'classic' : 'buildkit';
}
