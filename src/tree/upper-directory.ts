import type { ByteString } from '../base/image-path.ts';
import type { Ownership } from './entry.ts';
import type { DirectoryNode, TreeNode } from './file-tree.ts';

/**
 * A directory as one layer alone gives it: what engines unpack into the upper directory of an overlay file system before
 * they lay it over the layers below. Linux, Documentation/filesystems/overlayfs.rst.
 */
export interface UpperDirectory {
  readonly kind: 'directory';
  /** Of the layer's entry for the directory; undefined as long as only entries below imply it. */
  ownership: Ownership | undefined;
  /** Hides what the lower layers have below. */
  isOpaque: boolean;
  /** The layer named something below before the directory itself. */
  readonly isImpliedFirst: boolean;
  /** The layer removed the name, or gave something else under it, before it gave this directory. */
  readonly followsOther: boolean;
  readonly children: Map<ByteString, UpperNode>;
}

export type UpperNode =
  | UpperDirectory
  | Exclude<TreeNode, DirectoryNode>
  /** The lower layers' part of the name is gone. */
  | { readonly kind: 'whiteout' };

/** Directories that no layer gives are made by the engines, owned by root. */
export const impliedOwnership: Ownership = { mode: 0o755, uid: 0, gid: 0 };

/** An empty directory that the layer's entries below imply. */
export function impliedDirectory(): UpperDirectory {
  return {
    kind: 'directory',
    ownership: undefined,
    isOpaque: false,
    isImpliedFirst: true,
    followsOther: false,
    children: new Map(),
  };
}

/** An empty directory of an entry of the layer. */
export function givenDirectory(ownership: Ownership, followsOther: boolean): UpperDirectory {
  return { ...impliedDirectory(), ownership, isImpliedFirst: false, followsOther };
}

/** An empty directory that entries below imply, in the place of what the layer removed or gave before. */
export function replacingDirectory(): UpperDirectory {
  return { ...givenDirectory(impliedOwnership, true), isOpaque: true };
}
