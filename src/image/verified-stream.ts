import { createHash } from 'node:crypto';
import { finishDigest } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import type { Descriptor } from './descriptor.ts';
import type { ByteStream } from './image.ts';

/**
 * Passes `source` through and checks it against the descriptor: never more bytes than its size, at the end exactly its
 * size and its digest; otherwise a `blob` error that names the digest and `where` the blob came from.
 */
export async function* verifiedStream(source: ByteStream, descriptor: Descriptor, where: string): ByteStream {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const piece of source) {
    sizeBytes += piece.length;
    if (sizeBytes > descriptor.sizeBytes)
      throw wrongSize(descriptor, where, `more than ${descriptor.sizeBytes}`);
    hash.update(piece);
    yield piece;
  }
  if (sizeBytes !== descriptor.sizeBytes) throw wrongSize(descriptor, where, String(sizeBytes));
  const digest = finishDigest(hash);
  if (digest !== descriptor.digest) {
    throw new GscError({
      code: 'blob',
      subject: `${where}: blob ${descriptor.digest}`,
      message: `the content has a different digest: expected ${descriptor.digest}, got ${digest}`,
      hint: 'the image is damaged; pull or export it again',
    });
  }
}

/** All bytes of a stream that is known to be small (a manifest, a config). */
export async function collectBytes(source: ByteStream): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

function wrongSize(descriptor: Descriptor, where: string, got: string): GscError {
  return new GscError({
    code: 'blob',
    subject: `${where}: blob ${descriptor.digest}`,
    message: `expected ${descriptor.sizeBytes} bytes, got ${got}`,
    hint: 'the image is cut short or damaged; pull or export it again',
  });
}
