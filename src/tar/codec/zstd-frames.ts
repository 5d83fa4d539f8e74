import type { ByteReader } from './byte-reader.ts';
import { compressedDataError, unfitCompression } from './compressed-data-error.ts';

/** A piece of a zstd stream, as it stands there; skippable frames are left out. */
export type ZstdPart =
  /** With the magic number. */
  | { readonly kind: 'header'; readonly bytes: Buffer }
  /** One block with its header. Only the last of a frame may be empty. */
  | { readonly kind: 'block'; readonly bytes: Buffer }
  /** The checksum (4 bytes) or nothing: the frame is complete. */
  | { readonly kind: 'end'; readonly bytes: Buffer };

/** RFC 8878, 3.1.1.1: the parts of the frame header descriptor and their sizes. */
const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;
const dictionaryIdBytes = [0, 1, 2, 4] as const;
const contentSizeBytes = [0, 2, 4, 8] as const;

/** RFC 8878, 3.1.1.2. */
const zstdBlockHeaderBytes = 3;

/** RFC 8878, 3.1.1.2.4. */
const maxBlockBytes = 128 * 1024;

/** 128 MiB: what the zstd program takes without `--long`; a larger one would need that much memory. */
const maxWindowBytes = 2 ** 27;

/**
 * Cuts a zstd stream into its parts. Decoders differ in what they say about several frames, skippable ones, streams
 * that are cut short and trailing bytes; with the parts known, they need not be asked. Throws a `tar` error.
 */
export async function* zstdParts(reader: ByteReader, subject: string): AsyncGenerator<ZstdPart> {
  while ((await reader.peek(1)).length > 0) {
    const magic = (await readExactly(reader, 4, subject)).readUInt32LE();
    if ((magic & 0xfffffff0) >>> 0 === skippableMagic) await skipFrame(reader, subject);
    else if (magic === frameMagic) yield* frameParts(reader, subject);
    else throw compressedDataError(subject, `expected a zstd frame, got ${magic.toString(16)}`);
  }
}

async function skipFrame(reader: ByteReader, subject: string): Promise<void> {
  const sizeBytes = (await readExactly(reader, 4, subject)).readUInt32LE();
  if ((await reader.skip(sizeBytes)) !== sizeBytes) throw cutShort(subject);
}

async function* frameParts(reader: ByteReader, subject: string): AsyncGenerator<ZstdPart> {
  const header = await readFrameHeader(reader, subject);
  yield { kind: 'header', bytes: header.bytes };
  const blockLimit = Math.min(maxBlockBytes, header.windowBytes);
  for (let isLast = false; !isLast; ) {
    const blockHeader = await reader.peek(zstdBlockHeaderBytes);
    if (blockHeader.length < zstdBlockHeaderBytes) throw cutShort(subject);
    const block = parseBlockHeader(blockHeader, subject);
    if (block.sizeBytes > blockLimit) throw invalidBlock(subject);
    isLast = block.isLast;
    const whole = await readExactly(reader, zstdBlockHeaderBytes + block.contentBytes, subject);
    if (block.contentBytes > 0 || isLast) yield { kind: 'block', bytes: whole };
  }
  yield { kind: 'end', bytes: await readExactly(reader, header.hasChecksum ? 4 : 0, subject) };
}

interface BlockHeader {
  readonly isLast: boolean;
  readonly sizeBytes: number;
  /** What stands after the header. */
  readonly contentBytes: number;
}

/** RFC 8878, 3.1.1.2: blocks are raw, one byte that is repeated `sizeBytes` times, or compressed. */
function parseBlockHeader(header: Buffer, subject: string): BlockHeader {
  const bits = header.readUIntLE(0, zstdBlockHeaderBytes);
  const type = (bits >> 1) & 3;
  const sizeBytes = bits >> 3;
  // A compressed block has at least the headers of its two sections.
  if (type === 3 || (type === 2 && sizeBytes < 2)) throw invalidBlock(subject);
  return { isLast: (bits & 1) === 1, sizeBytes, contentBytes: type === 1 ? 1 : sizeBytes };
}

function invalidBlock(subject: string) {
  return compressedDataError(subject, 'a zstd block is not valid');
}

interface FrameHeader {
  /** With the magic number. */
  readonly bytes: Buffer;
  /** How far back the frame may refer. */
  readonly windowBytes: number;
  readonly hasChecksum: boolean;
}

/** RFC 8878, 3.1.1.1. The magic number is read already. */
async function readFrameHeader(reader: ByteReader, subject: string): Promise<FrameHeader> {
  const descriptor = (await readExactly(reader, 1, subject)).readUInt8();
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizes = {
    window: isSingleSegment ? 0 : 1,
    dictionaryId: dictionaryIdBytes[descriptor & 3] ?? 0,
    contentSize: isSingleSegment && descriptor < 0x40 ? 1 : (contentSizeBytes[descriptor >> 6] ?? 0),
  };
  const rest = await readExactly(reader, sizes.window + sizes.dictionaryId + sizes.contentSize, subject);
  const dictionary = rest.subarray(sizes.window, sizes.window + sizes.dictionaryId);
  if (dictionary.some((byte) => byte !== 0))
    throw unfitCompression(subject, 'zstd with a dictionary', 'compress it again without one');
  if ((descriptor & 8) !== 0) throw compressedDataError(subject, 'a zstd frame header is not valid');
  const contentBytes = contentSizeOf(rest.subarray(sizes.window + sizes.dictionaryId));
  const windowBytes = isSingleSegment ? (contentBytes ?? 0) : windowSizeOf(rest.readUInt8());
  if (windowBytes > maxWindowBytes) {
    const how = `zstd with a window of ${windowBytes} bytes, more than ${maxWindowBytes}`;
    throw unfitCompression(
      subject,
      how,
      'compress it again with a smaller one: zstd without --long and --ultra',
    );
  }
  const start = Buffer.alloc(5);
  start.writeUInt32LE(frameMagic);
  start.writeUInt8(descriptor, 4);
  const hasChecksum = (descriptor & 4) !== 0;
  return { bytes: Buffer.concat([start, rest]), windowBytes, hasChecksum };
}

/** RFC 8878, 3.1.1.1.4: the size in two bytes starts at 256. */
function contentSizeOf(field: Buffer): number | undefined {
  if (field.length === 0) return undefined;
  if (field.length === 8) return Number(field.readBigUInt64LE());
  return field.readUIntLE(0, field.length) + (field.length === 2 ? 256 : 0);
}

/** RFC 8878, 3.1.1.1.2. */
function windowSizeOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

async function readExactly(reader: ByteReader, sizeBytes: number, subject: string): Promise<Buffer> {
  const bytes = await reader.read(sizeBytes);
  if (bytes.length < sizeBytes) throw cutShort(subject);
  return bytes;
}

function cutShort(subject: string) {
  return compressedDataError(subject, 'the zstd data end inside a frame');
}
