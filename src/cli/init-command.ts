import { resolve } from 'node:path';
import { writeFileAtomically } from '../base/atomic-file.ts';
import { type ImagePath, imagePath, isWithin } from '../base/image-path.ts';
import { configuredApp, noChoices } from '../build-options.ts';
import { checkIsAppImage } from '../graminize.ts';
import { presetFor, presetNames } from '../manifest/presets.ts';
import { findWritablePlaces } from '../own-manifest.ts';
import { parseReference } from '../reference/image-reference.ts';
import type { RuntimeVersion } from '../runtime/version.ts';
import { findStart, type Start } from '../scan/find-start.ts';
import { scanImage } from '../scan/scan-image.ts';
import { selectTrustedFiles } from '../scan/trusted-files.ts';
import { findWritePlaces } from '../scan/write-places.ts';
import { type StarterParts, starterManifest } from '../starter-manifest.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { declaredVolumes } from '../volume-report.ts';
import { choiceOption } from './choice-option.ts';
import { parseWords } from './choice-values.ts';
import { exitCodes } from './failure.ts';
import { showWriteSign } from './place-report.ts';
import type { AddCommand, CommandContext, CommonOptions } from './program.ts';
import { defaultRuntimeVersion, runtimeVersionOption } from './runtime-version-option.ts';
import { scanProgress } from './scan-progress.ts';
import { addStoreOptions } from './store-options.ts';

interface Options extends CommonOptions {
  readonly output?: string;
  readonly runtimeVersion?: RuntimeVersion;
  readonly preset: string;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
}

export const addInit: AddCommand = (program, act) => {
  const command = program
    .command('init')
    .summary('write a manifest to begin with')
    .description(
      'Writes a commented manifest for an image: what starts, what its program is known to need, what is to be decided.',
    )
    .argument('IMAGE', 'the app image, as for gsc build')
    .option('-o, --output <file>', 'where to, if there is no such file yet; default standard output')
    .addOption(runtimeVersionOption())
    .addOption(
      choiceOption('--preset <name>', 'what the program needs; auto: by the program', presetNames).default(
        'auto',
      ),
    )
    .option('--entrypoint <words>', "in place of the image's ENTRYPOINT and CMD", (text: string) =>
      parseWords('--entrypoint', text),
    )
    .option('--cmd <words>', "in place of the image's CMD", (text: string) => parseWords('--cmd', text))
    .option('--no-cache', 'neither read nor write the cache of layer indexes (also -nc)')
    .action(act(init));
  addStoreOptions(command);
};

async function init(context: CommandContext, options: Options, imageText: string): Promise<number> {
  const { world, console, isJson, stores, cache } = context;
  const { image: app } = await stores.open(parseReference(imageText));
  checkIsAppImage(app);
  const { tree } = await scanImage(app, {
    ...cache.forScan,
    onProgress: scanProgress(console, app),
    signal: world.signal,
  });
  const { output, entrypoint, cmd, runtimeVersion: version = defaultRuntimeVersion } = options;
  const words = { ...(entrypoint && { entrypoint }), ...(cmd && { cmd }) };
  const start = findStart(configuredApp(app, { ...noChoices, ...words }).config, tree, app.name);
  const preset = presetFor(options.preset, start, { user: undefined, version });
  const volumes = declaredVolumes(app.config);
  const manifest = starterManifest({
    appName: app.name,
    start,
    version,
    volumes,
    writePlaces: writePlacesOf(tree, start, volumes),
    ...(preset && { preset }),
  });
  if (output !== undefined) {
    await writeFileAtomically(resolve(world.workingDirectory, output), manifest, { existing: 'refuse' });
    console.say(`written to ${output}`);
  }
  if (isJson) console.result(`${JSON.stringify({ manifest, preset: preset?.preset.name })}\n`);
  else if (output === undefined) console.result(manifest);
  return exitCodes.done;
}

/** What the library OS has of its own. */
const emulated = ['/dev', '/proc', '/sys'].map(imagePath);

/** Places to write to that neither a VOLUME nor a tmpfs of gsc's own covers, and that hold nothing that must stay visible. */
function writePlacesOf(
  tree: FileTree,
  start: Start,
  volumes: readonly ImagePath[],
): NonNullable<StarterParts['writePlaces']> {
  const { trusted } = selectTrustedFiles(tree, { subject: 'image' });
  const places = findWritePlaces({
    tree,
    user: start.user,
    trusted: new Set(trusted.map(({ path }) => path)),
  });
  const covered = [...findWritablePlaces(tree), ...emulated, ...volumes];
  return places
    .filter(({ path, trustedCount }) => trustedCount === 0 && !covered.some((each) => isWithin(path, each)))
    .map((place) => ({ path: place.path, reason: showWriteSign(place) }));
}
