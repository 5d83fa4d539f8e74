import { Readable, type Transform, type TransformOptions } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ZlibOptions } from 'node:zlib';
import { systemErrorCode } from '../../base/error.ts';
import type { ByteStream } from '../../image/image.ts';
import { compressedDataError, outOfMemory } from './compressed-data-error.ts';

const chunkBytes = 256 * 1024;

/** For streams of `node:zlib` that decompress. */
export const zlibOptions: ZlibOptions & TransformOptions = {
  // Measured: with zlib's own 16 KiB, gunzip runs at 40 percent of the speed.
  chunkSize: chunkBytes,
  // Decompressing, in a thread of its own, goes on while what came out of it is looked at.
  readableHighWaterMark: 4 * chunkBytes,
};

/** Larger pieces going in bring nothing more. */
export const zlibInputBytes = 1024 * 1024;

/**
 * What comes out of a decompressing stream of `node:zlib` that `source` is fed to. The stream is destroyed when the
 * consumer stops. zlib's errors become `tar` errors, and `unreadable` for want of memory; those of the source pass unchanged.
 */
export async function* throughZlib(source: ByteStream, stream: Transform, subject: string): ByteStream {
  const input = Readable.from(source);
  const fed = pipeline(input, stream).catch((error: unknown) => error);
  try {
    yield* stream as AsyncIterable<Buffer>;
  } catch (error) {
    if (isOutOfMemory(error)) throw outOfMemory(subject, error);
    throw isZlibError(error) ? compressedDataError(subject, String(error), error) : error;
  } finally {
    input.destroy();
    stream.destroy();
    await fed;
  }
}

/** Of zlib and of zstd; of a stream that could not be made at all, Node's. */
function isOutOfMemory(error: unknown): boolean {
  return ['Z_MEM_ERROR', 'ZSTD_error_memory_allocation'].includes(systemErrorCode(error) ?? '');
}

/** zlib's own codes are `Z_DATA_ERROR` and the like, zstd's `ZSTD_error_…`. */
function isZlibError(error: unknown): error is Error {
  return /^Z(STD)?_/.test(systemErrorCode(error) ?? '');
}
