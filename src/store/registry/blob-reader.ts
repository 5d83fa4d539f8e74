import type { ByteStream } from '../../image/image.ts';

/** One reading of the blob, from its beginning. */
interface Cursor {
  readonly pieces: AsyncIterator<Buffer>;
  left: Buffer;
  offset: number;
  /** A slice was begun and not read to its end: whoever reads it may still be at work. */
  isBusy: boolean;
}

/** Reads a blob front to back in slices. A slice that does not follow on the one before opens the blob again. */
export class BlobReader {
  readonly #open: () => ByteStream;
  #cursor: Cursor | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(open: () => ByteStream) {
    this.#open = open;
  }

  /** Why the blob itself could not be read, if that happened: no fault of where it goes. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** How far the blob has been read. */
  get offset(): number {
    return this.#cursor?.offset ?? 0;
  }

  /** `sizeBytes` bytes from `offset`, or fewer at the end of the blob. */
  async *slice(offset: number, sizeBytes: number): ByteStream {
    const cursor = await this.#cursorAt(offset);
    cursor.isBusy = true;
    for (let rest = sizeBytes; rest > 0; ) {
      const piece = await this.#take(cursor, rest);
      if (piece === undefined) return;
      rest -= piece.length;
      yield piece;
    }
    cursor.isBusy = false;
  }

  /** Reads on to the end, so that a source that verifies itself comes to its verdict; throws what it throws. */
  async finish(): Promise<void> {
    const cursor = this.#cursor;
    if (cursor === undefined) return;
    while ((await this.#take(cursor, Number.POSITIVE_INFINITY)) !== undefined);
  }

  /** Lets the source go. */
  async close(): Promise<void> {
    const cursor = this.#cursor;
    this.#cursor = undefined;
    await cursor?.pieces.return?.();
  }

  async #cursorAt(offset: number): Promise<Cursor> {
    const current = this.#cursor;
    if (current && !current.isBusy && current.offset === offset) return current;
    await this.close();
    const pieces = this.#open()[Symbol.asyncIterator]();
    const cursor: Cursor = { pieces, left: Buffer.alloc(0), offset: 0, isBusy: false };
    this.#cursor = cursor;
    while (cursor.offset < offset) {
      if ((await this.#take(cursor, offset - cursor.offset)) === undefined) break;
    }
    return cursor;
  }

  async #take(cursor: Cursor, limit: number): Promise<Buffer | undefined> {
    while (cursor.left.length === 0) {
      const next = await this.#next(cursor);
      if (next === undefined) return undefined;
      cursor.left = next;
    }
    const piece = cursor.left.subarray(0, limit);
    cursor.left = cursor.left.subarray(piece.length);
    cursor.offset += piece.length;
    return piece;
  }

  async #next(cursor: Cursor): Promise<Buffer | undefined> {
    try {
      const next = await cursor.pieces.next();
      return next.done ? undefined : next.value;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}
