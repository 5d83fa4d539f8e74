/** A PT_LOAD of a file that a test makes up; `bytes` go to `offset`. */
export interface MadeSegment {
  readonly offset: number;
  readonly address: bigint;
  readonly bytes: Buffer;
  readonly memorySizeBytes?: bigint;
  /** PF_X 1, PF_W 2, PF_R 4. */
  readonly flags?: number;
  readonly type?: number;
}

/** An ELF64 file with these program headers, and with 0xee wherever no segment has bytes. */
export function makeElf(segments: readonly MadeSegment[], entry = 0n): Buffer {
  const tableEnd = 64 + 56 * segments.length;
  const end = Math.max(tableEnd, ...segments.map(({ offset, bytes }) => offset + bytes.length));
  const file = Buffer.alloc(end + 64, 0xee);
  file.fill(0, 0, tableEnd);
  for (const { offset, bytes } of segments) bytes.copy(file, offset);
  file.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  file.writeUInt16LE(3, 16);
  file.writeUInt16LE(62, 18);
  file.writeBigUInt64LE(entry, 24);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(segments.length, 56);
  for (const [index, segment] of segments.entries()) writeHeader(file, 64 + 56 * index, segment);
  return file;
}

/** A segment from offset 0x1000 on: after all headers. */
export function codeSegment(address: bigint, length = 0x123): MadeSegment {
  return { offset: 0x1000, address, bytes: patternOf(length), flags: 5 };
}

/** Bytes of which no two neighbours are alike, and none is zero. */
export function patternOf(length: number, seed = 1): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => ((index * 7 + seed * 13) % 255) + 1));
}

function writeHeader(file: Buffer, at: number, segment: MadeSegment): void {
  const { offset, address, bytes, flags = 6, type = 1 } = segment;
  file.writeUInt32LE(type, at);
  file.writeUInt32LE(flags, at + 4);
  file.writeBigUInt64LE(BigInt(offset), at + 8);
  file.writeBigUInt64LE(address, at + 16);
  file.writeBigUInt64LE(BigInt(bytes.length), at + 32);
  file.writeBigUInt64LE(segment.memorySizeBytes ?? BigInt(bytes.length), at + 40);
}
