import type { FileTree } from '../tree/file-tree.ts';
import type { LayerIndex } from './layer-index.ts';

/** What is in an image. */
export interface ImageScan {
  /** One per layer of the image, lowest first. */
  readonly indexes: readonly LayerIndex[];
  readonly tree: FileTree;
  /** The layers, by their places, that may give a name more than once: no others do. */
  readonly repeating: ReadonlySet<number>;
  /** Of the lowest layers, if that was asked for. The trees share what they have in common. */
  readonly lower?: ImageScan;
}
