import { createHash } from 'node:crypto';
import { type Digest, finishDigest } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import type { ByteStream } from '../../image/image.ts';
import { decompress } from '../../tar/codec/decompress.ts';

/** The tar in a layer's stored bytes. Throws a `blob` error at its end if its digest is not the diffId. */
export async function* verifiedTar(stored: ByteStream, diffId: Digest, where: string): ByteStream {
  const subject = `${where}: blob ${diffId}`;
  const hash = createHash('sha256');
  for await (const piece of decompress(stored, subject)) {
    hash.update(piece);
    yield piece;
  }
  const found = finishDigest(hash);
  if (found === diffId) return;
  throw new GscError({
    code: 'blob',
    subject,
    message: `the uncompressed layer has different content: expected the diffId ${diffId}, got ${found}`,
    hint: 'the image is damaged; pull or export it again',
  });
}
