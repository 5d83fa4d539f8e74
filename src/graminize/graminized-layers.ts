import { digestOf, hexOf } from '../base/digest.ts';
import { type ImagePath, imagePath } from '../base/image-path.ts';
import { appendLayers } from '../image/append.ts';
import type { RunConfig } from '../image/config.ts';
import { graminizedPaths, ownDirectoryOf } from '../image/graminized-paths.ts';
import type { Image } from '../image/image.ts';
import { imageTimes } from '../image/image-times.ts';
import { type Labels, labels, patchesLabel } from '../image/labels.ts';
import { mediaTypes } from '../image/media-type.ts';
import { runConfigDigest } from '../image/run-config-digest.ts';
import { type AddedFile, addedLayer, checkRoomFor } from '../layer/added-layer.ts';
import { appLoaderScript } from '../runtime/apploader.ts';
import { harmfulHostVariables, hostEnvironment, launchArguments } from '../runtime/launch.ts';
import { showRuntimeVersion } from '../runtime/patch-marks.ts';
import { runtimeDigest, runtimeDirectories, runtimeFiles } from '../runtime/runtime.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { lookup, resolvePath } from '../tree/resolve-path.ts';
import type { GraminizeOptions } from './build-options.ts';
import { recordedOptions, writeBuildRecord } from './build-record.ts';
import type { ComposedManifest } from './compose-manifest.ts';
import type { GraminizeContext } from './graminize-context.ts';

/** The app image with the runtime's layer, the app files' layer and the configuration that starts it under Gramine. */
export function appendGraminizedLayers(
  context: GraminizeContext,
  { manifest, hosts, attested }: ComposedManifest,
  options: GraminizeOptions,
): Image {
  const { configured: app, appTree: tree, runtime, start, argumentSource, choices } = context;
  const hasShell = isExecutableFile(tree, '/bin/sh');
  const times = imageTimes(app.config, options.epochSeconds);
  const raTls = attested.raTls?.program.file;
  const runtimeParts = [
    ...runtimeFiles(runtime).filter(({ path }) => path !== graminizedPaths.libpal),
    ...(raTls ? [raTls] : []),
  ];
  const appParts = [
    // Beside the manifest: who signs reads this layer alone, not the large one of the runtime.
    ...runtimeFiles(runtime).filter(({ path }) => path === graminizedPaths.libpal),
    ...appLayerFiles(manifest.bytes, hasShell, argumentSource === 'host'),
    ...(hosts === undefined ? [] : [{ path: graminizedPaths.hosts, mode: 0o644, content: hosts }]),
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
    comment: `gsc build: ${showRuntimeVersion(runtime.version.text, runtime.patches)}${runtime.isStandIn ? ' (stand-in)' : ''}`,
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
        ...runConfigOf(config, argumentSource === 'host', hasShell),
        Labels: {
          ...withoutBase(config.Labels ?? {}),
          ...labelsOf(context, options),
          [labels.runtimeLayer]: runtimeLayer.layer.diffId,
        },
      };
      const record = {
        base: app.layers.map(({ diffId }) => diffId),
        config: runConfigDigest(run),
        launch: launchFiles([...runtimeParts, ...appParts], manifest),
        options: recordedOptions(options),
      };
      return { ...run, Labels: { ...run.Labels, [labels.build]: writeBuildRecord(record) } };
    },
  });
}

/** The files of gsc's own directories that the manifest has no hash of. */
function launchFiles(
  files: readonly AddedFile[],
  { names }: ComposedManifest['manifest'],
): Readonly<Record<ImagePath, string>> {
  const unlisted = files.filter(
    ({ path }) =>
      ownDirectoryOf(path) !== undefined && !names.trusted.has(path) && path !== graminizedPaths.manifest,
  );
  return Object.fromEntries(unlisted.map(({ path, content }) => [path, hexOf(digestOf(content))]));
}

function isExecutableFile(tree: FileTree, path: string): boolean {
  const found = resolvePath(tree, imagePath(path));
  return found.kind === 'found' && found.node.kind === 'file' && (found.node.mode & 0o111) !== 0;
}

function appLayerFiles(content: Buffer, hasShell: boolean, insecureArguments: boolean): readonly AddedFile[] {
  const script = appLoaderScript({ commandLineArguments: insecureArguments ? 'passed' : 'ignored' });
  return [
    { path: graminizedPaths.manifest, mode: 0o644, content },
    ...(hasShell ? [{ path: graminizedPaths.appLoader, mode: 0o755, content: Buffer.from(script) }] : []),
  ];
}

/** The app's run configuration, started through the apploader, or through the SGX loader where there is no shell. */
function runConfigOf(config: RunConfig, insecureArguments: boolean, hasShell: boolean): RunConfig {
  const { Entrypoint, Cmd, Env, Labels: _, ...rest } = config;
  const launch = hasShell ? ['/bin/sh', graminizedPaths.appLoader] : [...launchArguments('sgx')];
  const fixed = insecureArguments ? (Entrypoint ?? []).slice(1) : [];
  const replaceable = Entrypoint?.length ? (Cmd ?? []) : (Cmd ?? []).slice(1);
  return {
    ...rest,
    Entrypoint: [...launch, ...fixed],
    ...(insecureArguments && replaceable.length > 0 && { Cmd: replaceable }),
    ...(Env && { Env: hasShell ? Env : hostEnvironmentOf(Env) }),
    ...(!Env && !hasShell && { Env: hostEnvironmentOf([]) }),
  };
}

/** Without a shell the SGX loader finds its libraries by the container's own environment, which Gramine drops. */
function hostEnvironmentOf(entries: readonly string[]): string[] {
  const replaced = new Set([...harmfulHostVariables, ...Object.keys(hostEnvironment)]);
  const kept = entries.filter((entry) => !replaced.has(entry.split('=', 1)[0] ?? ''));
  return [...kept, ...Object.entries(hostEnvironment).map(([name, value]) => `${name}=${value}`)];
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
