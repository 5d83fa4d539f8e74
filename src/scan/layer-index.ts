import type { Digest } from '../base/digest.ts';
import type { LayerEntry } from '../tree/entry.ts';

/** The listing of one layer with a SHA-256 per file. Depends on nothing but the uncompressed bytes that diffId names. */
export interface LayerIndex {
  readonly diffId: Digest;
  /** Of the uncompressed tar. */
  readonly sizeBytes: number;
  /** In the order of the tar. */
  readonly entries: readonly LayerEntry[];
}
