import { GscError } from '../base/error.ts';
import {
  type ByteString,
  baseNameOf,
  childOf,
  componentsOf,
  type ImagePath,
  parentOf,
  rootPath,
  showBytes,
} from '../base/image-path.ts';
import type { LayerEntry } from './entry.ts';
import type { FileTree, TreeNode } from './file-tree.ts';
import { realComponents, resolvePath } from './resolve-path.ts';
import {
  givenDirectory,
  impliedDirectory,
  impliedOwnership,
  replacingDirectory,
  type UpperDirectory,
  type UpperNode,
} from './upper-directory.ts';

type EntryOf<K extends LayerEntry['kind']> = Extract<LayerEntry, { kind: K }>;

export interface LayerUnpackerOptions {
  /** The layers below. Hard links may lead there; nothing else of a layer depends on them. */
  readonly lower: FileTree;
  /** The index of the layer, 0 is the lowest. */
  readonly layer: number;
  /** Names the layer in errors. */
  readonly subject: string;
}

/** Where an entry goes once links of its own layer are followed. */
interface Place {
  readonly parent: UpperDirectory;
  readonly name: ByteString;
}

interface KnownDirectory {
  /** Links followed. */
  readonly components: readonly ByteString[];
  readonly directory: UpperDirectory;
}

/** Linux, NAME_MAX and PATH_MAX (without its NUL) of include/uapi/linux/limits.h. */
const maximalNameBytes = 255;
const maximalPathBytes = 4095;

/** Messages show so much of a path. */
const shownCharacters = 200;

/**
 * Unpacks one layer into its own directory, as engines with overlay file systems do: entries one after another, the
 * last of a name wins, links are followed inside the root, and only those that the layer itself made are there.
 */
export class LayerUnpacker {
  readonly root: UpperDirectory = impliedDirectory();
  /** Files of the layer that gave way to a directory because entries after them are below. */
  readonly replacedFiles = new Set<ImagePath>();
  /** The layer gave something under a name that it had given something under before. */
  hasRepeats = false;
  readonly #options: LayerUnpackerOptions;
  /** Where directories of entries lead to. Forgotten where a name changes. */
  readonly #known = new Map<ImagePath, KnownDirectory>();

  constructor(options: LayerUnpackerOptions) {
    this.#options = options;
  }

  /** Applies one entry. Throws a `tree` error that names the layer, the path and the reason if it cannot be. */
  apply(entry: LayerEntry): void {
    switch (entry.kind) {
      case 'file':
      case 'symlink':
      case 'special':
        this.#put(this.#placeOf(entry), this.#nodeOf(entry));
        break;
      case 'directory':
        this.#applyDirectory(entry);
        break;
      case 'hardlink':
        this.#applyHardLink(entry);
        break;
      case 'whiteout':
        this.#applyWhiteout(this.#placeOf(entry));
        break;
      case 'opaque':
        // The marker is a file inside the directory, so links to the directory are followed.
        this.#descend(entry, entry.path).isOpaque = true;
        break;
    }
  }

  #put({ parent, name }: Place, node: UpperNode): void {
    const before = parent.children.get(name);
    if (node.kind === 'symlink' || before) this.#known.clear();
    if (before && before.kind !== 'whiteout') this.hasRepeats = true;
    parent.children.set(name, node);
  }

  /** A link or file of that name gives way. */
  #applyDirectory(entry: EntryOf<'directory'>): void {
    const { mode, uid, gid } = entry;
    const ownership = { mode, uid, gid };
    if (entry.path === rootPath) {
      this.root.ownership = ownership;
      return;
    }
    const place = this.#placeOf(entry);
    const existing = place.parent.children.get(place.name);
    if (existing?.kind === 'directory') existing.ownership = ownership;
    else this.#put(place, givenDirectory(ownership, existing !== undefined));
  }

  /** As `link(2)`: what stood at the name gives way first, the target is what is there by now. */
  #applyHardLink(entry: EntryOf<'hardlink'>): void {
    const place = this.#placeOf(entry);
    this.#put(place, { kind: 'whiteout' });
    const target = this.#findOwn(entry.target) ?? this.#findLower(entry.target);
    if (target === undefined)
      throw this.#badLink(entry, 'which neither this layer so far nor a lower one has');
    if (target.kind === 'directory') throw this.#badLink(entry, 'which is a directory');
    this.#put(place, target);
  }

  /** What the layer itself gives stays, whether its whiteout comes first or last. OCI image-spec, layer.md, "Whiteouts". */
  #applyWhiteout(place: Place): void {
    const own = place.parent.children.get(place.name);
    if (own === undefined) this.#put(place, { kind: 'whiteout' });
    if (own?.kind !== 'directory') return;
    own.isOpaque = true;
    own.ownership ??= impliedOwnership;
  }

  #placeOf(entry: LayerEntry): Place {
    if (entry.path === rootPath) throw this.#failure(entry, `the root of an image cannot be a ${entry.kind}`);
    return { parent: this.#descend(entry, parentOf(entry.path)), name: baseNameOf(entry.path) };
  }

  /** Goes to a directory, links of this layer followed, and makes what is missing on the way. */
  #descend(entry: LayerEntry, directory: ImagePath): UpperDirectory {
    const known = this.#known.get(directory);
    if (known) {
      this.#checkLengths(entry, known.components);
      return known.directory;
    }
    const components = realComponents(this.root, directory);
    if (components === undefined) throw this.#failure(entry, 'the links in its directory form a loop');
    this.#checkLengths(entry, components);
    let [current, path] = [this.root, rootPath];
    for (const name of components) {
      path = childOf(path, name);
      current = this.#enter(current, name, path);
    }
    this.#known.set(directory, { components, directory: current });
    return current;
  }

  /** The directory of a name, made if there is none; anything else that stands there gives way. */
  #enter(parent: UpperDirectory, name: ByteString, path: ImagePath): UpperDirectory {
    const existing = parent.children.get(name);
    if (existing?.kind === 'directory') return existing;
    if (existing !== undefined && existing.kind !== 'whiteout') this.replacedFiles.add(path);
    const made = existing === undefined ? impliedDirectory() : replacingDirectory();
    parent.children.set(name, made);
    return made;
  }

  /** What this layer has under a path by now. */
  #findOwn(path: ImagePath): Exclude<UpperNode, { kind: 'whiteout' }> | undefined {
    if (path === rootPath) return this.root;
    let found: UpperNode | undefined = this.root;
    for (const name of [...(realComponents(this.root, parentOf(path)) ?? []), baseNameOf(path)]) {
      found = found?.kind === 'directory' ? found.children.get(name) : undefined;
    }
    return found?.kind === 'whiteout' ? undefined : found;
  }

  /** What the lower layers have under a path that this one says nothing about. */
  #findLower(path: ImagePath): TreeNode | undefined {
    let own: UpperNode | undefined = this.root;
    for (const name of componentsOf(path)) {
      if (own.kind !== 'directory' || own.isOpaque) return undefined;
      own = own.children.get(name);
      if (own === undefined) break;
    }
    const found = resolvePath(this.#options.lower, path, { followLast: false });
    return own === undefined && found.kind === 'found' ? found.node : undefined;
  }

  #checkLengths(entry: LayerEntry, directory: readonly ByteString[]): void {
    const names = entry.kind === 'opaque' ? directory : [...directory, baseNameOf(entry.path)];
    const long = names.find((name) => name.length > maximalNameBytes);
    if (long !== undefined) {
      const expected = `expected names of at most ${maximalNameBytes} bytes`;
      throw this.#failure(entry, `${expected}, got one of ${long.length}`);
    }
    const pathBytes = names.reduce((sum, name) => sum + 1 + name.length, 0);
    if (pathBytes > maximalPathBytes)
      throw this.#failure(entry, `expected a path of at most ${maximalPathBytes} bytes, got ${pathBytes}`);
  }

  /** The node of an entry: the entry without its path, with its layer. */
  #nodeOf(entry: EntryOf<'file' | 'symlink' | 'special'>): UpperNode {
    const { mode, uid, gid } = entry;
    const { layer } = this.#options;
    switch (entry.kind) {
      case 'file':
        return {
          kind: 'file',
          mode,
          uid,
          gid,
          layer,
          sizeBytes: entry.sizeBytes,
          sha256: entry.sha256,
          ...(entry.program && { program: entry.program }),
          ...(entry.content && { content: entry.content }),
        };
      case 'symlink': {
        const { target } = entry;
        if (target.length > maximalPathBytes)
          throw this.#failure(
            entry,
            `expected a target of at most ${maximalPathBytes} bytes, got ${target.length}`,
          );
        return { kind: 'symlink', mode, uid, gid, layer, target };
      }
      case 'special':
        return { kind: 'special', mode, uid, gid, layer, type: entry.type };
    }
  }

  #badLink(entry: EntryOf<'hardlink'>, reason: string): GscError {
    return this.#failure(entry, `a hard link to ${shorten(entry.target)}, ${reason}`);
  }

  #failure(entry: LayerEntry, message: string): GscError {
    return new GscError({
      code: 'tree',
      subject: `${this.#options.subject}: ${shorten(entry.path)}`,
      message,
      hint: 'no container engine unpacks such a layer: build the image again',
    });
  }
}

function shorten(path: ImagePath): string {
  const shown = showBytes(path);
  return shown.length <= shownCharacters ? shown : `${shown.slice(0, shownCharacters)}…`;
}
