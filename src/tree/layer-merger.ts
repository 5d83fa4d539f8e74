import { GscError } from '../base/error.ts';
import {
  type ByteString,
  baseNameOf,
  type ImagePath,
  parentOf,
  rootPath,
  showBytes,
} from '../base/image-path.ts';
import {
  childDirectory,
  type DirectoryBuilder,
  newDirectory,
  realComponents,
  setOwnership,
} from './directory-builder.ts';
import type { LayerEntry } from './entry.ts';
import type { TreeNode } from './file-tree.ts';

type EntryOf<K extends LayerEntry['kind']> = Extract<LayerEntry, { kind: K }>;

/** Where an entry goes once links in its directory are followed. */
interface Place {
  readonly parent: DirectoryBuilder;
  readonly name: ByteString;
}

/** One layer on its way into the tree: entries go in one after another, as container engines unpack them. */
export class LayerMerger {
  readonly #root: DirectoryBuilder;
  readonly #layer: number;
  readonly #subject: string;
  /** The names that this layer gave or passed through, per directory: what its own whiteouts must leave alone. */
  readonly #touched = new Map<DirectoryBuilder, Set<ByteString>>();

  /** `subject` names the layer in errors. */
  constructor(root: DirectoryBuilder, layer: number, subject: string) {
    this.#root = root;
    this.#layer = layer;
    this.#subject = subject;
  }

  /** Applies one entry. Throws a `tree` error that names the layer, the path and the reason if it cannot be. */
  apply(entry: LayerEntry): void {
    switch (entry.kind) {
      case 'file':
      case 'symlink':
      case 'special':
        this.#put(this.#placeOf(entry), nodeOf(entry, this.#layer));
        break;
      case 'directory':
        setOwnership(this.#directoryOf(entry), this.#layer, entry);
        break;
      case 'hardlink':
        this.#applyHardLink(entry);
        break;
      case 'whiteout':
        this.#applyWhiteout(this.#placeOf(entry));
        break;
      case 'opaque':
        // The marker is a file inside the directory, so links to the directory are followed.
        this.#pruneLower(this.#descend(entry, entry.path));
        break;
    }
  }

  #put({ parent, name }: Place, node: TreeNode): void {
    parent.children.set(name, node);
    this.#touch(parent, name);
  }

  /** As `link(2)`: what stood at the name gives way first, the target is what is there by now. */
  #applyHardLink(entry: EntryOf<'hardlink'>): void {
    const place = this.#placeOf(entry);
    place.parent.children.delete(place.name);
    const target = this.#find(entry.target);
    if (target === undefined)
      throw this.#badLink(entry, 'which neither this layer so far nor a lower one has');
    if (target.kind === 'directory') throw this.#badLink(entry, 'which is a directory');
    this.#put(place, target);
  }

  #applyWhiteout({ parent, name }: Place): void {
    if (this.#isTouched(parent, name)) this.#pruneChild(parent, name);
    else parent.children.delete(name);
  }

  /** Removes what only the lower layers have below a directory. */
  #pruneLower(directory: DirectoryBuilder): void {
    for (const name of [...directory.children.keys()]) this.#applyWhiteout({ parent: directory, name });
  }

  /** Hides the lower layers' part of a name that this layer has as well. */
  #pruneChild(parent: DirectoryBuilder, name: ByteString): void {
    const child = childDirectory(parent, name);
    if (child === undefined) return;
    this.#pruneLower(child);
    if (child.layer !== this.#layer) setOwnership(child, this.#layer);
  }

  /** The directory that the entry itself is; a link or file of that name gives way. */
  #directoryOf(entry: LayerEntry): DirectoryBuilder {
    if (entry.path === rootPath) return this.#root;
    const { parent, name } = this.#placeOf(entry);
    return this.#enter(parent, name);
  }

  #placeOf(entry: LayerEntry): Place {
    if (entry.path === rootPath) throw this.#failure(entry, `the root of an image cannot be a ${entry.kind}`);
    return { parent: this.#descend(entry, parentOf(entry.path)), name: baseNameOf(entry.path) };
  }

  /** Goes to a directory, links followed, and makes what is missing on the way. */
  #descend(entry: LayerEntry, directory: ImagePath): DirectoryBuilder {
    const components = realComponents(this.#root, directory);
    if (components === undefined) throw this.#failure(entry, 'the links in its directory never end');
    let current = this.#root;
    for (const name of components) current = this.#enter(current, name);
    return current;
  }

  /** The child directory, made if there is none; anything else of that name gives way. */
  #enter(parent: DirectoryBuilder, name: ByteString): DirectoryBuilder {
    const existing = childDirectory(parent, name);
    const child = existing ?? newDirectory(this.#layer);
    if (existing === undefined) parent.children.set(name, child);
    this.#touch(parent, name);
    return child;
  }

  #find(path: ImagePath): TreeNode | undefined {
    if (path === rootPath) return this.#root;
    const components = realComponents(this.#root, parentOf(path));
    let parent: DirectoryBuilder | undefined = components && this.#root;
    for (const name of components ?? []) parent = parent && childDirectory(parent, name);
    return parent?.children.get(baseNameOf(path));
  }

  #touch(parent: DirectoryBuilder, name: ByteString): void {
    const names = this.#touched.get(parent);
    if (names) names.add(name);
    else this.#touched.set(parent, new Set([name]));
  }

  #isTouched(parent: DirectoryBuilder, name: ByteString): boolean {
    return this.#touched.get(parent)?.has(name) ?? false;
  }

  #badLink(entry: EntryOf<'hardlink'>, reason: string): GscError {
    return this.#failure(entry, `a hard link to ${showBytes(entry.target)}, ${reason}`);
  }

  #failure(entry: LayerEntry, message: string): GscError {
    return new GscError({
      code: 'tree',
      subject: `${this.#subject}: ${showBytes(entry.path)}`,
      message,
      hint: 'no container engine unpacks such a layer: build the image again',
    });
  }
}

/** The node of an entry: the entry without its path, with its layer. */
function nodeOf(entry: EntryOf<'file' | 'symlink' | 'special'>, layer: number): TreeNode {
  const { mode, uid, gid } = entry;
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
    case 'symlink':
      return { kind: 'symlink', mode, uid, gid, layer, target: entry.target };
    case 'special':
      return { kind: 'special', mode, uid, gid, layer, type: entry.type };
  }
}
