import type { ByteStream } from '../../image/image.ts';
import { ByteReader } from './byte-reader.ts';
import { sniffBytes, sniffCompression } from './compression.ts';
import { gunzip } from './gunzip.ts';
import { throughProgram } from './through-program.ts';
import { hasNodeZstd, unzstd } from './unzstd.ts';
import { zlibInputBytes } from './zlib-stream.ts';

/**
 * The uncompressed bytes of a stream that is gzip, zstd, xz, bzip2 or not compressed, as its first bytes show; xz and bzip2
 * go through the system's programs. Memory stays flat; a consumer that stops early ends the source. Reads the source to its
 * end. Throws a `tar` error on data that are damaged, cut short or followed by something else, `unreadable` where a
 * program is missing; errors of the source pass unchanged. A consumer that is done with each piece before it asks for the
 * next one says so by `lends`: then memory is used again, or given back, where that saves some.
 */
export async function* decompress(
  source: ByteStream,
  subject: string,
  { lends = false }: { readonly lends?: boolean } = {},
): ByteStream {
  const reader = new ByteReader(source);
  try {
    const compression = sniffCompression(await reader.peek(sniffBytes));
    switch (compression) {
      case 'none':
        return yield* reader.rest(1);
      case 'gzip':
        return yield* gunzip(reader, subject, lends);
      case 'zstd':
        return yield* unzstd(reader, subject, lends);
      case 'xz':
      case 'bzip2':
        return yield* throughProgram(reader.rest(zlibInputBytes), compression, subject);
    }
  } finally {
    await reader.close();
  }
}

/** True if `decompress` is done with each piece of a stream that begins so before it asks for the next one. */
export function needsNoCopies(start: Buffer): boolean {
  const compression = sniffCompression(start);
  return compression === 'none' || (compression === 'zstd' && !hasNodeZstd);
}
