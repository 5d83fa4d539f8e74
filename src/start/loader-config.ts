import { type ComponentPattern, matchesComponent, parseComponent } from '../base/component-pattern.ts';
import { GscError } from '../base/error.ts';
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

const wildcards = /[*?[]/;

/** For patterns with wildcards, whose files are looked for. ldconfig sets no bounds; real images have one or two, of some characters. */
const maximumPatterns = 20;
const maximumPatternBytes = 255;

/** A file of which some lines are still to be taken. */
interface OpenFile {
  readonly path: ImagePath;
  readonly lines: readonly ByteString[];
  next: number;
}

class ConfigReader implements LoaderConfig {
  readonly directories: ImagePath[] = [];
  readonly notes: string[] = [];
  readonly #tree: FileTree;
  readonly #read = new Set<ImagePath>();
  readonly #patterns = new Set<ImagePath>();
  /** What is still to be taken, the next last: files, and those that include them. */
  readonly #pending: (ImagePath | OpenFile)[] = [];

  constructor(tree: FileTree) {
    this.#tree = tree;
  }

  /** Takes a file with all that it includes, in the place of the line that does. False if there is no such file. */
  read(path: ImagePath): boolean {
    if (!this.#enter(path)) return false;
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      if (typeof next === 'string') this.#enter(next);
      else this.#takeLines(next);
    }
    return true;
  }

  #enter(path: ImagePath): boolean {
    const found = resolvePath(this.#tree, path);
    if (found.kind !== 'found' || found.node.kind !== 'file') return false;
    if (this.#read.has(found.path)) return true;
    this.#read.add(found.path);
    const { content } = found.node;
    if (content === undefined) {
      this.notes.push(`${showBytes(found.path)} names library directories, but its content was not kept`);
      return true;
    }
    this.#pending.push({ path, lines: content.toString('latin1').split('\n'), next: 0 });
    return true;
  }

  /** Takes lines up to the first that includes something, which comes before the rest. */
  #takeLines(file: OpenFile): void {
    while (file.next < file.lines.length) {
      const included = this.#takeLine(file.lines[file.next] ?? '', file.path);
      file.next += 1;
      if (included.length === 0) continue;
      this.#pending.push(file);
      for (const path of included.toReversed()) this.#pending.push(path);
      return;
    }
  }

  /** Gives the files that the line includes. */
  #takeLine(line: ByteString, file: ImagePath): readonly ImagePath[] {
    const text = line.replace(/#.*$/, '').trim();
    const [word = '', ...patterns] = text.split(/[ \t]+/);
    if (text === '' || word === 'hwcap') return [];
    if (word === 'include' && patterns.length > 0) {
      return patterns.flatMap((pattern) =>
        this.#include(imagePath(pattern.startsWith('/') ? pattern : `${parentOf(file)}/${pattern}`)),
      );
    }
    if (text.startsWith('/')) this.directories.push(imagePath(withoutType(text)));
    return [];
  }

  /** The files of a pattern; none the second time, as all are taken already. */
  #include(pattern: ImagePath): readonly ImagePath[] {
    if (!wildcards.test(pattern)) return [pattern];
    if (this.#patterns.has(pattern)) return [];
    if (this.#patterns.size === maximumPatterns || pattern.length > maximumPatternBytes) {
      const note = `/etc/ld.so.conf includes more than ${maximumPatterns} patterns, or longer ones than ${maximumPatternBytes} bytes, which are ignored`;
      if (!this.notes.includes(note)) this.notes.push(note);
      return [];
    }
    this.#patterns.add(pattern);
    return expandPattern(this.#tree, pattern);
  }
}

/** Old files have the type of the library after the directory: `/usr/lib=libc6`. */
function withoutType(text: ByteString): ByteString {
  const type = text.indexOf('=', text.lastIndexOf('/'));
  return type < 0 ? text : text.slice(0, type).trimEnd();
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
  if (!wildcards.test(component)) return [childOf(directory, component)];
  const found = resolvePath(tree, directory);
  if (found.kind !== 'found' || found.node.kind !== 'directory') return [];
  const pattern = globPattern(component);
  return sortedNames(found.node)
    .filter((name) => !name.startsWith('.') || component.startsWith('.'))
    .filter((name) => pattern !== undefined && matchesComponent(pattern, name))
    .map((name) => childOf(directory, name));
}

/** Undefined for a range that runs backwards: in glob(7) it matches nothing. */
function globPattern(component: ByteString): ComponentPattern | undefined {
  try {
    // In glob(7) two asterisks are no more than one.
    return parseComponent(component.replace(/\*+/g, '*'), showBytes(component));
  } catch (error) {
    if (error instanceof GscError && error.code === 'usage') return undefined;
    throw error;
  }
}
