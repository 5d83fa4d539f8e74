import { type ByteString, componentsOf, type ImagePath } from '../base/image-path.ts';
import type { Ownership } from './entry.ts';
import type { DirectoryNode, TreeNode } from './file-tree.ts';
import { maximumLinks } from './resolve-path.ts';

/** A directory while layers are merged into it; what leaves `mergeLayers` is seen as a {@link DirectoryNode}. */
export interface DirectoryBuilder extends DirectoryNode {
  mode: number;
  uid: number;
  gid: number;
  layer: number;
  readonly children: Map<ByteString, TreeNode>;
}

/** Directories that no layer gives are made by the engines, owned by root. */
const impliedOwnership: Ownership = { mode: 0o755, uid: 0, gid: 0 };

/** An empty directory that `layer` implies without an entry of its own. */
export function newDirectory(layer: number): DirectoryBuilder {
  return { kind: 'directory', ...impliedOwnership, layer, children: new Map() };
}

/** Gives a directory the metadata of an entry of `layer`, by default of an implied one; its children stay. */
export function setOwnership(
  directory: DirectoryBuilder,
  layer: number,
  ownership: Ownership = impliedOwnership,
): void {
  directory.mode = ownership.mode;
  directory.uid = ownership.uid;
  directory.gid = ownership.gid;
  directory.layer = layer;
}

/** The child as a directory that may be changed, or undefined if it is absent or something else. */
export function childDirectory(parent: DirectoryBuilder, name: ByteString): DirectoryBuilder | undefined {
  const child = parent.children.get(name);
  // Every directory of a tree under construction was made by newDirectory.
  return child?.kind === 'directory' ? (child as DirectoryBuilder) : undefined;
}

/**
 * Where a directory really lies: links are followed inside the root, and what is missing or no directory is taken as
 * if it were one. This is how engines find the directory that an entry goes to (containerd's `fs.RootPath`, Docker's
 * `FollowSymlinkInScope`, umoci's `SecureJoin`). Undefined if there are too many links.
 */
export function realComponents(
  root: DirectoryBuilder,
  directory: ImagePath,
): readonly ByteString[] | undefined {
  const pending = [...componentsOf(directory)].reverse();
  const real: ByteString[] = [];
  let entered: (DirectoryBuilder | undefined)[] = [root];
  let links = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      if (real.pop() !== undefined) entered.pop();
      continue;
    }
    const current = entered.at(-1);
    const child = current?.children.get(name);
    if (child?.kind !== 'symlink') {
      real.push(name);
      entered.push(current && childDirectory(current, name));
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
