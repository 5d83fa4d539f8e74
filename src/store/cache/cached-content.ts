import { type Digest, digestOf } from '../../base/digest.ts';
import type { BlobCache } from './blob-cache.ts';

/** Single files: those of a runtime. */
const kind = 'file';

/** The bytes that `digest` names, checked against it; undefined if they are not kept. */
export async function loadContent(cache: BlobCache, digest: Digest): Promise<Buffer | undefined> {
  const content = await cache.get({ kind, digest });
  return content !== undefined && digestOf(content) === digest ? content : undefined;
}

/** Keeps bytes under their own digest. */
export async function saveContent(cache: BlobCache, content: Uint8Array): Promise<void> {
  await cache.put({ kind, digest: digestOf(content) }, content);
}
