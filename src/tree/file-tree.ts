import type { ByteString } from '../base/image-path.ts';
import type { FileFacts, Ownership } from './entry.ts';

/** A regular file of the merged tree. Names that are hard links of each other share one node. */
export interface FileNode extends Ownership, FileFacts {
  readonly kind: 'file';
  /** Index of the layer that the content comes from, 0 is the lowest. */
  readonly layer: number;
}

export interface DirectoryNode extends Ownership {
  readonly kind: 'directory';
  readonly layer: number;
  readonly children: ReadonlyMap<ByteString, TreeNode>;
}

export interface SymlinkNode extends Ownership {
  readonly kind: 'symlink';
  readonly layer: number;
  /** As stored: absolute (re-rooted at the image) or relative to the link's directory. */
  readonly target: ByteString;
}

export interface SpecialNode extends Ownership {
  readonly kind: 'special';
  readonly layer: number;
  readonly type: 'fifo' | 'character-device' | 'block-device';
}

export type TreeNode = FileNode | DirectoryNode | SymlinkNode | SpecialNode;

/** The file system that a container of the image starts with: all layers merged. Immutable. */
export interface FileTree {
  readonly root: DirectoryNode;
  /** Where unpacking tools disagree about the layers, a sentence each. */
  readonly warnings: readonly string[];
}
