import { createHash } from 'node:crypto';
import { type Digest, finishDigest } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { isFileBlob } from '../image/file-blob.ts';
import type { ByteStream, Layer } from '../image/image.ts';
import { sniffBytes, sniffCompression } from '../tar/codec/compression.ts';
import { decompress, needsNoCopies } from '../tar/codec/decompress.ts';
import { readTar } from '../tar/read-tar.ts';
import type { LayerEntry } from '../tree/entry.ts';
import type { LayerIndex } from './layer-index.ts';
import { type ContentObserver, LayerVisitor } from './layer-visitor.ts';

export interface ScanLayerOptions {
  /** How messages call the layer's image. */
  readonly subject: string;
  /** Hears how many more bytes of the blob, as stored, are being read. */
  readonly onRead?: (sizeBytes: number) => void;
  readonly signal?: AbortSignal;
  readonly observer?: ContentObserver;
  /** Gets each entry as soon as it is listed: before it is known whether the layer is what it should be. */
  readonly onEntry?: (entry: LayerEntry) => void;
}

/**
 * Lists a layer in one pass: reads the blob (whose stream checks its own digest), decompresses it, checks the diffId,
 * hashes every file. Throws a `blob` error if the uncompressed bytes have another digest than the diffId, a `tar` or
 * `tree` error if they are not a layer, an `aborted` error if the signal says so; nothing of the layer is believed then.
 */
export async function scanLayer(layer: Layer, options: ScanLayerOptions): Promise<LayerIndex> {
  const subject = subjectOf(layer, options);
  const reading = new LayerReading(layer, options, subject);
  const visitor = new LayerVisitor(subject, options);
  await readTar(reading.uncompressed(), visitor, subject);
  reading.checkDiffId();
  return visitor.indexOf(layer.diffId, reading.sizeBytes);
}

/** One reading of a layer's blob. */
class LayerReading {
  readonly #layer: Layer;
  readonly #options: ScanLayerOptions;
  readonly #subject: string;
  #firstBytes: Buffer = Buffer.alloc(0);
  #hash: ReturnType<typeof createHash> | undefined;
  #isProven = false;
  #sizeBytes = 0;

  constructor(layer: Layer, options: ScanLayerOptions, subject: string) {
    this.#layer = layer;
    this.#options = options;
    this.#subject = subject;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async *uncompressed(): ByteStream {
    for await (const piece of decompress(this.#stored(), this.#subject, { lends: true })) {
      if (this.#sizeBytes === 0) this.#begin();
      this.#sizeBytes += piece.length;
      this.#hash?.update(piece);
      yield piece;
    }
  }

  checkDiffId(): void {
    if (this.#isProven) return;
    const { diffId } = this.#layer;
    const digest: Digest = finishDigest(this.#hash ?? createHash('sha256'));
    if (digest === diffId) return;
    throw new GscError({
      code: 'blob',
      subject: this.#subject,
      message: `the uncompressed layer has a different digest: expected ${diffId}, got ${digest}`,
      hint: 'the image is damaged or its config belongs to another image; pull or build it again',
    });
  }

  async *#stored(): ByteStream {
    for await (const piece of storedBytes(this.#layer, this.#options)) {
      if (this.#firstBytes.length < sniffBytes) {
        this.#firstBytes = Buffer.concat([this.#firstBytes, piece.subarray(0, sniffBytes)]);
      }
      yield piece;
    }
  }

  /** A layer stored as it is has its diffId for digest, which the blob's own stream checks: one hash is enough. */
  #begin(): void {
    const isStoredPlain = sniffCompression(this.#firstBytes) === 'none';
    this.#isProven = isStoredPlain && this.#layer.descriptor.digest === this.#layer.diffId;
    if (!this.#isProven) this.#hash = createHash('sha256');
  }
}

/**
 * The blob as it is stored, for a scan: counted for `onRead`, and ended by the signal with an `aborted` error. Pieces are
 * good as long as `decompress` needs them.
 */
export async function* storedBytes(
  layer: Layer,
  options: ScanLayerOptions,
  blob: ByteStream = layer.open(),
): ByteStream {
  const { onRead, signal } = options;
  for await (const piece of isFileBlob(blob) ? blob.lent(needsNoCopies) : blob) {
    if (signal?.aborted) throw aborted(subjectOf(layer, options));
    onRead?.(piece.length);
    yield piece;
  }
}

function subjectOf({ diffId }: Layer, { subject }: ScanLayerOptions): string {
  return `${subject}: layer ${diffId}`;
}

function aborted(subject: string): GscError {
  return new GscError({ code: 'aborted', subject, message: 'reading was interrupted' });
}
