import {
  type ExplainableImage,
  explainableImage,
  explainPath,
  graminize,
  type Image,
  type ImagePath,
  type ImageScan,
} from '../../index.ts';
import {
  explainableBuild,
  familyName,
  labelledVersion,
  parseReference,
  type RuntimeVersion,
  showReference,
  stateOf,
} from '../../parts.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import {
  addContentOptions,
  type ContentOptions,
  readContentOptions,
  toImagePath,
} from '../options/content-options.ts';
import { checkPathsFollow } from '../options/operand-order.ts';
import { groupOptions } from '../options/option-groups.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { explanationText, explanationToJson } from '../reports/explain-report.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions, ContentOptions, StoreOptions {
  readonly manifest?: string;
}

export const addExplain: AddCommand = (program, act) => {
  const command = program
    .command('explain')
    .summary('say what the enclave does with a path, and why')
    .description(
      'Says what the enclave does with paths in an image: in a graminized image by its manifest, in an app image as gsc build with the same options would decide.',
    )
    .argument('IMAGE', 'an app image, or a graminized one')
    .argument('PATH...', 'absolute paths inside the image')
    .option('--manifest <file>', "for an app image: the user's manifest")
    .action(act(explain));
  addContentOptions(command);
  command.option('--no-cache', 'neither read nor write the cache of layer indexes (also -nc)');
  addStoreOptions(command);
  groupOptions(command);
};

async function explain(
  context: CommandContext,
  options: Options,
  imageText: string,
  ...rest: readonly string[]
): Promise<number> {
  const { console, images, isJson } = context;
  checkPathsFollow(imageText, rest.flat());
  const { image, reference } = await images.open(parseReference(imageText));
  // commander hands the last argument over as one array
  const paths = rest.flat().map((path) => toImagePath('PATH', path));
  const isApp = stateOf(image.config.config?.Labels ?? {}) === 'app';
  const { explainable, version } = isApp
    ? await explainApp(context, options, image)
    : await explainGraminized(context, image);
  const explanations = paths.map((path: ImagePath) => explainPath(explainable, path));
  const explained = { layerCount: explainable.diffIds.length, runtimeName: familyName(version) };
  console.result(
    isJson
      ? `${JSON.stringify({ image: showReference(reference), paths: explanations.map(explanationToJson) })}\n`
      : explanations.map((explanation) => explanationText(explanation, explained)).join(''),
  );
  return exitCodes.done;
}

/** What paths are explained in, and the runtime that decides about them. */
interface Explained {
  readonly explainable: ExplainableImage;
  readonly version: Pick<RuntimeVersion, 'family'>;
}

async function explainApp(context: CommandContext, options: Options, app: Image): Promise<Explained> {
  const { wishes, findRuntime } = await readContentOptions(context, options, options.manifest);
  const runtime = await (await findRuntime(app)).open();
  const scan = await scanWith(context, app);
  const graminized = await graminize(app, runtime, { ...wishes, tree: scan.tree, name: app.name });
  return { explainable: await explainableBuild(graminized, scan.indexes), version: runtime.version };
}

async function explainGraminized(context: CommandContext, image: Image): Promise<Explained> {
  const version = labelledVersion(image.config.config?.Labels ?? {}) ?? { family: 'gramine' };
  return { explainable: await explainableImage(image, await scanWith(context, image)), version };
}

async function scanWith({ console, images }: CommandContext, image: Image): Promise<ImageScan> {
  const scan = await images.scan(image);
  for (const warning of scan.tree.warnings) console.warn(warning);
  return scan;
}
