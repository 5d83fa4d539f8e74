import type { Digest } from '../base/digest.ts';
import type { ByteString } from '../base/image-path.ts';
import type { LayerEntry } from '../tree/entry.ts';

/** The listing of one layer with a SHA-256 per file. Depends on nothing but the uncompressed bytes that diffId names. */
export interface LayerIndex {
  readonly diffId: Digest;
  /** Of the uncompressed tar. */
  readonly sizeBytes: number;
  /** In the order of the tar. */
  readonly entries: readonly LayerEntry[];
  /** Keys of global extended headers that would change entries, which engines ignore and so does gsc; left out if there are none. */
  readonly ignoredKeys?: readonly ByteString[];
}
