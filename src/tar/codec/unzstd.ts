import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import { GscError } from '../../base/error.ts';
import type { ByteStream } from '../../image/image.ts';
import type { ByteReader } from './byte-reader.ts';
import { compressedDataError } from './compressed-data-error.ts';
import { throughZlib, zlibChunkBytes, zlibInputBytes } from './zlib-stream.ts';
import { type ZstdPart, zstdBlockHeaderBytes, zstdParts } from './zstd-frames.ts';

/** Node has zstd from 22.15 and 23.8 on; the types are those of Node 20. */
const { createZstdDecompress } = zlib as { createZstdDecompress?: (options: zlib.ZlibOptions) => Transform };

/**
 * Decompresses zstd: any number of frames, skippable ones too, windows up to 128 MiB, no dictionaries. Throws a `tar`
 * error on damage. Where Node has no zstd, windows are up to 64 MiB and frames' checksums are not checked; the
 * digests of blob and layer are what guards the content.
 */
export function unzstd(reader: ByteReader, subject: string): ByteStream {
  return createZstdDecompress === undefined
    ? unzstdPortably(reader, subject)
    : throughZlib(
        inLargePieces(zstdParts(reader, subject)),
        createZstdDecompress({ chunkSize: zlibChunkBytes }),
        subject,
      );
}

/**
 * fzstd 0.1.1 takes the bits of a distance from 32 that it has shifted by up to 7: distances from 96 MiB on come out
 * wrong without an error. 64 MiB is the next window below, and leaves room in memory.
 */
const maxPortableWindowBytes = 2 ** 26;

/** The way without Node's own zstd. */
export async function* unzstdPortably(reader: ByteReader, subject: string): ByteStream {
  let output: Buffer[] = [];
  const collect = (bytes: Uint8Array) => void output.push(asBuffer(bytes));
  let decoder = new Decompress(collect);
  let frame = { expectedBytes: undefined as number | undefined, gotBytes: 0 };
  for await (const part of zstdParts(reader, subject)) {
    if (part.kind === 'header') {
      checkPortableWindow(part.windowBytes, subject);
      decoder = new Decompress(collect);
      frame = { expectedBytes: part.contentBytes, gotBytes: 0 };
    }
    try {
      feed(decoder, part);
    } catch (error) {
      throw compressedDataError(subject, String(error), error);
    }
    frame.gotBytes += output.reduce((sum, piece) => sum + piece.length, 0);
    yield* output.filter((piece) => piece.length > 0);
    output = [];
    if (part.kind === 'end') checkContentSize(frame, subject);
  }
}

/**
 * fzstd keeps an empty view of every piece that ends where a block does, and with it the memory of the piece, until one
 * ends inside a block. So blocks go in with their headers apart: memory stays flat instead of growing by the whole input.
 */
function feed(decoder: Decompress, part: ZstdPart): void {
  if (part.kind === 'block') decoder.push(part.bytes.subarray(0, zstdBlockHeaderBytes));
  const rest = part.kind === 'block' ? part.bytes.subarray(zstdBlockHeaderBytes) : part.bytes;
  decoder.push(rest, part.kind === 'end');
}

/** Node stops at the end of a frame if more bytes follow in the same piece: no piece may go beyond one. */
async function* inLargePieces(parts: AsyncIterable<ZstdPart>): ByteStream {
  let pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of parts) {
    pieces.push(part.bytes);
    sizeBytes += part.bytes.length;
    if (part.kind !== 'end' && sizeBytes < zlibInputBytes) continue;
    yield Buffer.concat(pieces, sizeBytes);
    pieces = [];
    sizeBytes = 0;
  }
}

function checkPortableWindow(windowBytes: number, subject: string): void {
  if (windowBytes <= maxPortableWindowBytes) return;
  throw new GscError({
    code: 'tar',
    subject,
    message: `a zstd window of ${windowBytes} bytes; without zstd in Node, at most ${maxPortableWindowBytes} are supported`,
    hint: 'run gsc on Node 22.15 or newer, or compress the layer again without --long',
  });
}

function checkContentSize(
  frame: { readonly expectedBytes: number | undefined; readonly gotBytes: number },
  subject: string,
): void {
  if (frame.expectedBytes === undefined || frame.expectedBytes === frame.gotBytes) return;
  const found = `expected ${frame.expectedBytes} bytes in a zstd frame, got ${frame.gotBytes}`;
  throw compressedDataError(subject, found);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
