import type { Layer } from '../image/image.ts';
import type { ImageScan } from './image-scan.ts';
import type { LayerIndex } from './layer-index.ts';
import type { ContentObserver } from './layer-visitor.ts';

/** Where indexes of layers that were scanned before are kept. */
export interface LayerIndexStore {
  /**
   * The index of the layer's diffId; undefined if it is not there, or if no scan has proven yet that the blob of this
   * descriptor has that diffId: the config may claim what it likes.
   */
  load(layer: Layer): Promise<LayerIndex | undefined>;
  /** Keeps what a scan of the layer found out. */
  save(layer: Layer, index: LayerIndex): Promise<void>;
}

/** What has happened to one of the image's layers. */
export interface ScanProgress {
  readonly kind: 'known' | 'started' | 'bytes' | 'done';
  readonly layer: Layer;
  /** Of the blob, read so far. */
  readonly readBytes: number;
}

export interface ScanImageOptions {
  /** How many layers are read at a time; 2 by default. */
  readonly concurrency?: number;
  readonly indexes?: LayerIndexStore;
  readonly onProgress?: (progress: ScanProgress) => void;
  /** Called when no layer is read any more; what is left is to merge them. */
  readonly onListed?: () => void;
  readonly signal?: AbortSignal;
  /** Sees contents of the layers that are read: not of those whose index is known. */
  readonly observer?: ContentObserver;
  /** A scan of an image whose layers may be the lowest of this one: what it has found is taken over then. */
  readonly below?: ImageScan;
  /** How many of the lowest layers are wanted as an image of their own, too. */
  readonly lowerLayers?: number;
}
