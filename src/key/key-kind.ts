/** How messages call the only kind of key that SGX takes. SDM vol. 3D, "SIGSTRUCT". */
export const sgxKeyKind = 'RSA-3072 with exponent 3';

/** How messages call an RSA key. */
export function showRsaKind(bits: number | undefined, exponent: bigint | number | undefined): string {
  return `RSA-${bits ?? '?'} with exponent ${exponent ?? '?'}`;
}

/** Why SGX cannot take a kind of key, and how to come to one that fits. `make` is what makes a key in the same place. */
export function hintForKind(kind: string, make: string): string {
  if (!kind.startsWith('RSA-3072 ')) return `make a key with ${make}`;
  return `the processor checks an enclave's signature with exponent 3 alone, which a key cannot change; make a key with ${make}`;
}
