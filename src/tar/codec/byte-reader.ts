import type { ByteStream } from '../../image/image.ts';

const nothing: Buffer = Buffer.alloc(0);

/**
 * Reads a stream by numbers of bytes instead of by the pieces that it comes in. The next piece is asked for when nothing of
 * the one before is left, or when that has been copied: so a source may use its memory again.
 */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #piece: Buffer = nothing;
  /** What follows `#piece`. */
  #behind: Buffer = nothing;

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
      this.#piece = nothing;
      yield piece;
    }
  }

  /** Tells the source that no more is wanted. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #fill(sizeBytes: number): Promise<void> {
    // A piece that is large enough stays uncopied.
    if (this.#piece.length === 0) this.#piece = await this.#take(Number.POSITIVE_INFINITY);
    if (this.#piece.length >= sizeBytes || this.#piece.length === 0) return;
    const filled = Buffer.allocUnsafe(sizeBytes);
    let length = this.#piece.copy(filled);
    while (length < sizeBytes) {
      const more = await this.#take(sizeBytes - length);
      if (more.length === 0) break;
      length += more.copy(filled, length);
    }
    this.#piece = filled.subarray(0, length);
  }

  /** Up to so many of the bytes behind; none only at the end of the stream. */
  async #take(sizeBytes: number): Promise<Buffer> {
    while (this.#behind.length === 0) {
      const next = await this.#source.next();
      if (next.done) return nothing;
      this.#behind = next.value;
    }
    const behind = this.#behind;
    const taken = behind.subarray(0, sizeBytes);
    this.#behind = taken.length < behind.length ? behind.subarray(taken.length) : nothing;
    return taken;
  }
}
