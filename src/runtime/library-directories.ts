import { type ImagePath, imagePath } from '../base/image-path.ts';
import { glibcDefaultDirectories } from '../start/library-paths.ts';
import { readLoaderConfig } from '../start/loader-config.ts';
import { readOne, realFileAt, type TreeSource } from './tree-source.ts';

/** musl, ldso/dynlink.c: the built-in search path. */
const muslDirectories: readonly ImagePath[] = ['/lib', '/usr/local/lib', '/usr/lib'].map(imagePath);

/**
 * Where the loader of a C library looks for shared objects that have no path, in order: the configured
 * directories (`/etc/ld.so.conf` with its includes, for musl `/etc/ld-musl-x86_64.path`), then the built-in ones.
 */
export async function libraryDirectories(
  source: TreeSource,
  cLibrary: 'glibc' | 'musl',
): Promise<readonly ImagePath[]> {
  if (cLibrary === 'glibc') {
    return [...readLoaderConfig(source.tree).directories, ...glibcDefaultDirectories];
  }
  const configured = realFileAt(source.tree, '/etc/ld-musl-x86_64.path');
  if (configured === undefined) return muslDirectories;
  const text = (await readOne(source, configured.path)).toString('latin1');
  return text
    .split(/[:\n]/)
    .filter((word) => word.startsWith('/'))
    .map(imagePath);
}
