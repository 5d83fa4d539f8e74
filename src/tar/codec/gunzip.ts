import { createGunzip } from 'node:zlib';
import type { ByteStream } from '../../image/image.ts';
import type { ByteReader } from './byte-reader.ts';
import { compressedDataError } from './compressed-data-error.ts';
import { throughZlib, zlibInputBytes, zlibOptions } from './zlib-stream.ts';

/**
 * Decompresses gzip, one or more members (pigz, estargz). Throws a `tar` error on damage, and on anything after the
 * last member: zeros as well, for Go's reader, which engines use, refuses them too. `lends` as for `decompress`.
 */
export async function* gunzip(reader: ByteReader, subject: string, lends = false): ByteStream {
  const stream = createGunzip(zlibOptions);
  let fedBytes = 0;
  const counted = async function* (): ByteStream {
    for await (const piece of reader.rest(zlibInputBytes)) {
      fedBytes += piece.length;
      yield piece;
    }
  };
  yield* throughZlib(counted(), stream, { subject, lends });
  // Node's gunzip ends silently before a zero byte; what it took in tells.
  if (stream.bytesWritten !== fedBytes) {
    throw compressedDataError(subject, `something follows the gzip data at byte ${stream.bytesWritten}`);
  }
}
