import { type ByteString, baseNameOf, type ImagePath, imagePath, isWithin } from '../base/image-path.ts';
import type { Executable } from '../start/executable.ts';
import type { DirectoryMount } from '../trust/directory-links.ts';
import type { TrustedFile } from '../trust/trusted-files.ts';

export interface Names {
  readonly mounts: readonly DirectoryMount[];
  readonly trusted: readonly TrustedFile[];
  /** Where other things are mounted: no name of the image leads through them. */
  readonly covered: readonly ImagePath[];
  /** True where the arguments come from the host: Gramine then passes the path of the program as argv[0]. */
  readonly isArgv0?: boolean;
}

/**
 * The path under which the library OS starts a program (`libos.entrypoint`). For an ELF file the real one, as `$ORIGIN`
 * and `/proc/self/exe` follow it. A script sees its path in `$0` as it was found, links and all, so it keeps that name if
 * the enclave can open it; and so does an ELF file under another name than its own whose argv[0] the path becomes: applets
 * of busybox go by it.
 */
export function entrypointName(program: Executable, names: Names): ImagePath {
  const { name, path, node } = program;
  const isNamedByPath =
    node.program?.kind === 'script' || (names.isArgv0 && baseNameOf(name) !== baseNameOf(path));
  if (name === path || !isNamedByPath) return path;
  if (names.covered.some((place) => isWithin(name, place))) return path;
  const opened = new Set<ByteString>([name, throughMount(name, names.mounts)]);
  return names.trusted.some((file) => opened.has(file.path)) ? name : path;
}

/** What a name means once the deepest mount above it is followed; the targets of mounts are real. */
function throughMount(name: ImagePath, mounts: readonly DirectoryMount[]): ImagePath {
  const above = mounts.filter(({ path }) => isWithin(name, path));
  const mount = above.sort((a, b) => b.path.length - a.path.length)[0];
  return mount === undefined ? name : imagePath(`${mount.target}/${name.slice(mount.path.length)}`);
}
