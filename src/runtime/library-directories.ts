import { type ByteString, childOf, type ImagePath, imagePath, parentOf } from '../base/image-path.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { sortedNames } from '../tree/walk-tree.ts';
import { readOne, realFileAt, type TreeSource } from './tree-source.ts';

/**
 * The directories in which glibc's loader looks without a cache, as built for Debian (multiarch) and for RPM systems
 * (lib64). ld.so(8).
 */
const glibcDirectories: readonly ImagePath[] = [
  '/lib/x86_64-linux-gnu',
  '/usr/lib/x86_64-linux-gnu',
  '/lib64',
  '/usr/lib64',
  '/lib',
  '/usr/lib',
].map(imagePath);

/** ldconfig(8); openSUSE keeps its own below /usr. */
const configFiles: readonly ImagePath[] = ['/etc/ld.so.conf', '/usr/etc/ld.so.conf'].map(imagePath);

/** musl, ldso/dynlink.c: the built-in search path. */
const muslDirectories: readonly ImagePath[] = ['/lib', '/usr/local/lib', '/usr/lib'].map(imagePath);

/**
 * Where the loader of a C library looks for shared objects that have no path of their own, in order: the configured
 * directories (`/etc/ld.so.conf` with its includes, for musl `/etc/ld-musl-x86_64.path`), then the built-in ones.
 */
export async function libraryDirectories(
  source: TreeSource,
  cLibrary: 'glibc' | 'musl',
): Promise<readonly ImagePath[]> {
  if (cLibrary === 'glibc') {
    const path = configFiles.find((candidate) => realFileAt(source.tree, candidate) !== undefined);
    const configured = path === undefined ? [] : await directoriesInConfig(source, path, new Set());
    return [...configured, ...glibcDirectories];
  }
  const configured = realFileAt(source.tree, '/etc/ld-musl-x86_64.path');
  if (configured === undefined) return muslDirectories;
  const text = (await readOne(source, configured.path)).toString('latin1');
  return text
    .split(/[:\n]/)
    .filter((word) => word.startsWith('/'))
    .map(imagePath);
}

/** The directories of one file of the form of ld.so.conf, in order; a file counts once. ldconfig(8). */
async function directoriesInConfig(
  source: TreeSource,
  path: ImagePath,
  seen: Set<ImagePath>,
): Promise<readonly ImagePath[]> {
  const file = realFileAt(source.tree, path);
  if (file === undefined || seen.has(file.path)) return [];
  seen.add(file.path);
  const directories: ImagePath[] = [];
  for (const line of (await readOne(source, file.path)).toString('latin1').split('\n')) {
    const words = line.replace(/#.*/, '').trim().split(/\s+/);
    if (words[0] === 'include') {
      for (const pattern of words.slice(1)) {
        for (const included of filesLike(source, pattern, parentOf(path))) {
          directories.push(...(await directoriesInConfig(source, included, seen)));
        }
      }
    } else if (words[0]?.startsWith('/')) {
      directories.push(imagePath(words[0].replace(/=.*/, '')));
    }
  }
  return directories;
}

/** The files that a pattern with `*` and `?` in its last component names, in byte order. */
function filesLike(source: TreeSource, pattern: ByteString, from: ImagePath): readonly ImagePath[] {
  const whole = imagePath(pattern.startsWith('/') ? pattern : `${from}/${pattern}`);
  const directory = resolvePath(source.tree, parentOf(whole));
  if (directory.kind !== 'found' || directory.node.kind !== 'directory') return [];
  const last = whole.slice(whole.lastIndexOf('/') + 1);
  const likeness = new RegExp(
    `^${last
      .replace(/[\\^$.+()[\]{}|]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    's',
  );
  return sortedNames(directory.node)
    .filter((name) => likeness.test(name))
    .map((name) => childOf(directory.path, name));
}
