import { GscError } from '../../base/error.ts';
import type { ByteStream } from '../../image/image.ts';
import { ByteReader } from './byte-reader.ts';
import { sniffBytes, sniffCompression } from './compression.ts';
import { gunzip } from './gunzip.ts';
import { unzstd } from './unzstd.ts';

/**
 * The uncompressed bytes of a stream that is gzip, zstd or not compressed, as its first bytes show. Memory stays flat;
 * a consumer that stops early ends the source. Reads the source to its end. Throws a `tar` error on data that are
 * damaged, cut short or followed by something else, and on xz and bzip2, which are recognised only; errors of the
 * source pass unchanged.
 */
export async function* decompress(source: ByteStream, subject: string): ByteStream {
  const reader = new ByteReader(source);
  try {
    const compression = sniffCompression(await reader.peek(sniffBytes));
    switch (compression) {
      case 'none':
        return yield* reader.rest(1);
      case 'gzip':
        return yield* gunzip(reader, subject);
      case 'zstd':
        return yield* unzstd(reader, subject);
      case 'xz':
      case 'bzip2':
        throw notSupported(compression, subject);
    }
  } finally {
    await reader.close();
  }
}

function notSupported(compression: string, subject: string): GscError {
  return new GscError({
    code: 'tar',
    subject,
    message: `compressed with ${compression}, expected gzip, zstd or no compression`,
    hint: `engines and registries do not use ${compression}: decompress it first, or pull the image again`,
  });
}
