import { GscError } from '../base/error.ts';
import { baseNameOf, type ImagePath, imagePath, parentOf, showBytes } from '../base/image-path.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { readLoaderConfig } from './loader-config.ts';
import type { ProgramChain } from './program-chain.ts';

/** The C library that a program is built for. */
export type LibcKind = 'glibc' | 'musl' | 'static';

/** Where a program's shared libraries are. */
export interface LibraryPaths {
  readonly libc: LibcKind;
  /** Existing directories under their real names, in the order of the search, without repeats. */
  readonly directories: readonly ImagePath[];
  readonly notes: readonly string[];
}

/** Where glibc of Debian (multiarch) and of other distributions looks by itself. ld.so(8). */
export const glibcDefaultDirectories: readonly ImagePath[] = [
  '/lib/x86_64-linux-gnu',
  '/usr/lib/x86_64-linux-gnu',
  '/lib64',
  '/usr/lib64',
  '/lib',
  '/usr/lib',
].map(imagePath);

/**
 * The library directories of a program: for glibc those of /etc/ld.so.conf, the defaults and the loader's own; for musl
 * the loader's own alone (it reads its own configuration, and the library OS looks for it there); for static programs
 * none. Throws an `entrypoint` error for another C library.
 */
export function findLibraryPaths(chain: ProgramChain, tree: FileTree, subject: string): LibraryPaths {
  if (chain.loader === undefined) return { libc: 'static', directories: [], notes: [] };
  const { name, executable } = chain.loader;
  const libc = libcOf([baseNameOf(name), baseNameOf(executable.path)]);
  if (libc === undefined) throw unknownLoader(name, subject);
  const own = parentOf(name);
  if (libc === 'musl') return { libc, directories: existing(tree, [own]), notes: [] };
  const config = readLoaderConfig(tree);
  const all = [...config.directories, ...glibcDefaultDirectories, own];
  return { libc, directories: existing(tree, all), notes: config.notes };
}

/** By the names of loaders: `ld-linux-x86-64.so.2`, `ld-2.31.so`, `ld-lsb-x86-64.so.3`; `ld-musl-x86_64.so.1`. */
function libcOf(names: readonly string[]): 'glibc' | 'musl' | undefined {
  if (names.some((name) => name.startsWith('ld-musl-'))) return 'musl';
  return names.some((name) => /^ld-(linux|lsb|\d)/.test(name)) ? 'glibc' : undefined;
}

function existing(tree: FileTree, directories: readonly ImagePath[]): readonly ImagePath[] {
  const real = directories.flatMap((directory) => {
    const found = resolvePath(tree, directory);
    return found.kind === 'found' && found.node.kind === 'directory' ? [found.path] : [];
  });
  return [...new Set(real)];
}

function unknownLoader(name: ImagePath, subject: string): GscError {
  return new GscError({
    code: 'entrypoint',
    subject,
    message: `expected a program for glibc or musl, got one with the loader ${showBytes(name)}`,
    hint: 'link the program statically, or against glibc or musl',
  });
}
