import { createPublicKey, type KeyObject } from 'node:crypto';
import { GscError } from '../base/error.ts';
import { mrSignerOf } from './verify-sigstruct.ts';

/**
 * MRSIGNER of the key in a PEM file: a public key, a certificate, or a private key that is not encrypted. Throws a `key` error for
 * anything but RSA with 3072 bits and exponent 3.
 */
export function mrSignerOfPem(pem: Buffer, subject: string): string {
  const key = publicKeyOf(pem, subject);
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  const kind = `${key.asymmetricKeyType}-${modulusLength} with exponent ${publicExponent}`;
  if (kind !== 'rsa-3072 with exponent 3') throw wrongKey(subject, kind);
  const modulus = Buffer.from(key.export({ format: 'jwk' }).n ?? '', 'base64url');
  return mrSignerOf(modulus.reverse());
}

function publicKeyOf(pem: Buffer, subject: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw wrongKey(subject, 'what is not a key, or an encrypted one', cause);
  }
}

function wrongKey(subject: string, got: string, cause?: unknown): GscError {
  return new GscError({
    code: 'key',
    subject,
    message: `expected the public key of the signer in PEM, RSA-3072 with exponent 3, got ${got}`,
    hint: 'write it with: openssl rsa -in KEY -pubout; or give --mrsigner HEX',
    cause,
  });
}
