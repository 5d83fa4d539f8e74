import { resolve } from 'node:path';
import { writeFileAtomically } from '../../base/atomic-file.ts';
import { type ImagePath, isWithin } from '../../base/image-path.ts';
import { configuredApp, noChoices } from '../../graminize/build-options.ts';
import { checkIsAppImage } from '../../graminize/graminize.ts';
import { scratchDirectories } from '../../graminize/scratch-directories.ts';
import { type StarterParts, starterManifest } from '../../graminize/starter-manifest.ts';
import { declaredVolumes } from '../../graminize/volume-report.ts';
import { presetFor, presetNames } from '../../manifest/preset/presets.ts';
import { parseReference } from '../../reference/image-reference.ts';
import type { RuntimeVersion } from '../../runtime/version.ts';
import { scanImage } from '../../scan/scan-image.ts';
import { type ContainerProcess, findStart } from '../../start/container-process.ts';
import { emulatedPlaces } from '../../start/emulated-places.ts';
import type { FileTree } from '../../tree/file-tree.ts';
import { likelyWrittenDirectories } from '../../trust/likely-written-directories.ts';
import { selectTrustedFiles } from '../../trust/trusted-files.ts';
import { choiceOption } from '../options/choice-option.ts';
import { parseWords } from '../options/choice-values.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { defaultRuntimeVersion, runtimeVersionOption } from '../options/runtime-version-option.ts';
import { addStoreOptions } from '../options/store-options.ts';
import { showWriteSign } from '../reports/place-report.ts';
import { scanProgress } from '../reports/scan-progress.ts';
import { exitCodes } from '../terminal/failure.ts';

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
  const { host, console, isJson, images, cache } = context;
  const { image: app } = await images.open(parseReference(imageText));
  checkIsAppImage(app);
  const { tree } = await scanImage(app, {
    ...cache.forScan,
    onProgress: scanProgress(console, app),
    signal: host.signal,
  });
  for (const warning of tree.warnings) console.warn(warning);
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
    await writeFileAtomically(resolve(host.workingDirectory, output), manifest, { existing: 'refuse' });
    console.say(`written to ${output}`);
  }
  if (isJson) console.result(`${JSON.stringify({ manifest, preset: preset?.preset.name })}\n`);
  else if (output === undefined) console.result(manifest);
  return exitCodes.done;
}

/** Places to write to that neither a VOLUME nor a tmpfs of gsc's own covers, and that hold nothing that must stay visible. */
function writePlacesOf(
  tree: FileTree,
  start: ContainerProcess,
  volumes: readonly ImagePath[],
): NonNullable<StarterParts['writePlaces']> {
  const { trusted } = selectTrustedFiles(tree, { subject: 'image' });
  const places = likelyWrittenDirectories({
    tree,
    user: start.user,
    trusted: new Set(trusted.map(({ path }) => path)),
  });
  const covered = [...scratchDirectories(tree), ...emulatedPlaces, ...volumes];
  return places
    .filter(({ path, trustedCount }) => trustedCount === 0 && !covered.some((each) => isWithin(path, each)))
    .map((place) => ({ path: place.path, reason: showWriteSign(place) }));
}
