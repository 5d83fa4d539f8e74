import { manifestError } from './setting.ts';

const units: Readonly<Record<string, bigint>> = { K: 1n << 10n, M: 1n << 20n, G: 1n << 30n };

/**
 * What the signers take for an integer: Python's literals, so decimal without leading zeros, `0x`, `0o`, `0b`,
 * single underscores between digits, a plus sign, blanks around.
 */
const signerInteger =
  /^\s*\+?(0(?:_?0)*|[1-9](?:_?[0-9])*|0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+)\s*$/;

/** The largest size that the 64-bit field of an ECREATE record holds. */
const largestSize = (1n << 64n) - 1n;

/**
 * The bytes that `sgx.enclave_size` names, in every form that the signers accept: an integer and `K`, `M` or `G`
 * (of 1024). Throws a `manifest` error on anything else and on what is not a whole number of pages.
 */
export function parseEnclaveSize(text: string): bigint {
  const unit = units[text.slice(-1)];
  const digits = signerInteger.exec(unit === undefined ? text : text.slice(0, -1))?.[1];
  if (digits === undefined) {
    throw sizeError(text, 'an integer, optionally followed by K, M or G');
  }
  const bytes = BigInt(digits.replaceAll('_', '')) * (unit ?? 1n);
  if (bytes === 0n || bytes % 4096n !== 0n || bytes > largestSize) {
    throw sizeError(text, 'a whole number of pages of 4096 bytes, above zero and below 2^64 bytes');
  }
  return bytes;
}

/** A size as manifests write it: with the largest unit that divides it. */
export function showEnclaveSize(bytes: bigint): string {
  const unit = ['G', 'M', 'K'].find((name) => bytes % (units[name] ?? 1n) === 0n);
  return unit === undefined ? `${bytes}` : `${bytes / (units[unit] ?? 1n)}${unit}`;
}

function sizeError(text: string, expected: string): Error {
  return manifestError('sgx.enclave_size', expected, text, 'write it like "512M" or "4G"');
}
