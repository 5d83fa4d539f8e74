import { type ImagePath, imagePath } from '../base/image-path.ts';
import { appendLayers } from '../image/append.ts';
import type { RunConfig } from '../image/config.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import type { Image } from '../image/image.ts';
import { imageTimes } from '../image/image-times.ts';
import { type Labels, labels, patchesLabel } from '../image/labels.ts';
import { mediaTypes } from '../image/media-type.ts';
import { type AddedFile, addedLayer, checkRoomFor } from '../layer/added-layer.ts';
import { appLoaderScript } from '../runtime/apploader.ts';
import { harmfulHostVariables, hostEnvironment, launchArguments } from '../runtime/launch.ts';
import { showRuntimeVersion } from '../runtime/patch-marks.ts';
import { type Runtime, runtimeDigest, runtimeFiles } from '../runtime/runtime.ts';
import type { ContainerProcess } from '../start/container-process.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { lookup, resolvePath } from '../tree/resolve-path.ts';

export interface GraminizedLayersOptions {
  readonly tree: FileTree;
  readonly runtime: Runtime;
  readonly start: ContainerProcess;
  /** The complete manifest as it stands in the image. */
  readonly manifestBytes: Buffer;
  readonly insecureArguments: boolean;
  /** Files that the user adds. */
  readonly files: readonly AddedFile[];
  /** How messages call the result. */
  readonly name: string;
  /** Seconds since 1970 for the result's times; by default the app image's creation. */
  readonly epochSeconds?: number;
  /** gsc's own version, for a label. */
  readonly toolVersion: string;
  /** The app image's full name, for a label; images in files have none. */
  readonly baseName?: string;
}

/** The app image with the runtime's layer, the app files' layer and the configuration that starts it under Gramine. */
export function appendGraminizedLayers(app: Image, options: GraminizedLayersOptions): Image {
  const { tree, runtime, start, insecureArguments } = options;
  const hasShell = isExecutableFile(tree, '/bin/sh');
  const times = imageTimes(app.config, options.epochSeconds);
  const runtimeParts = runtimeFiles(runtime);
  const ownParts = appLayerFiles(options.manifestBytes, hasShell, insecureArguments);
  const appParts = [...ownParts, ...options.files];
  checkRoomFor(
    tree,
    [...runtimeParts, ...appParts].map((file) => file.path),
  );
  const common = {
    mtimeSeconds: times.epochSeconds,
    isDocker: app.manifest.mediaType === mediaTypes.dockerManifest,
  };
  const inBase = (path: ImagePath) => lookup(tree, path)?.kind === 'directory';
  const layers = [
    addedLayer(runtimeParts, {
      ...common,
      comment: `gsc build: ${showRuntimeVersion(runtime.version.text, runtime.patches)}${runtime.isStandIn ? ' (stand-in)' : ''}`,
      hasDirectory: inBase,
    }),
    addedLayer(appParts, {
      ...common,
      comment: 'gsc build: manifest',
      directories: start.workingDirectory.exists ? [] : [start.workingDirectory.realPath],
      hasDirectory: (path) => inBase(path) || path === '/gramine',
    }),
  ];
  return appendLayers(app, {
    name: options.name,
    layers,
    created: times.created,
    configure: (config) => runConfigOf(config, { app, options, hasShell }),
  });
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

interface ConfigParts {
  readonly app: Image;
  readonly options: GraminizedLayersOptions;
  readonly hasShell: boolean;
}

/** The app's run configuration, started through the apploader, or through the SGX loader where there is no shell. */
function runConfigOf(config: RunConfig, { app, options, hasShell }: ConfigParts): RunConfig {
  const { Entrypoint, Cmd, Env, Labels, ...rest } = config;
  const launch = hasShell ? ['/bin/sh', graminizedPaths.appLoader] : [...launchArguments('sgx')];
  const fixed = options.insecureArguments ? (Entrypoint ?? []).slice(1) : [];
  const replaceable = Entrypoint?.length ? (Cmd ?? []) : (Cmd ?? []).slice(1);
  return {
    ...rest,
    Entrypoint: [...launch, ...fixed],
    ...(options.insecureArguments && replaceable.length > 0 && { Cmd: replaceable }),
    ...(Env && { Env: hasShell ? Env : hostEnvironmentOf(Env) }),
    ...(!Env && !hasShell && { Env: hostEnvironmentOf([]) }),
    Labels: { ...withoutBase(Labels ?? {}), ...labelsOf(app, options) },
  };
}

/** Without a shell the SGX loader finds its libraries by the container's own environment, which Gramine drops. */
function hostEnvironmentOf(entries: readonly string[]): string[] {
  const replaced = new Set([...harmfulHostVariables, ...Object.keys(hostEnvironment)]);
  const kept = entries.filter((entry) => !replaced.has(entry.split('=', 1)[0] ?? ''));
  return [...kept, ...Object.entries(hostEnvironment).map(([name, value]) => `${name}=${value}`)];
}

/** What the app image says of its own base is not true of the result, whose base is the app image. */
function withoutBase({ [labels.baseName]: _, [labels.baseDigest]: __, ...others }: Labels): Labels {
  return others;
}

function labelsOf(app: Image, options: GraminizedLayersOptions): Record<string, string> {
  const { runtime, toolVersion, baseName } = options;
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
