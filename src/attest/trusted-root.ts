import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Certificate } from '../x509/certificate.ts';

/**
 * The key of "Intel SGX Root CA", a point on P-256. Two certificates of this key are in use, valid until 2033 and until 2049
 * (https://certificates.trustedservices.intel.com/Intel_SGX_Provisioning_Certification_RootCA.pem).
 */
const intelRootKey = createPublicKey({
  key: {
    kty: 'EC',
    crv: 'P-256',
    x: 'C6nEwMDIYZOj_iPWsCzaEKi71OiOSLRFhWGjbnBVJfU',
    y: 'Z5GOLtyI5A2GC9DMTuJqrMmI5QWpU1WMRT9rCQSuc5Q',
  },
  format: 'jwk',
});

/** Whether a certificate has Intel's root key, or that of `rootCa` where one is given. */
export function isTrustedRoot({ publicKey }: Certificate, rootCa: Certificate | undefined): boolean {
  return publicKey.equals(rootCa?.publicKey ?? intelRootKey);
}

/** The SubjectPublicKeyInfo in DER. */
export function publicKeyDer(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' });
}
