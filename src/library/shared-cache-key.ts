import { readPrivateEvidenceKey, readPublicEvidenceKey } from '../evidence/evidence-key.ts';
import { isSignatureOf, signBytes } from '../evidence/signed-bytes.ts';
import type { SharedCacheKey } from '../workspace/shared-indexes.ts';

/** What of a layer's index is signed; never the payload of anything else. */
const statementType = 'application/vnd.gsc.cache-statement.v1+json';

/**
 * The key of a shared cache, from PEM: Ed25519 or ECDSA P-256. A cache that is written to needs the private half, `isWriter`; to use
 * what is there the public one is enough. Throws a `key` error that names `subject`.
 */
export function readSharedCacheKey(
  pem: Buffer,
  { subject, isWriter }: { readonly subject: string; readonly isWriter: boolean },
): SharedCacheKey {
  const key = isWriter ? readPrivateEvidenceKey(pem, subject) : readPublicEvidenceKey(pem, subject);
  return {
    sign: isWriter ? (bytes) => signBytes({ type: statementType, bytes }, key) : undefined,
    verify: (bytes, signature) => isSignatureOf({ type: statementType, bytes }, signature, key),
  };
}
