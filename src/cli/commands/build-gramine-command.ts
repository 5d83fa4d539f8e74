import { join, resolve } from 'node:path';
import { GscError } from '../../base/error.ts';
import { settingOf } from '../../config/configuration.ts';
import { type Configuration, type ImageName, readConfiguration } from '../../index.ts';
import { workspaceOf } from '../../library/images.ts';
import { parseReference } from '../../parts.ts';
import { planRuntime, provideRuntime, type RuntimePlan, recipeOf } from '../../provision/provide-runtime.ts';
import { readRuntimeBuildSpec } from '../../provision/runtime-build-spec.ts';
import { writeRecipe } from '../../provision/write-recipe.ts';
import { showImageName } from '../../reference/image-name.ts';
import type { Family } from '../../runtime/version.ts';
import type { Engine } from '../../store/engine/engine.ts';
import { inspectEngineImage, storedName } from '../../store/engine/image-facts.ts';
import { nameImage } from '../../store/engine/name-image.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import {
  addFirstOptions,
  addRuntimeBuildOptions,
  checkFirstOptions,
  type RuntimeBuildOptions,
  runtimeBuildChoices,
} from '../options/runtime-build-options.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions, RuntimeBuildOptions {
  readonly config?: string;
  readonly fileOnly?: boolean;
  readonly output?: string;
  readonly force?: boolean;
}

export const addBuildGramine: AddCommand = (program, act) => {
  const command = program
    .command('build-gramine')
    .alias('build-graphene')
    .summary('build a runtime from its sources')
    .description(
      'Builds a Gramine (or Graphene) runtime from its sources with an Engine, for --runtime or Gramine.Image. What was built before is not built again.',
    )
    .argument('NAME', 'name of the image with the runtime')
    .option('-c, --config <file>', 'the configuration; default config.yaml or config.json, if present');
  addFirstOptions(addRuntimeBuildOptions(command))
    .option('-f, --file-only', 'write the Dockerfile and what it copies, and stop')
    .option('-o, --output <dir>', 'where --file-only writes to; default build/gsc-NAME')
    .option('--force', 'replace an image, or with --file-only a directory, of that name')
    .option('--no-cache', 'build even if the runtime exists already (also -nc)')
    .action(act(buildGramine));
};

async function buildGramine(context: CommandContext, options: Options, nameText: string): Promise<number> {
  const configuration = await readConfiguration(context.host, options.config);
  checkFirstOptions(options, { configuration, command: 'build-gramine' });
  const image = engineName(nameText);
  const family = familyOf(configuration);
  const choices = runtimeBuildChoices(options);
  const order = await readRuntimeBuildSpec(workspaceOf(context.images), {
    family,
    configuration,
    choices,
    detect: undefined,
  });
  const asked = { image, plan: planRuntime(order) };
  return options.fileOnly ? writeFiles(context, options, asked) : build(context, options, asked);
}

/** `gsc build -G` of the first GSC: the runtime that the configuration wants, under gsc's own name for it. */
export async function buildRuntimeAlone(context: CommandContext, options: Options): Promise<number> {
  const configuration = await readConfiguration(context.host, options.config);
  checkFirstOptions(options, { configuration, command: 'build' });
  const workspace = workspaceOf(context.images);
  const choices = runtimeBuildChoices(options);
  const family = familyOf(configuration);
  const order = await readRuntimeBuildSpec(workspace, { family, configuration, choices, detect: undefined });
  const { name, id, recipe, outcome } = await provideRuntime(workspace, planRuntime(order), choices);
  return report(context, { image: showImageName(name), image_id: id, recipe, outcome });
}

interface Asked {
  readonly image: ImageName;
  readonly plan: RuntimePlan;
}

async function build(context: CommandContext, options: Options, { image, plan }: Asked): Promise<number> {
  const { images, console, isJson } = context;
  const workspace = workspaceOf(images);
  const engine = await workspace.images.engine();
  const name = storedName(engine, image);
  const shown = showImageName(name);
  const choices = runtimeBuildChoices(options);
  const existing = await inspectEngineImage(engine, name);
  const existingRecipe = existing && recipeOf(existing.labels, plan);
  if (existing && existingRecipe && !choices.isFresh) {
    console.say(`${shown} exists already, built in the same way`);
    return report(context, {
      image: shown,
      image_id: existing.id,
      recipe: existingRecipe,
      outcome: 'unchanged',
    });
  }
  if (existing && !options.force) throw taken(engine, shown, existing.id);
  const { id, recipe, outcome } = await provideRuntime(workspace, plan, choices);
  await nameImage(engine, id, { name, shown: `${engine.subject}: ${shown}` });
  if (!isJson) console.say(`gsc build --runtime ${shown} IMAGE graminizes with it`);
  return report(context, { image: shown, image_id: id, recipe, outcome });
}

function report(
  { console, isJson }: CommandContext,
  result: {
    readonly image: string;
    readonly image_id: string;
    readonly recipe: string;
    readonly outcome: string;
  },
): number {
  console.result(isJson ? `${JSON.stringify(result)}\n` : `${result.image} ${result.image_id}\n`);
  return exitCodes.done;
}

function taken(engine: Engine, shown: string, id: string): GscError {
  return new GscError({
    code: 'exists',
    subject: `${engine.subject}: ${shown}`,
    message: `the name belongs to another image, ${id}, which was built in another way`,
    hint: 'replace it with --force, or give another name',
  });
}

async function writeFiles(
  { host, console, isJson }: CommandContext,
  { output, force }: Options,
  { image, plan: { recipe, digest } }: Asked,
): Promise<number> {
  const directory = output ?? join('build', `gsc-${showImageName(image).replace(/[/:@]/g, '-')}`);
  const outcome = await writeRecipe(recipe, resolve(host.workingDirectory, directory), {
    isForced: force === true,
  });
  if (outcome === 'unchanged') console.say(`${directory} exists already, with the same content`);
  for (const { id } of recipe.secrets) console.say(`the build needs a secret: --secret id=${id},src=FILE`);
  for (const id of recipe.logins.keys())
    console.say(
      `the build needs a secret: --secret id=${id},src=FILE, with the lines username=NAME and password=PASSWORD`,
    );
  const result = {
    directory,
    dockerfile: join(directory, 'Dockerfile'),
    recipe: digest,
    outcome,
  };
  console.result(isJson ? `${JSON.stringify(result)}\n` : `${result.dockerfile}\n`);
  return exitCodes.done;
}

/** The result goes into an Engine: builds run there. */
function engineName(text: string): ImageName {
  const reference = parseReference(text);
  if (reference.kind === 'bare' && reference.image.kind === 'name') return reference.image;
  throw new GscError({
    code: 'usage',
    subject: text,
    message: 'expected a name without a transport: the image stays in the Engine that builds it',
    hint: 'write it as in my-gramine:1.9; skopeo copy or docker push copies it elsewhere',
  });
}

/** `build-graphene` is another word for the same: the configuration says what is built. */
function familyOf(configuration: Configuration): Family {
  const image = settingOf(configuration, 'Gramine.Image') ?? settingOf(configuration, 'Graphene.Image');
  if (image) {
    throw new GscError({
      code: 'config',
      subject: image.place,
      message: 'the configuration names a built runtime as Image: there is nothing to build',
      hint: 'remove Image, and set Repository and Branch',
    });
  }
  const gramine = settingOf(configuration, 'Gramine.Repository');
  const graphene = settingOf(configuration, 'Graphene.Repository');
  if (gramine && graphene) {
    throw new GscError({
      code: 'config',
      subject: graphene.place,
      message: 'the configuration names the sources of both Gramine and Graphene',
      hint: 'remove one of them',
    });
  }
  return graphene ? 'graphene' : 'gramine';
}
