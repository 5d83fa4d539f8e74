import { type KeyObject, verify } from 'node:crypto';

/** ECDSA with SHA-256, the signature being r and s as they stand in quotes: 32 bytes each on P-256. */
export function verifyRaw(bytes: Buffer, key: KeyObject, signature: Buffer): boolean {
  return verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

/** An answer about a signer, computed once for each: neither what is signed nor who signs ever changes. */
export function memoized<Signer extends object>(
  compute: (signer: Signer) => boolean,
): (signer: Signer) => boolean {
  const answers = new WeakMap<Signer, boolean>();
  return (signer) => {
    const answer = answers.get(signer) ?? compute(signer);
    answers.set(signer, answer);
    return answer;
  };
}
