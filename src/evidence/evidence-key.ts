import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { GscError } from '../base/error.ts';

/** A key that evidence is signed with, or verified with. */
export interface EvidenceKey {
  readonly key: KeyObject;
  /** What a bundle calls the key: the SHA-256 of its public half (SubjectPublicKeyInfo, DER), base64, as cosign does. */
  readonly hint: string;
}

/** Reads a private key in PEM form: ECDSA P-256 or Ed25519. Throws a `key` error. */
export function readPrivateEvidenceKey(pem: Buffer, subject: string): EvidenceKey {
  return evidenceKey({ pem, subject, expected: 'a private key in PEM form' }, createPrivateKey);
}

/** Reads a public key in PEM form, a certificate or a private key: ECDSA P-256 or Ed25519. Throws a `key` error. */
export function readPublicEvidenceKey(pem: Buffer, subject: string): EvidenceKey {
  return evidenceKey({ pem, subject, expected: 'a public key in PEM form' }, createPublicKey);
}

interface KeyFile {
  readonly pem: Buffer;
  readonly subject: string;
  /** For messages. */
  readonly expected: string;
}

function evidenceKey({ pem, subject, expected }: KeyFile, read: (pem: Buffer) => KeyObject): EvidenceKey {
  let key: KeyObject;
  try {
    key = read(pem);
  } catch {
    const isEncrypted = pem.includes('ENCRYPTED');
    throw keyError(
      subject,
      isEncrypted ? `expected ${expected}, got an encrypted one` : `expected ${expected}, got something else`,
      isEncrypted ? 'decrypt it first: openssl pkey -in KEY -out PLAIN' : undefined,
    );
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const isFit = type === 'ed25519' || (type === 'ec' && details?.namedCurve === 'prime256v1');
  if (!isFit) {
    const got = type === 'ec' ? `EC on the curve ${details?.namedCurve}` : type?.toUpperCase();
    throw keyError(subject, `expected an ECDSA P-256 or Ed25519 key, got ${got}`);
  }
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return { key, hint: createHash('sha256').update(spki).digest('base64') };
}

function keyError(subject: string, message: string, hint?: string): GscError {
  return new GscError({
    code: 'key',
    subject,
    message,
    hint: hint ?? 'make one with: openssl genpkey -algorithm ed25519 -out evidence.pem',
  });
}
