import { createHash } from 'node:crypto';
import { rsaSizeBytes } from './sigstruct.ts';

// RFC 8017, 9.2: DigestInfo of SHA-256.
const sha256Prefix = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/** The number that little-endian bytes spell. */
export function numberOfLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex') || '0'}`);
}

/** 384 little-endian bytes of a number that fits them. */
export function littleEndianOf(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * rsaSizeBytes, '0'), 'hex').reverse();
}

/**
 * The two quotients that spare the processor its divisions when it checks the signature: q1 = s^2 / n and
 * q2 = (s^2 mod n) * s / n, rounded down. SDM vol. 3D, EINIT.
 */
export function quotientsOf(
  signature: bigint,
  modulus: bigint,
): { readonly q1: bigint; readonly q2: bigint } {
  const square = signature * signature;
  return { q1: square / modulus, q2: ((square % modulus) * signature) / modulus };
}

/** True if `signature` is the RSASSA-PKCS1-v1_5 signature of `message` with SHA-256 under `modulus` and exponent 3. */
export function isSignatureOf(message: Buffer, signature: bigint, modulus: bigint): boolean {
  if (modulus === 0n || signature >= modulus) return false;
  return (signature * signature * signature) % modulus === encodedMessageOf(message);
}

/** RFC 8017, 9.2, EMSA-PKCS1-v1_5, as a number. */
function encodedMessageOf(message: Buffer): bigint {
  const digest = Buffer.concat([sha256Prefix, createHash('sha256').update(message).digest()]);
  const padding = Buffer.alloc(rsaSizeBytes - digest.length - 3, 0xff);
  const encoded = Buffer.concat([Buffer.from([0, 1]), padding, Buffer.from([0]), digest]);
  return BigInt(`0x${encoded.toString('hex')}`);
}
