import { resolve } from 'node:path';
import { readUserFile } from '../base/read-file.ts';
import type { Signer } from '../signature/signer.ts';
import { execSigner } from './exec-signer.ts';
import type { KeyEnvironment } from './key-environment.ts';
import { type KeyReference, parseKeyReference } from './key-reference.ts';
import { pemSigner } from './pem-signer.ts';
import { pkcs11Signer } from './pkcs11-signer.ts';
import { isEncryptedKey } from './private-key.ts';
import { warnIfShared } from './secret-file.ts';

/**
 * Opens a signing key wherever it is; see {@link parseKeyReference} for how it is named. Close the signer when all is signed: a
 * token keeps a session open. Throws a `key` error for a key that SGX cannot take, or that does not open, `not-found` and
 * `unreadable` errors for files, a `usage` error for the reference.
 */
export async function openSigner(key: string | KeyReference, environment: KeyEnvironment): Promise<Signer> {
  const reference = typeof key === 'string' ? parseKeyReference(key) : key;
  switch (reference.kind) {
    case 'pem':
      return openPemFile(resolve(environment.host.workingDirectory, reference.path), environment);
    case 'pkcs11':
      return pkcs11Signer(reference.uri, environment);
    case 'exec':
      return execSigner(reference, environment);
  }
}

/** The bytes of the file are overwritten as soon as the key is open; OpenSSL holds what signing needs. */
async function openPemFile(path: string, environment: KeyEnvironment): Promise<Signer> {
  const { passphrase: given, askSecret, reporter } = environment;
  const pem = await readUserFile(path, 'key');
  try {
    const isAsked = given === undefined && isEncryptedKey(pem);
    const passphrase = isAsked ? await askSecret?.(`passphrase of ${path}`) : given;
    const signer = pemSigner(pem, { subject: path, ...(passphrase !== undefined && { passphrase }) });
    if (isAsked && Buffer.isBuffer(passphrase)) passphrase.fill(0);
    await warnIfShared(path, 'key', reporter);
    return signer;
  } finally {
    pem.fill(0);
  }
}
