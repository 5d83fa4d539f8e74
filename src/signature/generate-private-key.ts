import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';

/** A new SGX signing key: RSA with 3072 bits and exponent 3, as an unencrypted PKCS#1 PEM text. */
export async function generatePrivateKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 3072,
    publicExponent: 3,
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  return privateKey;
}
