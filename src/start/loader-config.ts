import {
  type ByteString,
  childOf,
  componentsOf,
  type ImagePath,
  imagePath,
  parentOf,
  rootPath,
  showBytes,
} from '../base/image-path.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { sortedNames } from '../tree/walk-tree.ts';

/** What /etc/ld.so.conf says. */
export interface LoaderConfig {
  /** As written, in order, perhaps not existing. */
  readonly directories: readonly ImagePath[];
  /** Included files whose content is not at hand. */
  readonly notes: readonly string[];
}

/** Reads /etc/ld.so.conf of an image with all that it includes. ldconfig(8); glibc, elf/ldconfig.c, `parse_conf`. */
export function readLoaderConfig(tree: FileTree): LoaderConfig {
  const reader = new ConfigReader(tree);
  for (const path of ['/etc/ld.so.conf', '/usr/etc/ld.so.conf']) {
    if (reader.read(imagePath(path))) break;
  }
  return reader;
}

class ConfigReader implements LoaderConfig {
  readonly directories: ImagePath[] = [];
  readonly notes: string[] = [];
  readonly #tree: FileTree;
  readonly #read = new Set<ImagePath>();

  constructor(tree: FileTree) {
    this.#tree = tree;
  }

  /** False if there is no such file. */
  read(path: ImagePath): boolean {
    const found = resolvePath(this.#tree, path);
    if (found.kind !== 'found' || found.node.kind !== 'file') return false;
    if (this.#read.has(found.path)) return true;
    this.#read.add(found.path);
    const { content } = found.node;
    if (content === undefined) {
      this.notes.push(`${showBytes(found.path)} names library directories, but its content was not kept`);
      return true;
    }
    for (const line of content.toString('latin1').split('\n')) this.#takeLine(line, path);
    return true;
  }

  #takeLine(line: ByteString, file: ImagePath): void {
    const text = line.replace(/#.*$/, '').trim();
    const [word = '', ...patterns] = text.split(/[ \t]+/);
    if (text === '' || word === 'hwcap') return;
    if (word === 'include' && patterns.length > 0) {
      for (const pattern of patterns) {
        const absolute = imagePath(pattern.startsWith('/') ? pattern : `${parentOf(file)}/${pattern}`);
        for (const path of expandPattern(this.#tree, absolute)) this.read(path);
      }
    } else if (text.startsWith('/')) {
      // Old files have the type of the library after the directory: `/usr/lib=libc6`.
      this.directories.push(imagePath(text.replace(/[ \t]*=[^/]*$/, '')));
    }
  }
}

/** The paths that a pattern of glob(7) names, in byte order; `*`, `?` and `[…]` work, dot files need their dot. */
export function expandPattern(tree: FileTree, pattern: ImagePath): readonly ImagePath[] {
  let paths: readonly ImagePath[] = [rootPath];
  for (const component of componentsOf(pattern)) {
    paths = paths.flatMap((path) => expandComponent(tree, path, component));
  }
  return paths.filter((path) => resolvePath(tree, path).kind === 'found');
}

function expandComponent(tree: FileTree, directory: ImagePath, component: ByteString): readonly ImagePath[] {
  if (!/[*?[]/.test(component)) return [childOf(directory, component)];
  const found = resolvePath(tree, directory);
  if (found.kind !== 'found' || found.node.kind !== 'directory') return [];
  const expression = globExpression(component);
  return sortedNames(found.node)
    .filter((name) => expression.test(name) && (!name.startsWith('.') || component.startsWith('.')))
    .map((name) => childOf(directory, name));
}

function globExpression(component: ByteString): RegExp {
  const source = component.replace(/\[([!^]?)([^\]]+)\]|[\\^$.*+?()[\]{}|]/g, (found, not, set) => {
    if (set !== undefined) return `[${not ? '^' : ''}${set.replace(/[\\\]^]/g, '\\$&')}]`;
    if (found === '*') return '.*';
    return found === '?' ? '.' : `\\${found}`;
  });
  try {
    return new RegExp(`^${source}$`, 's');
  } catch {
    // A range that runs backwards; in glob(7) it matches nothing.
    return /(?!)/;
  }
}
