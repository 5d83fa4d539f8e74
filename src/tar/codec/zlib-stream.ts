import { Readable, type Transform, type TransformOptions } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import type { ZlibOptions } from 'node:zlib';
import { systemErrorCode } from '../../base/error.ts';
import { freeMemory } from '../../base/free-memory.ts';
import type { ByteStream } from '../../image/image.ts';
import { compressedDataError, outOfMemory } from './compressed-data-error.ts';

/** Decompressed at a time, in a thread of its own, which has to wait for this one in between. */
const chunkBytes = 1024 * 1024;

/** Looked at before this thread hears again whether a chunk is decompressed. */
const pieceBytes = 256 * 1024;

/** For streams of `node:zlib` that decompress. */
export const zlibOptions: ZlibOptions & TransformOptions = {
  chunkSize: chunkBytes,
  // Decompressing goes on while what came out of it is looked at: chunk by chunk, for as bytes they would be copied together.
  readableObjectMode: true,
  readableHighWaterMark: 2,
};

/** Larger pieces going in bring nothing more. */
export const zlibInputBytes = 1024 * 1024;

/**
 * What comes out of a decompressing stream of `node:zlib`, made with {@link zlibOptions}, that `source` is fed to. The stream is
 * destroyed when the consumer stops. zlib's errors become `tar` errors, and `unreadable` for want of memory; those of the source pass
 * unchanged. `lends` as for `decompress`.
 */
export async function* throughZlib(
  source: ByteStream,
  stream: Transform,
  { subject, lends }: { readonly subject: string; readonly lends: boolean },
): ByteStream {
  const input = Readable.from(source);
  const fed = pipeline(input, stream).catch((error: unknown) => error);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; at += pieceBytes) {
        yield chunk.subarray(at, at + pieceBytes);
        await setImmediate();
      }
      if (lends && isLastOfMemory(chunk)) freeMemory(chunk.buffer);
    }
  } catch (error) {
    if (isOutOfMemory(error)) throw outOfMemory(subject, error);
    throw isZlibError(error) ? compressedDataError(subject, String(error), error) : error;
  } finally {
    input.destroy();
    stream.destroy();
    await fed;
  }
}

/** True of the last chunk in memory that the stream has filled; the next one has memory of its own. */
function isLastOfMemory({ buffer, byteOffset, length }: Buffer): boolean {
  return buffer.byteLength === chunkBytes && byteOffset + length === chunkBytes;
}

/** Of zlib and of zstd; of a stream that could not be made at all, Node's. */
function isOutOfMemory(error: unknown): boolean {
  return ['Z_MEM_ERROR', 'ZSTD_error_memory_allocation'].includes(systemErrorCode(error) ?? '');
}

/** zlib's own codes are `Z_DATA_ERROR` and the like, zstd's `ZSTD_error_…`. */
function isZlibError(error: unknown): error is Error {
  return /^Z(STD)?_/.test(systemErrorCode(error) ?? '');
}
