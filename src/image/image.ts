import type { Digest } from '../base/digest.ts';
import type { ImagePath } from '../base/image-path.ts';
import type { ImageConfig } from './config.ts';
import type { Descriptor } from './descriptor.ts';

/** Bytes as they stream, in pieces of any size. */
export type ByteStream = AsyncIterable<Buffer>;

/** One layer of an image: a tar, compressed or not. */
export interface Layer {
  /** Names the blob as it is stored: compressed size, digest of the compressed bytes. */
  readonly descriptor: Descriptor;
  /** The digest of the uncompressed tar. */
  readonly diffId: Digest;
  /**
   * The blob's bytes as stored. The stream checks size and digest against the descriptor and throws a `blob`
   * error at its end if they differ; a consumer must read to the end before it believes the bytes.
   */
  open(): ByteStream;
  /** The uncompressed tar, whole and as the diffId names it, where it may be at hand without the blob; undefined if it is not. */
  readonly tar?: () => Promise<Buffer | undefined>;
}

/** A container image for one platform, wherever it comes from. Layers are in order, lowest first. */
export interface Image {
  /** How messages call it: the reference as the user gave it. */
  readonly name: string;
  /** The manifest's own descriptor, as stored (for an archive that has none: of the manifest that gsc would write). */
  readonly manifest: Descriptor;
  /** The source has no manifest: the digest of this one names the image nowhere else. */
  readonly isManifestSynthesized?: boolean;
  /** Descriptor of the config blob; its digest is what Docker calls the image ID. */
  readonly configDescriptor: Descriptor;
  readonly config: ImageConfig;
  /** The exact bytes of `manifest` and `configDescriptor`. */
  readonly manifestBytes: Buffer;
  readonly configBytes: Buffer;
  readonly layers: readonly Layer[];
  /**
   * A few files as the place has them, where that is less work than reading layers; undefined if it is not. Paths are real: no component is a
   * link. Files that the place does not give are missing, and nothing proves the contents of the others.
   */
  readonly readSingleFiles?: (
    paths: readonly ImagePath[],
  ) => Promise<ReadonlyMap<ImagePath, Buffer> | undefined>;
}
