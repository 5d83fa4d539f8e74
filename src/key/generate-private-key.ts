import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';

/** The text before a key's PEM block (RFC 7468, 2: explanatory text) that says what the key is for. */
const testHeader = 'gsc-purpose: test';

export interface GenerateOptions {
  /** The key is for tests: its file says so, and gsc signs debug enclaves with it without further question. */
  readonly isForTests?: boolean;
}

/** A new SGX signing key: RSA with 3072 bits and exponent 3, as an unencrypted PKCS#1 PEM text. */
export async function generatePrivateKey({ isForTests = false }: GenerateOptions = {}): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 3072,
    publicExponent: 3,
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  return isForTests ? `${testHeader}\n${privateKey}` : privateKey;
}

/** True if the text before the first PEM block has the header of a key for tests, on a line of its own. */
export function isTestKey(pem: Buffer): boolean {
  const end = pem.indexOf('-----BEGIN ');
  const lines = pem.toString('latin1', 0, Math.max(0, end)).split(/\r?\n/);
  return lines.some((line) => line.trim().toLowerCase() === testHeader);
}
