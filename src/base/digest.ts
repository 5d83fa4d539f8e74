import { createHash, type Hash } from 'node:crypto';

declare const digestBrand: unique symbol;

/** A content digest as OCI writes it: `sha256:` and 64 lower-case hex digits. */
export type Digest = string & { readonly [digestBrand]: true };

const digestPattern = /^sha256:[0-9a-f]{64}$/;

/** True if `text` is a SHA-256 digest in OCI form. SHA-512 and others are not supported. */
export function isDigest(text: string): text is Digest {
  return digestPattern.test(text);
}

/** The digest of 64 hex digits. */
export function digestOfHex(hex: string): Digest {
  const digest = `sha256:${hex}`;
  if (!isDigest(digest)) throw new TypeError(`not a SHA-256 in hex: ${hex}`);
  return digest;
}

/** The 64 hex digits of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** The digest of `bytes`. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return finishDigest(createHash('sha256').update(bytes));
}

/** Ends a running SHA-256 and gives its digest. */
export function finishDigest(hash: Hash): Digest {
  return digestOfHex(hash.digest('hex'));
}
