import { freeMemory } from './free-memory.ts';

/** A range of a file that fills up as the file streams by. */
export class Capture {
  readonly offset: number;
  readonly #bytes: Buffer;
  #filled = 0;

  constructor(offset: number, sizeBytes: number) {
    this.offset = offset;
    this.#bytes = Buffer.alloc(sizeBytes);
  }

  get seen(): Buffer {
    return this.#bytes.subarray(0, this.#filled);
  }

  /** Where the first byte is that has not been seen. */
  get next(): number {
    return this.offset + this.#filled;
  }

  get isFull(): boolean {
    return this.#filled === this.#bytes.length;
  }

  covers(offset: number, sizeBytes: number): boolean {
    return offset >= this.offset && offset + sizeBytes <= this.offset + this.#bytes.length;
  }

  has(offset: number, sizeBytes: number): boolean {
    return offset >= this.offset && offset + sizeBytes <= this.offset + this.#filled;
  }

  /** Gives the memory back: nothing of it, nor of what it has given, may be looked at again. */
  free(): void {
    freeMemory(this.#bytes.buffer);
  }

  /** Takes what follows the bytes seen so far. */
  append(piece: Buffer): void {
    this.fill(piece, this.next);
  }

  /** Takes what follows the bytes seen so far, if `piece`, which is at `position`, has it. */
  fill(piece: Buffer, position: number): void {
    const start = this.offset + this.#filled - position;
    if (start >= 0 && start < piece.length) this.#filled += piece.copy(this.#bytes, this.#filled, start);
  }
}
