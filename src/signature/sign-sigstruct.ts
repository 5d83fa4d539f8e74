import { GscError } from '../base/error.ts';
import { isSignatureOf, littleEndianOf, numberOfLittleEndian, quotientsOf } from './rsa.ts';
import type { Signer } from './signer.ts';
import { encodeSigstruct, rsaSizeBytes, type SigstructChoice, signedBytesOf } from './sigstruct.ts';

/** A SIGSTRUCT's fields before it is signed: all but the key's and the signature's. */
export type UnsignedSigstruct = Omit<Partial<SigstructChoice>, 'modulus' | 'signature' | 'q1' | 'q2'>;

/** The 256 bytes that a signer signs for these fields. They do not depend on the key. */
export function messageToSign(unsigned: UnsignedSigstruct): Buffer {
  return signedBytesOf(encodeSigstruct(unsigned));
}

/** Signs a SIGSTRUCT: 1808 bytes. Throws a `key` error if what the signer gives is not its signature. */
export async function signSigstruct(unsigned: UnsignedSigstruct, signer: Signer): Promise<Buffer> {
  const signature = await signer.sign(messageToSign(unsigned));
  return completeSigstruct(unsigned, { signature, modulus: signer.modulus, subject: signer.subject });
}

/**
 * Puts a signature into its SIGSTRUCT. `modulus` and `signature` are 384 bytes each, big-endian. Throws a `key` error
 * if they are not, or if the signature does not belong to the fields and the modulus.
 */
export function completeSigstruct(
  unsigned: UnsignedSigstruct,
  {
    modulus,
    signature,
    subject,
  }: { readonly modulus: Buffer; readonly signature: Buffer; readonly subject: string },
): Buffer {
  checkModulus(modulus, subject);
  if (signature.length !== rsaSizeBytes) {
    throw signatureError(subject, `expected a signature of ${rsaSizeBytes} bytes, got ${signature.length}`);
  }
  const little = { modulus: reversed(modulus), signature: reversed(signature) };
  const [n, s] = [numberOfLittleEndian(little.modulus), numberOfLittleEndian(little.signature)];
  if (!isSignatureOf(messageToSign(unsigned), s, n)) {
    throw signatureError(subject, 'the signature does not belong to this enclave and this key');
  }
  const { q1, q2 } = quotientsOf(s, n);
  return encodeSigstruct({ ...unsigned, ...little, q1: littleEndianOf(q1), q2: littleEndianOf(q2) });
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
