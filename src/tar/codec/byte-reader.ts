import type { ByteStream } from '../../image/image.ts';

/** Reads a stream by numbers of bytes instead of by the pieces that it comes in. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #piece: Buffer = Buffer.alloc(0);

  constructor(source: ByteStream) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `sizeBytes` bytes, which stay to be read; fewer only at the end of the stream. */
  async peek(sizeBytes: number): Promise<Buffer> {
    if (this.#piece.length < sizeBytes) await this.#fill(sizeBytes);
    return this.#piece.subarray(0, sizeBytes);
  }

  /** Takes the next `sizeBytes` bytes; fewer only at the end of the stream. */
  async read(sizeBytes: number): Promise<Buffer> {
    const bytes = await this.peek(sizeBytes);
    this.#piece = this.#piece.subarray(bytes.length);
    return bytes;
  }

  /** Passes over bytes without keeping them; gives how many there were, fewer than asked only at the end. */
  async skip(sizeBytes: number): Promise<number> {
    let skipped = 0;
    while (skipped < sizeBytes) {
      const piece = await this.read(Math.min(sizeBytes - skipped, Math.max(this.#piece.length, 1)));
      if (piece.length === 0) break;
      skipped += piece.length;
    }
    return skipped;
  }

  /** All that is left, in pieces of at least `minBytes` except for the last; larger ones as they come. */
  async *rest(minBytes: number): ByteStream {
    for (;;) {
      await this.peek(minBytes);
      const piece = this.#piece;
      if (piece.length === 0) return;
      this.#piece = Buffer.alloc(0);
      yield piece;
    }
  }

  /** Tells the source that no more is wanted. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #fill(sizeBytes: number): Promise<void> {
    const pieces = this.#piece.length > 0 ? [this.#piece] : [];
    let length = this.#piece.length;
    while (length < sizeBytes) {
      const next = await this.#source.next();
      if (next.done) break;
      pieces.push(next.value);
      length += next.value.length;
    }
    // A piece that is large enough stays uncopied.
    this.#piece = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, length);
  }
}
