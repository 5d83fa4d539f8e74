import {
  type ByteString,
  baseNameOf,
  childOf,
  componentsOf,
  type ImagePath,
  parentOf,
  rootPath,
} from '../base/image-path.ts';
import type { DirectoryNode, FileTree, TreeNode } from './file-tree.ts';

/** How many links one look-up may follow: Linux, MAXSYMLINKS in include/linux/namei.h. */
export const maximumLinks = 40;

/** What a path leads to. `path` and `at` are real: no component before the last is a link. */
export type Resolution =
  | { readonly kind: 'found'; readonly path: ImagePath; readonly node: TreeNode }
  | { readonly kind: 'missing'; readonly at: ImagePath }
  | { readonly kind: 'not-a-directory'; readonly at: ImagePath }
  | { readonly kind: 'loop'; readonly at: ImagePath };

export interface ResolveOptions {
  /** The directory that relative paths start from; `/` by default. Links in it are followed too. */
  readonly from?: ImagePath;
  /** False to stop at a link in the last component, as `lstat` does. True by default. */
  readonly followLast?: boolean;
}

/**
 * Looks a path up as the kernel does for a process whose root is the image: links are followed, absolute targets start
 * at the image's root, `..` stops there, a path with a trailing slash must be a directory.
 */
export function resolvePath(tree: FileTree, path: ByteString, options: ResolveOptions = {}): Resolution {
  const start = path.startsWith('/') ? path : `${options.from ?? rootPath}/${path}`;
  return new Walker(tree, options.followLast ?? true).walk(start);
}

interface FoundDirectory {
  readonly path: ImagePath;
  readonly realPath: ImagePath;
  readonly node: DirectoryNode;
}

/** Looks up many paths of one tree. One whose directory is that of the path before takes one step. */
export class PathFinder {
  readonly #tree: FileTree;
  #latest: FoundDirectory | undefined;

  constructor(tree: FileTree) {
    this.#tree = tree;
  }

  /** As {@link resolvePath}. */
  resolve(path: ImagePath): Resolution {
    const name = baseNameOf(path);
    const directory = this.#directoryOf(path);
    const node = directory?.node.children.get(name);
    if (directory === undefined || (node?.kind !== 'file' && node?.kind !== 'special'))
      return resolvePath(this.#tree, path);
    const isReal = directory.path === directory.realPath;
    return { kind: 'found', path: isReal ? path : childOf(directory.realPath, name), node };
  }

  #directoryOf(path: ImagePath): FoundDirectory | undefined {
    const { path: latest } = this.#latest ?? { path: '' };
    if (path.lastIndexOf('/') === latest.length && path.startsWith(latest)) return this.#latest;
    const directory = parentOf(path);
    const found = resolvePath(this.#tree, directory);
    if (found.kind !== 'found' || found.node.kind !== 'directory') return undefined;
    this.#latest = { path: directory, realPath: found.path, node: found.node };
    return this.#latest;
  }
}

/** The node under a path, links followed except in the last component; undefined if there is none. */
export function lookup(tree: FileTree, path: ImagePath): TreeNode | undefined {
  const resolution = resolvePath(tree, path, { followLast: false });
  return resolution.kind === 'found' ? resolution.node : undefined;
}

/** One look-up: the directories entered so far, and the components still to go (the next one last). */
class Walker {
  readonly #followLast: boolean;
  readonly #entered: DirectoryNode[];
  #path: ImagePath = rootPath;
  #links = 0;

  constructor(tree: FileTree, followLast: boolean) {
    this.#entered = [tree.root];
    this.#followLast = followLast;
  }

  walk(path: ByteString): Resolution {
    const pending = path.split('/').reverse();
    let name = pending.pop();
    while (name !== undefined) {
      const outcome = this.#step(name, pending);
      if (outcome) return outcome;
      name = pending.pop();
    }
    return { kind: 'found', path: this.#path, node: this.#current() };
  }

  #current(): DirectoryNode {
    const current = this.#entered.at(-1);
    if (current === undefined) throw new RangeError('the root is never left');
    return current;
  }

  #step(name: ByteString, pending: ByteString[]): Resolution | undefined {
    if (name === '' || name === '.') return undefined;
    if (name === '..') {
      if (this.#entered.length > 1) this.#entered.pop();
      this.#path = parentOf(this.#path);
      return undefined;
    }
    const at = childOf(this.#path, name);
    const node = this.#current().children.get(name);
    if (node === undefined) return { kind: 'missing', at };
    if (node.kind === 'directory') {
      this.#entered.push(node);
      this.#path = at;
      return undefined;
    }
    if (node.kind === 'symlink' && (pending.length > 0 || this.#followLast)) {
      return this.#follow(at, node.target, pending);
    }
    return pending.length === 0 ? { kind: 'found', path: at, node } : { kind: 'not-a-directory', at };
  }

  #follow(at: ImagePath, target: ByteString, pending: ByteString[]): Resolution | undefined {
    this.#links += 1;
    if (this.#links > maximumLinks) return { kind: 'loop', at };
    // Linux: an empty target is ENOENT.
    if (target === '') return { kind: 'missing', at };
    if (target.startsWith('/')) {
      this.#entered.length = 1;
      this.#path = rootPath;
    }
    pending.push(...target.split('/').reverse());
    return undefined;
  }
}

/** For messages: why a look-up found nothing. */
export function showFailure(resolution: Exclude<Resolution, { kind: 'found' }>): string {
  const name = resolution.at === '/' ? '/' : `${baseNameOf(resolution.at)} in ${parentOf(resolution.at)}`;
  switch (resolution.kind) {
    case 'missing':
      return `there is no ${name}`;
    case 'not-a-directory':
      return `${resolution.at} is not a directory`;
    case 'loop':
      return `more than ${maximumLinks} links to follow, at ${resolution.at}`;
  }
}

/** A directory as far as looking for names in it goes; that of a file tree is one. */
export interface SearchableDirectory {
  readonly kind: 'directory';
  readonly children: ReadonlyMap<ByteString, SearchableNode>;
}

type SearchableNode =
  | SearchableDirectory
  | { readonly kind: 'symlink'; readonly target: ByteString }
  | { readonly kind: 'file' | 'special' | 'whiteout' };

/**
 * Where a directory really lies: links are followed inside the root, and what is missing or not a directory is taken as
 * if it were one. This is how engines find the directory that an entry goes to (containerd's `fs.RootPath`, Docker's
 * `FollowSymlinkInScope`, umoci's `SecureJoin`). Undefined if there are too many links.
 */
export function realComponents(
  root: SearchableDirectory,
  directory: ImagePath,
): readonly ByteString[] | undefined {
  const pending = [...componentsOf(directory)].reverse();
  const real: ByteString[] = [];
  let entered: (SearchableNode | undefined)[] = [root];
  let links = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (real.pop() !== undefined) entered.pop();
      continue;
    }
    const current = entered.at(-1);
    const child = current?.kind === 'directory' ? current.children.get(name) : undefined;
    if (child?.kind !== 'symlink') {
      real.push(name);
      entered.push(child);
      continue;
    }
    links += 1;
    if (links > maximumLinks) return undefined;
    if (child.target.startsWith('/')) {
      real.length = 0;
      entered = [root];
    }
    pending.push(...child.target.split('/').reverse());
  }
  return real;
}
