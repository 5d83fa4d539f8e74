import { type ImagePath, imagePath, isWithin } from '../base/image-path.ts';

/** Where things lie in every graminized image, whatever the runtime's origin: equal files give equal measurements. */
export const runtimePaths = {
  /** The runtime's package directory. */
  packageDirectory: imagePath('/gramine/runtime'),
  libos: imagePath('/gramine/runtime/libsysdb.so'),
  /** The ELF interpreter and the shared libraries of the SGX loader. */
  hostDirectory: imagePath('/gramine/host'),
  hostInterpreter: imagePath('/gramine/host/ld.so'),
  /** The manifest, its signature, and what starts them. */
  appDirectory: imagePath('/gramine/app_files'),
  appLoader: imagePath('/gramine/app_files/apploader.sh'),
  /** `<application>` of the loaders: `.manifest`, `.manifest.sgx` and `.sig` are appended to it. */
  application: imagePath('/gramine/app_files/entrypoint'),
} as const;

/** gsc's own directories; whatever else an image has below `/gramine` is the application's. */
const ownDirectories: readonly ImagePath[] = [
  runtimePaths.packageDirectory,
  runtimePaths.hostDirectory,
  runtimePaths.appDirectory,
];

/** The one of gsc's own directories that a path is, or lies in; undefined if it lies in none. */
export function ownDirectoryOf(path: ImagePath): ImagePath | undefined {
  return ownDirectories.find((directory) => isWithin(path, directory));
}

/** How the application is started: in an enclave, or on Gramine without one. */
export type LaunchMode = 'sgx' | 'direct';

/**
 * The command line of a loader, without the application's own arguments: `loader libpal init application`. As an image's
 * entrypoint in exec form it needs no shell.
 */
export function launchArguments(mode: LaunchMode): readonly string[] {
  return [loaderPath(mode), libpalPath(mode), 'init', runtimePaths.application];
}

/**
 * The environment of the SGX loader's process, which finds its libraries by it. An image without a shell carries it in
 * its config's Env, in place of the app's own LD_LIBRARY_PATH; LD_PRELOAD and LD_AUDIT must not be there then. The
 * application never sees it: Gramine drops the host's environment and takes the manifest's.
 */
export const hostEnvironment: Readonly<Record<string, string>> = {
  LD_LIBRARY_PATH: runtimePaths.hostDirectory,
};

/** Variables that would make the host's ELF interpreter load libraries of the app into the SGX loader. ld.so(8). */
export const harmfulHostVariables: readonly string[] = ['LD_PRELOAD', 'LD_AUDIT'];

function loaderPath(mode: LaunchMode): ImagePath {
  return imagePath(`${runtimePaths.packageDirectory}/${mode}/loader`);
}

function libpalPath(mode: LaunchMode): ImagePath {
  return imagePath(`${runtimePaths.packageDirectory}/${mode}/libpal.so`);
}
