import type { TarField } from './layout.ts';

const space = 0x20;
const base256Mark = 0x80;
const base256Sign = 0x40;

/**
 * The number in a header field: octal digits between spaces and NULs (nothing means 0), or GNU's base-256, big-endian
 * two's complement, marked by the top bit. NaN if it is neither, or beyond ±(2^53 - 1).
 */
export function readNumber(block: Buffer, field: TarField): number {
  const isBase256 = ((block[field.offset] ?? 0) & base256Mark) !== 0;
  return isBase256 ? readBase256(block, field) : readOctal(block, field);
}

function readOctal(block: Buffer, { offset, sizeBytes }: TarField): number {
  let at = offset;
  let end = offset + sizeBytes;
  while (at < end && isFiller(block[at])) at++;
  while (end > at && isFiller(block[end - 1])) end--;
  let value = 0;
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - 0x30;
    // A NUL ends the number: what comes after it is left over from before.
    if (block[at] === 0) break;
    if (digit < 0 || digit > 7) return Number.NaN;
    value = value * 8 + digit;
  }
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

function isFiller(byte: number | undefined): boolean {
  return byte === space || byte === 0;
}

function readBase256(block: Buffer, { offset, sizeBytes }: TarField): number {
  const first = block[offset] ?? 0;
  const magnitude = first & (base256Sign - 1);
  let value = BigInt((first & base256Sign) === 0 ? magnitude : magnitude - base256Sign);
  for (let at = offset + 1; at < offset + sizeBytes; at++) value = value * 256n + BigInt(block[at] ?? 0);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : Number.NaN;
}

/** Writes octal digits with leading zeros and a NUL at the end. Throws a RangeError if they do not fit. */
export function writeOctal(block: Buffer, field: TarField, value: number): void {
  if (!fitsOctal(field, value))
    throw new RangeError(`${value} does not fit ${field.sizeBytes} bytes of octal`);
  block.write(value.toString(8).padStart(field.sizeBytes - 1, '0'), field.offset, 'latin1');
}

/** True if the value can stand in the field as octal digits. */
export function fitsOctal(field: TarField, value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 8 ** (field.sizeBytes - 1);
}
