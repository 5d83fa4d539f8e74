import { crc32 } from 'node:zlib';
import type { ByteReader } from './byte-reader.ts';
import { readXzInteger } from './xz-integer.ts';

/** What the index says about a block. */
export interface XzBlockSizes {
  /** Of header, compressed data and check, without padding. */
  readonly unpaddedBytes: number;
  readonly contentBytes: number;
}

/** An index lists a block in 18 bytes at most; 4 MiB of it are those of terabytes. */
const maximalIndexBytes = 1 << 22;

/**
 * Reads the index behind the blocks of a stream and holds it against them. Gives its size, or what is wrong with it. The
 * .xz file format, 4.
 */
export async function readXzIndex(
  reader: ByteReader,
  blocks: readonly XzBlockSizes[],
): Promise<number | string> {
  const bytes = await reader.peek(Math.min(maximalIndexBytes, 32 + 18 * blocks.length));
  const numbers = [blocks.length, ...blocks.flatMap((block) => [block.unpaddedBytes, block.contentBytes])];
  let at = 1;
  for (const expected of numbers) {
    const integer = readXzInteger(bytes, at);
    if (integer?.value !== expected) return 'the index does not fit the blocks';
    at = integer.end;
  }
  const padded = (at + 3) & ~3;
  const isCut = bytes.length < padded + 4;
  if (isCut || bytes.subarray(at, padded).some((byte) => byte !== 0)) return 'the index is cut short';
  if (crc32(bytes.subarray(0, padded)) !== bytes.readUInt32LE(padded)) return 'the index is damaged';
  await reader.read(padded + 4);
  return padded + 4;
}
