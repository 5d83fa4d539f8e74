import { createHash } from 'node:crypto';
import { isSignatureOf, numberOfLittleEndian, quotientsOf } from './rsa.ts';
import { decodeSigstruct, type Sigstruct, signedBytesOf, sigstructError } from './sigstruct.ts';

/**
 * Checks a SIGSTRUCT as the processor does at EINIT: form, signature, and the quotients that go with it; returns its
 * fields. Whose key it is and which enclave it is for, the caller compares. Throws a `sigstruct` error.
 */
export function verifySigstruct(bytes: Buffer, subject: string): Sigstruct {
  const sigstruct = decodeSigstruct(bytes, subject);
  const [modulus, signature] = [sigstruct.modulus, sigstruct.signature].map(numberOfLittleEndian) as [
    bigint,
    bigint,
  ];
  if (!isSignatureOf(signedBytesOf(bytes), signature, modulus)) {
    throw sigstructError(subject, 'its signature is not valid');
  }
  const { q1, q2 } = quotientsOf(signature, modulus);
  if (numberOfLittleEndian(sigstruct.q1) !== q1) throw sigstructError(subject, 'its Q1 is wrong');
  if (numberOfLittleEndian(sigstruct.q2) !== q2) throw sigstructError(subject, 'its Q2 is wrong');
  return sigstruct;
}

/** MRSIGNER of a key: the SHA-256 of its modulus as a SIGSTRUCT has it (384 bytes, little-endian), 64 hex digits. */
export function mrSignerOf(modulusLittleEndian: Uint8Array): string {
  return createHash('sha256').update(modulusLittleEndian).digest('hex');
}
