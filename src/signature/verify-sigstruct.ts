import { createHash } from 'node:crypto';
import { isSignatureOf, numberOfLittleEndian, quotientsOf } from './rsa.ts';
import { decodeSigstruct, type Sigstruct, signedBytesOf, sigstructError } from './sigstruct.ts';

/**
 * Checks a SIGSTRUCT as the processor does at EINIT: form, signature, and the quotients that go with it; returns its
 * fields. Whose key it is and which enclave it is for, the caller compares. Throws a `sigstruct` error.
 */
export function verifySigstruct(bytes: Buffer, subject: string): Sigstruct {
  const sigstruct = decodeSigstruct(bytes, subject);
  checkSignature(bytes, sigstruct, subject);
  checkQuotients(sigstruct, subject);
  return sigstruct;
}

/** Throws a `sigstruct` error unless the signature is that of the SIGSTRUCT's key over its signed bytes. */
export function checkSignature(bytes: Buffer, sigstruct: Sigstruct, subject: string): void {
  const { signature, modulus } = numbersOf(sigstruct);
  if (!isSignatureOf(signedBytesOf(bytes), signature, modulus)) {
    throw sigstructError(subject, 'its signature is not valid');
  }
}

/** Throws a `sigstruct` error unless the two quotients are those of signature and modulus. */
export function checkQuotients(sigstruct: Sigstruct, subject: string): void {
  const { signature, modulus } = numbersOf(sigstruct);
  if (modulus === 0n) throw sigstructError(subject, 'its modulus is zero');
  const { q1, q2 } = quotientsOf(signature, modulus);
  if (numberOfLittleEndian(sigstruct.q1) !== q1) throw sigstructError(subject, 'its Q1 is wrong');
  if (numberOfLittleEndian(sigstruct.q2) !== q2) throw sigstructError(subject, 'its Q2 is wrong');
}

function numbersOf({ signature, modulus }: Sigstruct): {
  readonly signature: bigint;
  readonly modulus: bigint;
} {
  return { signature: numberOfLittleEndian(signature), modulus: numberOfLittleEndian(modulus) };
}

/** MRSIGNER of a key: the SHA-256 of its modulus as a SIGSTRUCT has it (384 bytes, little-endian), 64 hex digits. */
export function mrSignerOf(modulusLittleEndian: Uint8Array): string {
  return createHash('sha256').update(modulusLittleEndian).digest('hex');
}
