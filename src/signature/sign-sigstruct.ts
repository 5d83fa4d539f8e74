import { createHash } from 'node:crypto';
import { GscError } from '../base/error.ts';
import {
  isSignatureOf,
  isSignatureWith,
  littleEndianOf,
  numberOfLittleEndian,
  quotientsOf,
  signedDigestOf,
} from './rsa.ts';
import type { Signer, SigningFacts } from './signer.ts';
import { encodeSigstruct, rsaSizeBytes, type SigstructChoice, signedBytesOf } from './sigstruct.ts';

/** A SIGSTRUCT's fields before it is signed: all but the key's and the signature's. */
export type UnsignedSigstruct = Omit<Partial<SigstructChoice>, 'modulus' | 'signature' | 'q1' | 'q2'>;

/** The 256 bytes that a signer signs for these fields. They do not depend on the key. */
export function messageToSign(unsigned: UnsignedSigstruct): Buffer {
  return signedBytesOf(encodeSigstruct(unsigned));
}

/** Signs a SIGSTRUCT: 1808 bytes. Throws a `key` error if what the signer gives is not its signature. */
export async function signSigstruct(
  unsigned: UnsignedSigstruct,
  signer: Signer,
  facts?: SigningFacts,
): Promise<Buffer> {
  const signature = await signer.sign(messageToSign(unsigned), facts);
  return completeSigstruct(unsigned, { signature, modulus: signer.modulus, subject: signer.subject });
}

/** A signature and whose it is: 384 bytes each, big-endian. */
export interface KeySignature {
  readonly modulus: Buffer;
  readonly signature: Buffer;
  /** What errors call the signer. */
  readonly subject: string;
}

/**
 * Puts a signature into its SIGSTRUCT. Throws a `key` error if modulus or signature have another size, or if the signature does
 * not belong to the fields and the modulus.
 */
export function completeSigstruct(unsigned: UnsignedSigstruct, given: KeySignature): Buffer {
  const { signature: s, modulus: n } = checkSignature(messageToSign(unsigned), given);
  const { q1, q2 } = quotientsOf(s, n);
  const little = { modulus: reversed(given.modulus), signature: reversed(given.signature) };
  return encodeSigstruct({ ...unsigned, ...little, q1: littleEndianOf(q1), q2: littleEndianOf(q2) });
}

/** Verifies a signature of `message` and gives its numbers. Throws a `key` error, which says what the signature is of if not of that. */
export function checkSignature(
  message: Buffer,
  { modulus, signature, subject }: KeySignature,
): { readonly modulus: bigint; readonly signature: bigint } {
  checkModulus(modulus, subject);
  if (signature.length !== rsaSizeBytes) {
    throw signatureError(subject, `expected a signature of ${rsaSizeBytes} bytes, got ${signature.length}`);
  }
  const [n, s] = [modulus, signature].map((bytes) => numberOfLittleEndian(reversed(bytes))) as [
    bigint,
    bigint,
  ];
  if (!isSignatureOf(message, s, n)) throw wrongSignature(message, { signature: s, modulus: n, subject });
  return { modulus: n, signature: s };
}

interface WrongSignature {
  readonly signature: bigint;
  readonly modulus: bigint;
  readonly subject: string;
}

/** Says what a signature is of, if it is one after all. */
function wrongSignature(message: Buffer, { signature, modulus, subject }: WrongSignature): GscError {
  if (isSignatureWith(65537, message, signature, modulus)) {
    return new GscError({
      code: 'key',
      subject,
      message: 'expected an RSA-3072 key with exponent 3, got RSA-3072 with exponent 65537',
      hint: "the processor checks an enclave's signature with exponent 3 alone, which a key cannot change; make a key with exponent 3 where this one lies",
    });
  }
  const digest = signedDigestOf(signature, modulus);
  const expected = createHash('sha256').update(message).digest('hex');
  const more = digest === undefined ? '' : `: expected one of the SHA-256 ${expected}, got one of ${digest}`;
  return signatureError(subject, `the signature does not belong to this enclave and this key${more}`);
}

function checkModulus(modulus: Buffer, subject: string): void {
  if (modulus.length !== rsaSizeBytes || (modulus[0] ?? 0) < 0x80) {
    const bits = modulus.length === 0 ? 0 : BigInt(`0x${modulus.toString('hex')}`).toString(2).length;
    throw new GscError({
      code: 'key',
      subject,
      message: `expected a modulus of ${8 * rsaSizeBytes} bits, got one of ${bits}`,
      hint: 'use an RSA key with 3072 bits and exponent 3',
    });
  }
}

function reversed(bytes: Buffer): Buffer {
  return Buffer.from(bytes).reverse();
}

function signatureError(subject: string, message: string): GscError {
  return new GscError({
    code: 'key',
    subject,
    message,
    hint: 'the signer must give RSASSA-PKCS1-v1_5 with SHA-256, big-endian, by the key whose modulus it names',
  });
}
