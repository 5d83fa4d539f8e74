import { createHash } from 'node:crypto';
import type { Certificate } from '../x509/certificate.ts';

/**
 * SHA-256 of the SubjectPublicKeyInfo of "Intel SGX Root CA". Two certificates of this key are in use, valid until 2033 and until 2049
 * (https://certificates.trustedservices.intel.com/Intel_SGX_Provisioning_Certification_RootCA.pem).
 */
const intelRootKey = 'a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e';

/** Whether a certificate has Intel's root key, or that of `rootCa` where one is given. */
export function isTrustedRoot(certificate: Certificate, rootCa: Certificate | undefined): boolean {
  const key = keyDigest(certificate);
  return key === (rootCa === undefined ? intelRootKey : keyDigest(rootCa));
}

function keyDigest({ publicKey }: Certificate): string {
  return createHash('sha256').update(publicKeyDer(publicKey)).digest('hex');
}

/** The SubjectPublicKeyInfo in DER. */
export function publicKeyDer(publicKey: Certificate['publicKey']): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' });
}
