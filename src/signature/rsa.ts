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
  return isSignatureWith(3, message, signature, modulus);
}

/** The same with another public exponent, to tell a key that SGX cannot take from a wrong signature. */
export function isSignatureWith(
  exponent: number,
  message: Buffer,
  signature: bigint,
  modulus: bigint,
): boolean {
  if (modulus === 0n || signature >= modulus) return false;
  return power(signature, exponent, modulus) === encodedMessageOf(message);
}

/** The SHA-256 that a signature with exponent 3 is of, 64 hex digits; undefined for what is not such a signature. */
export function signedDigestOf(signature: bigint, modulus: bigint): string | undefined {
  if (modulus === 0n || signature >= modulus) return undefined;
  const encoded = power(signature, 3, modulus)
    .toString(16)
    .padStart(2 * rsaSizeBytes, '0');
  const [start, digest] = [encoded.slice(0, -64), encoded.slice(-64)];
  return start === encodedHex(Buffer.alloc(32)).slice(0, -64) ? digest : undefined;
}

/** RFC 8017, 9.2: DigestInfo of the SHA-256 of a message, 51 bytes. */
export function digestInfoOf(message: Buffer): Buffer {
  return Buffer.concat([sha256Prefix, createHash('sha256').update(message).digest()]);
}

/** RFC 8017, 9.2, EMSA-PKCS1-v1_5, as a number. */
function encodedMessageOf(message: Buffer): bigint {
  return BigInt(`0x${encodedHex(createHash('sha256').update(message).digest())}`);
}

function encodedHex(sha256: Buffer): string {
  const padding = 'ff'.repeat(rsaSizeBytes - sha256Prefix.length - sha256.length - 3);
  return `0001${padding}00${sha256Prefix.toString('hex')}${sha256.toString('hex')}`;
}

function power(base: bigint, exponent: number, modulus: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus;
    if (bit === '1') result = (result * base) % modulus;
  }
  return result;
}
