import { type Digest, digestOf } from '../../base/digest.ts';
import type { BlobCache } from './blob-cache.ts';

/** Single files: those of a runtime. Layers: the tars of those that gsc adds, by diffId. */
export type ContentKind = 'file' | 'layer';

/** The bytes that `digest` names, checked against it; undefined if they are not kept. */
export async function loadContent(
  cache: BlobCache,
  kind: ContentKind,
  digest: Digest,
): Promise<Buffer | undefined> {
  const content = await cache.get({ kind, digest });
  return content !== undefined && digestOf(content) === digest ? content : undefined;
}

/** Keeps bytes under their own digest. */
export async function saveContent(cache: BlobCache, kind: ContentKind, content: Uint8Array): Promise<void> {
  await cache.put({ kind, digest: digestOf(content) }, content);
}
