import { createHash } from 'node:crypto';
import { type Digest, hexOf } from '../../base/digest.ts';

/** What an entry of the cache is found by. */
export interface CacheKey {
  /** A sort of thing and the version of its encoding: lower-case letters, digits, dots and hyphens. */
  readonly kind: string;
  readonly digest: Digest;
}

const kindPattern = /^[a-z0-9][a-z0-9.-]*$/;
const checksumBytes = 32;

/** Names the directory of this layout; another layout gets another name, so that neither reads the other's files. */
export const cacheLayoutVersion = 'v1';

/**
 * A file of the cache: a head that names layout, kind and digest, the content, and the SHA-256 of all that. A file that
 * is damaged, cut short or is under another name does not open.
 */
export function sealEntry(key: CacheKey, content: Uint8Array): readonly Uint8Array[] {
  const head = headOf(key);
  return [head, content, checksumOf(head, content)];
}

/** The content of a file that {@link sealEntry} made for the same key; undefined for all other bytes. */
export function openSealedEntry(key: CacheKey, file: Buffer): Buffer | undefined {
  const head = headOf(key);
  const end = file.length - checksumBytes;
  if (end < head.length || !file.subarray(0, head.length).equals(head)) return undefined;
  const content = file.subarray(head.length, end);
  return checksumOf(head, content).equals(file.subarray(end)) ? content : undefined;
}

function headOf({ kind, digest }: CacheKey): Buffer {
  if (!kindPattern.test(kind)) throw new RangeError(`not a kind of cache entry: ${JSON.stringify(kind)}`);
  return Buffer.from(`gsc cache ${cacheLayoutVersion}\n${kind}\n${hexOf(digest)}\n`, 'latin1');
}

function checksumOf(head: Uint8Array, content: Uint8Array): Buffer {
  return createHash('sha256').update(head).update(content).digest();
}
