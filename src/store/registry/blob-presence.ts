import type { RegistryRequest } from './registry-session.ts';
import { discardBody, headerOf } from './transport.ts';
import type { BlobTarget } from './upload-session.ts';

/** What registries say that do not answer HEAD here. */
const noHeadStatuses: readonly number[] = [400, 405, 501];

/**
 * True if the repository says that it has the blob, in the right size. A registry without HEAD counts as not having it.
 * Throws a `registry` error.
 */
export async function hasBlob({ session, repository, descriptor }: BlobTarget): Promise<boolean> {
  const { digest, sizeBytes } = descriptor;
  const ask: RegistryRequest = {
    repository,
    purpose: `look for blob ${digest}`,
    method: 'HEAD',
    target: `blobs/${digest}`,
    actions: ['pull', 'push'],
  };
  const response = await session.send(ask, [200, 404, ...noHeadStatuses]);
  await discardBody(response);
  if (response.status !== 200) return false;
  const length = headerOf(response, 'content-length');
  return length === undefined || Number(length) === sizeBytes;
}
