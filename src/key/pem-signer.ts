import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { GscError } from '../base/error.ts';
import type { Signer } from '../signature/signer.ts';
import { isTestKey } from './generate-private-key.ts';
import { openPrivateKey } from './private-key.ts';

export interface PemSignerOptions {
  /** What errors call the key: its file's name. */
  readonly subject: string;
  /** For an encrypted key; not looked at for a plain one. */
  readonly passphrase?: string | Buffer;
}

/**
 * A signer with the RSA-3072 key of a PEM file: PKCS#1 or PKCS#8, either of them encrypted or not. Throws a `key`
 * error for any other content, and for a passphrase that is missing or wrong; no message holds a part of the key. `pem` may be
 * overwritten afterwards.
 */
export function pemSigner(pem: Buffer, { subject, passphrase }: PemSignerOptions): Signer {
  const key = openPrivateKey(pem, { subject, passphrase });
  return {
    kind: 'pem',
    subject,
    modulus: modulusOf(key),
    isForTests: isTestKey(pem),
    sign: async (message) => {
      try {
        return await promisify(sign)('sha256', message, key);
      } catch (cause) {
        throw new GscError({
          code: 'key',
          subject,
          message: 'the key cannot sign: its numbers are inconsistent',
          hint: 'the file is damaged; restore it from a copy',
          cause,
        });
      }
    },
  };
}

function modulusOf(key: KeyObject): Buffer {
  return Buffer.from(createPublicKey(key).export({ format: 'jwk' }).n ?? '', 'base64url');
}
