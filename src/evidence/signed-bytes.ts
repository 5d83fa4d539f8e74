import { sign, verify } from 'node:crypto';
import { dsse } from '@sigstore/core';
import type { EvidenceKey } from './evidence-key.ts';

/** Bytes that are signed as being of a type: DSSE v1, so that no signature serves for anything else. */
export interface TypedBytes {
  readonly type: string;
  readonly bytes: Buffer;
}

/** The signature of a private key. With Ed25519 the same bytes give the same signature. */
export function signBytes({ type, bytes }: TypedBytes, { key }: EvidenceKey): Buffer {
  return sign(hashOf(key), dsse.preAuthEncoding(type, bytes), key);
}

/** True if the key, or its private half, made the signature. */
export function isSignatureOf({ type, bytes }: TypedBytes, signature: Buffer, { key }: EvidenceKey): boolean {
  return verify(hashOf(key), dsse.preAuthEncoding(type, bytes), key, signature);
}

/** Ed25519 hashes by itself. */
function hashOf({ asymmetricKeyType }: EvidenceKey['key']): 'sha256' | null {
  return asymmetricKeyType === 'ed25519' ? null : 'sha256';
}
