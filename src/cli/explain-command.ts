import type { ImagePath } from '../base/image-path.ts';
import { type ExplainableImage, explainPath } from '../explain-path.ts';
import { explainableBuild, explainableImage } from '../explainable-image.ts';
import { graminize } from '../graminize.ts';
import type { Image } from '../image/image.ts';
import { stateOf } from '../labels.ts';
import { parseReference, showReference } from '../reference/image-reference.ts';
import { scanImage } from '../scan/scan-image.ts';
import {
  addContentOptions,
  type ContentOptions,
  readContentOptions,
  toImagePath,
} from './content-options.ts';
import { explanationText, explanationToJson } from './explain-report.ts';
import { exitCodes } from './failure.ts';
import { checkPathsFollow } from './operand-order.ts';
import { groupOptions } from './option-groups.ts';
import type { AddCommand, CommandContext, CommonOptions } from './program.ts';
import { scanProgress } from './scan-progress.ts';
import { addStoreOptions, type StoreOptions } from './store-options.ts';

interface Options extends CommonOptions, ContentOptions, StoreOptions {
  readonly manifest?: string;
}

export const addExplain: AddCommand = (program, act) => {
  const command = program
    .command('explain')
    .summary('say what the enclave does with a path, and why')
    .description(
      'Says of paths in an image what the enclave does with them: of a graminized image from its manifest, of an app image as gsc build with the same options would have it.',
    )
    .argument('IMAGE', 'an app image, or a graminized one')
    .argument('PATH...', 'absolute paths inside the image')
    .option('--manifest <file>', "for an app image: the user's Gramine manifest")
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
  const { console, stores, isJson } = context;
  checkPathsFollow(imageText, rest.flat());
  const { image, reference } = await stores.open(parseReference(imageText));
  // commander hands the last argument over as one array
  const paths = rest.flat().map((path) => toImagePath('PATH', path));
  const isApp = stateOf(image.config.config?.Labels ?? {}) === 'app';
  const explainable = isApp
    ? await explainApp(context, options, image)
    : await explainGraminized(context, image);
  const explanations = paths.map((path: ImagePath) => explainPath(explainable, path));
  const layerCount = explainable.diffIds.length;
  console.result(
    isJson
      ? `${JSON.stringify({ image: showReference(reference), paths: explanations.map(explanationToJson) })}\n`
      : explanations.map((explanation) => explanationText(explanation, layerCount)).join(''),
  );
  return exitCodes.done;
}

async function explainApp(context: CommandContext, options: Options, app: Image): Promise<ExplainableImage> {
  const wishes = await readContentOptions(context, options, {
    manifestFile: options.manifest,
    app: async () => app,
  });
  const scan = await scanWith(context, app);
  const graminized = await graminize(app, {
    ...wishes,
    tree: scan.tree,
    name: app.name,
    toolVersion: __GSC_VERSION__,
  });
  return explainableBuild(graminized, scan.indexes);
}

async function explainGraminized(context: CommandContext, image: Image): Promise<ExplainableImage> {
  return explainableImage(image, await scanWith(context, image));
}

function scanWith({ world, console, cache }: CommandContext, image: Image) {
  return scanImage(image, {
    ...cache.forScan,
    onProgress: scanProgress(console, image),
    signal: world.signal,
  });
}
