import { digestOf, hexOf } from '../base/digest.ts';
import { baseNameOf, type ImagePath, imagePath } from '../base/image-path.ts';
import { appendLayers } from '../image/append.ts';
import type { RunConfig } from '../image/config.ts';
import { ownDirectoryOf } from '../image/graminized-paths.ts';
import type { Image } from '../image/image.ts';
import { imageTimes } from '../image/image-times.ts';
import { type Labels, labels, patchesLabel } from '../image/labels.ts';
import { mediaTypes } from '../image/media-type.ts';
import { runConfigDigest } from '../image/run-config-digest.ts';
import { type AddedFile, addedLayer, checkRoomFor } from '../layer/added-layer.ts';
import type { CompleteManifest } from '../manifest/complete-manifest.ts';
import { appLaunch, droppedVariables } from '../runtime/app-launch.ts';
import type { AppLaunch } from '../runtime/launch-order.ts';
import { showRuntimeVersion } from '../runtime/patch-marks.ts';
import { type EnclaveFiles, manifestsLabel, runtimePlacesOf } from '../runtime/places.ts';
import { runtimeDigest, runtimeDirectories, runtimeFiles } from '../runtime/runtime.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { lookup, resolvePath } from '../tree/resolve-path.ts';
import type { GraminizeOptions } from './build-options.ts';
import { foldDirectories, recordedOptions, writeBuildRecord } from './build-record.ts';
import type { ComposedManifest } from './compose-manifest.ts';
import type { GraminizeContext } from './graminize-context.ts';

/** What the app layer has of one enclave. */
export interface BuiltEnclave {
  readonly files: EnclaveFiles;
  readonly manifest: CompleteManifest;
  /** See `ComposedManifest`. */
  readonly ownFiles: readonly AddedFile[];
}

/** What the layers hold besides the enclaves. */
interface LayerParts extends Pick<ComposedManifest, 'attested'> {
  readonly launch: AppLaunch;
  readonly options: GraminizeOptions;
}

/** The app image with the runtime's layer, the app files' layer and the configuration that starts it under Gramine. */
export function appendGraminizedLayers(
  context: GraminizeContext,
  enclaves: readonly BuiltEnclave[],
  { launch, attested, options }: LayerParts,
): Image {
  const { configured: app, appTree: tree, runtime, start, argumentSource, choices } = context;
  const times = imageTimes(app.config, options.epochSeconds);
  const raTls = attested.raTls?.program.file;
  const { libpal, hostDirectory } = runtimePlacesOf(runtime.version);
  const runtimeParts = [
    ...runtimeFiles(runtime).filter(({ path }) => path !== libpal),
    ...(raTls ? [raTls] : []),
  ];
  const appParts = [
    ...enclaves.map(({ files, manifest }) => ({
      path: files.manifest,
      mode: 0o644,
      content: manifest.bytes,
    })),
    // With the manifest: who signs reads this layer alone, not the large one of the runtime.
    ...runtimeFiles(runtime).filter(({ path }) => path === libpal),
    ...launch.files,
    ...uniqueFiles(enclaves.flatMap(({ ownFiles }) => ownFiles)),
    ...attested.added,
    ...choices.files,
  ];
  checkRoomFor(
    tree,
    [...runtimeParts, ...appParts].map((file) => file.path),
  );
  const common = {
    mtimeSeconds: times.epochSeconds,
    isDocker: app.manifest.mediaType === mediaTypes.dockerManifest,
  };
  const inBase = (path: ImagePath) => lookup(tree, path)?.kind === 'directory';
  const runtimeLayer = addedLayer(runtimeParts, {
    ...common,
    comment: `gsc build: ${showRuntimeVersion(runtime.version, runtime.patches)}${runtime.isStandIn ? ' (stand-in)' : ''}`,
    hasDirectory: inBase,
  });
  const inRuntime = new Set(runtimeDirectories({ files: runtimeParts }));
  const appLayer = addedLayer(appParts, {
    ...common,
    comment: 'gsc build: manifest',
    directories: start.workingDirectory.exists ? [] : [start.workingDirectory.realPath],
    hasDirectory: (path) => inBase(path) || inRuntime.has(path),
  });
  return appendLayers(app, {
    name: options.name ?? `${app.name}-unsigned`,
    layers: [runtimeLayer, appLayer],
    created: times.created,
    configure: (config) => {
      const run = {
        ...runConfigOf(config, argumentSource === 'host', launch),
        Labels: {
          ...withoutBase(config.Labels ?? {}),
          ...labelsOf(context, options),
          ...manifestsLabel(enclaves.map(({ files }) => files)),
          [labels.runtimeLayer]: runtimeLayer.layer.diffId,
        },
      };
      const record = {
        base: app.layers.map(({ diffId }) => diffId),
        config: runConfigDigest(run),
        launch: launchFiles([...runtimeParts, ...appParts], { enclaves, launch, hostDirectory }),
        options: recordedOptions(options),
      };
      return { ...run, Labels: { ...run.Labels, [labels.build]: writeBuildRecord(record) } };
    },
  });
}

interface LaunchParts extends Pick<LayerParts, 'launch'> {
  readonly enclaves: readonly BuiltEnclave[];
  readonly hostDirectory: ImagePath;
}

/** The files that start the enclaves, and that no manifest has a hash of; what is in directories of the host part by directory. */
function launchFiles(
  files: readonly AddedFile[],
  { enclaves, launch, hostDirectory }: LaunchParts,
): Readonly<Record<ImagePath, string>> {
  const manifests = new Set(enclaves.map(({ files: { manifest } }) => manifest));
  const scripts = new Set(launch.files.map(({ path }) => path));
  const unlisted = files
    .filter(({ path }) => ownDirectoryOf(path) !== undefined || scripts.has(path))
    .filter(
      ({ path }) =>
        !manifests.has(path) && !enclaves.some(({ manifest: { names } }) => names.trusted.has(path)),
    )
    .map(({ path, mode, content }) => ({ path, mode, sha256: hexOf(digestOf(content)) }));
  return foldDirectories(unlisted, hostDirectory);
}

/** Says how the image of a build starts; `enclaves` are those of {@link appendGraminizedLayers}. */
export function launchOf(
  { appTree, argumentSource, runtime, start }: GraminizeContext,
  enclaves: readonly BuiltEnclave[],
): AppLaunch {
  return appLaunch(runtime, {
    hasShell: isExecutableFile(appTree, '/bin/sh'),
    passesArguments: argumentSource === 'host',
    directory: start.workingDirectory.realPath,
    names: enclaves.map(({ files }) => baseNameOf(files.manifest).replace(/\.manifest$/, '')),
    isUserRoot: start.user.uid === 0,
  });
}

function isExecutableFile(tree: FileTree, path: string): boolean {
  const found = resolvePath(tree, imagePath(path));
  return found.kind === 'found' && found.node.kind === 'file' && (found.node.mode & 0o111) !== 0;
}

/** Enclaves of one image share the files that do not depend on the program. */
function uniqueFiles(files: readonly AddedFile[]): readonly AddedFile[] {
  return [...new Map(files.map((file) => [file.path, file])).values()];
}

/** The app's run configuration, started as the runtime has it. */
function runConfigOf(config: RunConfig, insecureArguments: boolean, launch: AppLaunch): RunConfig {
  const { Entrypoint, Cmd, Env, Labels: _, ...rest } = config;
  const variables = containerVariables(Env ?? [], launch);
  const fixed = insecureArguments ? (Entrypoint ?? []).slice(1) : [];
  const replaceable = Entrypoint?.length ? (Cmd ?? []) : (Cmd ?? []).slice(1);
  return {
    ...rest,
    Entrypoint: [...launch.entrypoint, ...fixed],
    ...(insecureArguments && replaceable.length > 0 && { Cmd: replaceable }),
    ...((Env || variables.length > 0) && { Env: variables }),
  };
}

/** Without a shell the SGX loader finds its libraries by the container's own environment, which the runtime drops. */
function containerVariables(entries: readonly string[], { environment }: AppLaunch): string[] {
  const own = Object.entries(environment);
  if (own.length === 0) return [...entries];
  const replaced = new Set([...droppedVariables, ...Object.keys(environment)]);
  const kept = entries.filter((entry) => !replaced.has(entry.split('=', 1)[0] ?? ''));
  return [...kept, ...own.map(([name, value]) => `${name}=${value}`)];
}

/** What the app image says about its own base is not true of the result, whose base is the app image. */
function withoutBase({ [labels.baseName]: _, [labels.baseDigest]: __, ...others }: Labels): Labels {
  return others;
}

function labelsOf(
  { app, runtime }: GraminizeContext,
  { toolVersion = __GSC_VERSION__, baseName }: GraminizeOptions,
): Record<string, string> {
  return {
    ...(baseName !== undefined && { [labels.baseName]: baseName }),
    ...(app.isManifestSynthesized !== true && { [labels.baseDigest]: app.manifest.digest }),
    [labels.toolVersion]: toolVersion,
    [labels.family]: runtime.version.family,
    [labels.runtimeVersion]: runtime.version.text,
    [labels.runtimeDigest]: runtimeDigest(runtime),
    ...patchesLabel(runtime.patches),
    ...(runtime.isStandIn && { [labels.standIn]: 'true' }),
  };
}
