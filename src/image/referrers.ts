import type { Referrer, StoredArtifact } from './artifact.ts';
import type { Descriptor } from './descriptor.ts';

/** The artifacts that are attached to the images of one repository or layout. Every method throws a `GscError`. */
export interface Referrers {
  /** Those of an image, in the order of the store. */
  list(subject: Descriptor): Promise<readonly Referrer[]>;
  /** The content of an artifact: its only layer, verified. Throws an `image` error if it has another number of them. */
  read(referrer: Referrer): Promise<Buffer>;
  /** Stores an artifact and lists it. `unchanged` if it was there. */
  attach(subject: Descriptor, artifact: StoredArtifact): Promise<'written' | 'unchanged'>;
}
