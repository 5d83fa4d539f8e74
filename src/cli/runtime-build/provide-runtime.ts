import { type Digest, hexOf } from '../../base/digest.ts';
import { bytesOfText } from '../../base/image-path.ts';
import { labels } from '../../labels.ts';
import { type ImageName, parseImageName, showImageName } from '../../reference/image-name.ts';
import { makeRecipe } from '../../runtime/recipe/make-recipe.ts';
import { type BuildOrder, type Recipe, recipeDigest } from '../../runtime/recipe/recipe.ts';
import { buildImage } from '../../store/engine/build/build-image.ts';
import type { Builder, Engine } from '../../store/engine/engine.ts';
import { type ImageFacts, inspectImage, storedName } from '../../store/engine/image-facts.ts';
import { nameImage } from '../../store/engine/name-image.ts';
import { removeImages } from '../../store/engine/remove-images.ts';
import { tarBytes } from '../../tar/write-tar.ts';
import type { CommandContext } from '../program.ts';
import { BuildOutput } from './build-output.ts';
import { readSecrets } from './build-secrets.ts';

export interface ProvideOptions {
  /** Build, even if there is such a runtime. */
  readonly isFresh: boolean;
  readonly network?: string;
  /** Remove what earlier stages leave behind. */
  readonly removeStages: boolean;
}

/** What shall be built, and the digest that tells whether it was. */
export interface RuntimePlan {
  readonly order: BuildOrder;
  readonly recipe: Recipe;
  readonly digest: Digest;
}

/** Makes the recipe of an order. Throws a `config` error for values that cannot stand in a Dockerfile. */
export function planRuntime(order: BuildOrder): RuntimePlan {
  const recipe = makeRecipe(order);
  return { order, recipe, digest: recipeDigest(recipe) };
}

/** A runtime in an Engine. */
export interface ProvidedRuntime {
  readonly name: ImageName;
  readonly id: Digest;
  readonly outcome: 'built' | 'reused';
}

/** Enough of the recipe's digest to tell runtimes apart. */
const shownDigits = 16;

/** How a runtime is called that nobody names: after what made it. */
function runtimeName(digest: Digest): ImageName {
  return parseImageName(`gsc-runtime:${hexOf(digest).slice(0, shownDigits)}`);
}

/** True for an image that was made by a plan. */
export function isMadeBy({ digest }: RuntimePlan, image: ImageFacts): boolean {
  return image.labels[labels.recipe] === digest;
}

/**
 * Gives the runtime that a plan makes: the Engine's, if it was built before, else a new one. The name is given last, so
 * that a build that breaks leaves nothing. Throws `build`, `engine`, `not-found`, `aborted`.
 */
export async function provideRuntime(
  context: CommandContext,
  plan: RuntimePlan,
  options: ProvideOptions,
): Promise<ProvidedRuntime> {
  const engine = await context.stores.engine();
  const name = storedName(engine, runtimeName(plan.digest));
  const existing = options.isFresh ? undefined : await inspectImage(engine, name);
  if (existing && isMadeBy(plan, existing)) {
    context.console.say(`the runtime ${showImageName(name)} is there already; it is not built again`);
    return { name, id: existing.id, outcome: 'reused' };
  }
  const id = await buildRuntime(context, { engine, plan, name }, options);
  await nameImage(engine, id, { name, shown: `${engine.subject}: ${showImageName(name)}` });
  return { name, id, outcome: 'built' };
}

interface Making {
  readonly engine: Engine;
  readonly plan: RuntimePlan;
  readonly name: ImageName;
}

async function buildRuntime(
  context: CommandContext,
  { engine, plan: { order, recipe, digest }, name }: Making,
  { isFresh, network, removeStages }: ProvideOptions,
): Promise<Digest> {
  const { console, stores, world } = context;
  const secrets = await readSecrets(recipe.secrets, order.distribution.image);
  const builder = builderOf(engine, world.environment, secrets.size > 0);
  const shown = `the runtime ${showImageName(name)}`;
  console.say(`building ${shown} on ${order.distribution.image} with ${engine.subject}`);
  const output = new BuildOutput(console);
  const { id, stages } = await buildImage(
    engine,
    {
      subject: shown,
      context: () => contextOf(recipe),
      buildArguments: recipe.buildArguments,
      labels: { [labels.recipe]: digest },
      ...(network !== undefined && { network }),
      isFresh,
      registries: [baseRegistry(order)],
      secrets,
      loginFor: (host) => stores.loginFor(host),
    },
    { builder, onEvent: (event) => output.show(event) },
  );
  output.end();
  if (removeStages) await removeImages(engine, stages);
  return id;
}

/** Secrets need BuildKit; `DOCKER_BUILDKIT` decides as for `docker build`; otherwise the Engine's own wish. Podman has one builder. */
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

function baseRegistry({ registry, distribution }: BuildOrder): string {
  return parseImageName(registry === undefined ? distribution.image : `${registry}/${distribution.image}`)
    .domain;
}

/** No clock and no owner of this machine: the Engine's own cache goes by the bytes. */
async function* contextOf({ files }: Recipe) {
  yield tarBytes(
    files.map(({ path, mode, content }) => ({
      kind: 'file',
      name: bytesOfText(path),
      mode,
      uid: 0,
      gid: 0,
      mtimeSeconds: 0,
      content,
    })),
  );
}
