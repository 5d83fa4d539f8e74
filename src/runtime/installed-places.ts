import { baseNameOf, childOf, type ImagePath, imagePath, isWithin } from '../base/image-path.ts';
import type { CLibraryName } from './package-directory.ts';
import { runtimePlacesOf } from './places.ts';
import type { Runtime } from './runtime.ts';

/** The package directory below a library directory: `<prefix>/<libdir>/gramine`, `graphene` until 2021. */
const packagePlace = /^(?:.*\/)?lib(?:64|\/x86_64-linux-gnu)?\/(?:gramine|graphene)(\/.*)?$/;

/** Libraries that Gramine installs beside its package directory, with links to them in those of its C libraries. */
const gramineLibrary = /^lib(?:ra_tls|secret_prov|sgx_util|mbed[a-z0-9]+_gramine)[\w.]*\.so/;

/**
 * Where a path of an installed Gramine (`/usr/lib/x86_64-linux-gnu/gramine/runtime/glibc`, the prefix of the Python GSC, …)
 * is in every graminized image; undefined for other paths, and for what this runtime does not have.
 */
export function installedPlace(runtime: Runtime, path: ImagePath): ImagePath | undefined {
  const candidate = inPackage(runtime, path) ?? libraryPlace(runtime, path, 'glibc');
  return candidate && hasPath(runtime, candidate) ? candidate : undefined;
}

/** The place of one of Gramine's own libraries for a C library, by its name in any directory; undefined if there is none. */
export function libraryPlace(
  runtime: Runtime,
  path: ImagePath,
  cLibrary: CLibraryName,
): ImagePath | undefined {
  const name = baseNameOf(path);
  if (!gramineLibrary.test(name)) return undefined;
  const place = childOf(runtimePlacesOf(runtime.version).cLibraryDirectory(cLibrary), name);
  return hasPath(runtime, place) ? place : undefined;
}

/** True for the names of Gramine's own libraries: those for attestation above all. */
export function isGramineLibrary(path: ImagePath): boolean {
  return gramineLibrary.test(baseNameOf(path));
}

/** True if the runtime has this file, or files below this directory, at this place of a graminized image. */
export function hasPath(runtime: Runtime, place: ImagePath): boolean {
  return runtime.files.some(({ path }) => isWithin(path, place));
}

function inPackage({ origin, version }: Runtime, path: ImagePath): ImagePath | undefined {
  const { packageDirectory, hostDirectory } = runtimePlacesOf(version);
  if (isWithin(path, packageDirectory) || isWithin(path, hostDirectory)) return path;
  if (isWithin(path, origin)) return imagePath(`${packageDirectory}/${path.slice(origin.length)}`);
  const match = packagePlace.exec(path);
  return match ? imagePath(`${packageDirectory}/${match[1] ?? ''}`) : undefined;
}
