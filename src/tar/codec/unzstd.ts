import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import type { ByteStream } from '../../image/image.ts';
import type { ByteReader } from './byte-reader.ts';
import { compressedDataError, outOfMemory } from './compressed-data-error.ts';
import { throughZlib, zlibInputBytes, zlibOptions } from './zlib-stream.ts';
import { type ZstdPart, zstdParts } from './zstd-frames.ts';

/** Node has zstd from 22.15 and 23.8 on; the types are those of Node 20. */
const { createZstdDecompress } = zlib as { createZstdDecompress?: (options: zlib.ZlibOptions) => Transform };

/** True if Node itself decompresses zstd, in threads of its own as it does gzip. */
export const hasNodeZstd = createZstdDecompress !== undefined;

/**
 * Decompresses zstd: any number of frames, skippable ones too, windows up to 128 MiB, no dictionaries. Throws a `tar`
 * error on damage, `unreadable` for want of memory. `lends` as for `decompress`.
 */
export function unzstd(reader: ByteReader, subject: string, lends = false): ByteStream {
  return createZstdDecompress === undefined
    ? unzstdPortably(reader, subject, lends)
    : throughZlib(inLargePieces(zstdParts(reader, subject)), createZstdDecompress(zlibOptions), {
        subject,
        lends,
      });
}

/** The way without Node's own zstd: the same decoder, as WebAssembly. */
export async function* unzstdPortably(reader: ByteReader, subject: string, lends = false): ByteStream {
  const { WasmZstd } = await import('./wasm-zstd.ts');
  const decoder = await WasmZstd.create().catch((error: unknown) => {
    throw error instanceof RangeError ? outOfMemory(subject, error) : error;
  });
  try {
    for await (const { bytes } of zstdParts(reader, subject)) {
      for (const piece of damageIn(decoder.push(bytes), subject)) yield lends ? piece : Buffer.from(piece);
    }
  } finally {
    decoder.free();
  }
}

function* damageIn(pieces: Iterable<Buffer>, subject: string): Generator<Buffer> {
  try {
    yield* pieces;
  } catch (error) {
    if (error instanceof RangeError) throw outOfMemory(subject, error);
    throw compressedDataError(subject, String(error), error);
  }
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
