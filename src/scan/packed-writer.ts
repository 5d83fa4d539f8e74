import type { ByteString } from '../base/image-path.ts';

/** Writes values one after the other into bytes that grow; `PackedReader` reads them back. */
export class PackedWriter {
  #bytes = Buffer.allocUnsafe(1 << 16);
  #end = 0;
  #previous: ByteString = '';

  /** One byte. */
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#end++] = value;
  }

  /** A whole number from 0 to 2^53 - 1: seven bits per byte, low ones first, the top bit of all but the last set. */
  count(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a count: ${value}`);
    this.#reserve(8);
    let left = value;
    for (; left >= 0x80; left = Math.floor(left / 0x80)) this.#bytes[this.#end++] = (left % 0x80) | 0x80;
    this.#bytes[this.#end++] = left;
  }

  /** Any number, as IEEE 754 has it. */
  double(value: number): void {
    this.#reserve(8);
    this.#end = this.#bytes.writeDoubleLE(value, this.#end);
  }

  /** Bytes of 64 hex digits. */
  sha256(hex: string): void {
    this.#reserve(32);
    const written = this.#bytes.write(hex, this.#end, 'hex');
    if (written !== 32 || hex.length !== 64) throw new RangeError(`not a SHA-256: ${hex}`);
    this.#end += 32;
  }

  /** Bytes with their number before them. */
  bytes(value: Uint8Array): void {
    this.count(value.length);
    this.raw(value);
  }

  /** Bytes as they are. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#end);
    this.#end += value.length;
  }

  string(value: ByteString): void {
    this.count(value.length);
    this.#latin1(value);
  }

  /** A string that begins as the one before it does: neighbours in a tar mostly share their directory. */
  path(value: ByteString): void {
    const shared = sharedLength(this.#previous, value);
    this.count(shared);
    this.string(value.slice(shared));
    this.#previous = value;
  }

  /** All that was written. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }

  #latin1(value: ByteString): void {
    this.#reserve(value.length);
    this.#end += this.#bytes.write(value, this.#end, 'latin1');
  }

  #reserve(sizeBytes: number): void {
    if (this.#end + sizeBytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#end + sizeBytes));
    this.#bytes.copy(grown, 0, 0, this.#end);
    this.#bytes = grown;
  }
}

function sharedLength(a: string, b: string): number {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  while (length < limit && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}
