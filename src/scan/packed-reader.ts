import type { ByteString } from '../base/image-path.ts';

/** Reads what `PackedWriter` wrote. Every method throws a RangeError where the bytes end too early or make no sense. */
export class PackedReader {
  readonly #bytes: Buffer;
  #at = 0;
  /** The bytes of the last path: one flat string per path then, none that keeps another one alive. */
  #path = Buffer.allocUnsafe(4096);
  #pathBytes = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get leftBytes(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    return this.#bytes[this.#skip(1)] as number;
  }

  count(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
    }
    throw new RangeError('a count is too large');
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#skip(8));
  }

  /** 64 hex digits. */
  sha256(): string {
    const start = this.#skip(32);
    return this.#bytes.toString('hex', start, start + 32);
  }

  /** A copy. */
  bytes(): Buffer {
    const size = this.count();
    const start = this.#skip(size);
    return Buffer.from(this.#bytes.subarray(start, start + size));
  }

  string(): ByteString {
    const size = this.count();
    const start = this.#skip(size);
    return this.#bytes.toString('latin1', start, start + size);
  }

  path(): ByteString {
    const shared = this.count();
    const size = this.count();
    if (shared > this.#pathBytes) throw new RangeError('a path shares more than there is');
    const start = this.#skip(size);
    const length = shared + size;
    if (length > this.#path.length) this.#growPath(length);
    this.#bytes.copy(this.#path, shared, start, start + size);
    this.#pathBytes = length;
    return this.#path.toString('latin1', 0, length);
  }

  #growPath(length: number): void {
    const grown = Buffer.allocUnsafe(length * 2);
    this.#path.copy(grown, 0, 0, this.#pathBytes);
    this.#path = grown;
  }

  /** Moves on and gives where it was. */
  #skip(sizeBytes: number): number {
    const start = this.#at;
    if (sizeBytes > this.#bytes.length - start) throw new RangeError('the bytes end too early');
    this.#at = start + sizeBytes;
    return start;
  }
}
