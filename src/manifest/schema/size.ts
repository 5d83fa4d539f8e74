const factors: Readonly<Record<string, bigint>> = { K: 1n << 10n, M: 1n << 20n, G: 1n << 30n };

/** Longer texts are not sizes; this keeps big integers small. */
const longestSize = 1000;

/**
 * A size in bytes as Gramine's signer reads it: an integer as Python writes it (`256`, `0x10`, `0b1`, `1_000`; no leading
 * zeros) and at most one of `K`, `M`, `G`. Undefined for anything else.
 */
export function parseSignerSize(text: string): bigint | undefined {
  const suffix = /[KMG]$/.exec(text)?.[0] ?? '';
  const value = parseSignerInteger(suffix === '' ? text : text.slice(0, -1));
  return value === undefined ? undefined : value * (factors[suffix] ?? 1n);
}

/** An integer as Python's `int(text, 0)` reads it. Undefined for anything else. */
export function parseSignerInteger(text: string): bigint | undefined {
  const match = /^\s*([+-]?)(.*?)\s*$/s.exec(text);
  if (!match || text.length > longestSize) return undefined;
  const value = pythonInteger(match[2] ?? '');
  return match[1] === '-' && value !== undefined ? -value : value;
}

/** A size in bytes as Gramine's loader and library OS read it: decimal digits and at most one of `K M G k m g`. */
export function parseLoaderSize(text: string): bigint | undefined {
  const match = /^(\d+)([KMGkmg]?)$/.exec(text);
  return match && text.length <= longestSize
    ? BigInt(match[1] as string) * (factors[(match[2] as string).toUpperCase()] ?? 1n)
    : undefined;
}

/** A size as manifests write it, with the largest suffix that leaves no rest: `512M`, `1G`, `1536K`. */
export function showManifestSize(sizeBytes: bigint): string {
  for (const suffix of ['G', 'M', 'K'] as const) {
    const factor = factors[suffix] as bigint;
    if (sizeBytes !== 0n && sizeBytes % factor === 0n) return `${sizeBytes / factor}${suffix}`;
  }
  return `${sizeBytes}`;
}

/** The smallest power of two that is not below `sizeBytes`. */
export function powerOfTwoFrom(sizeBytes: bigint): bigint {
  return sizeBytes <= 1n ? 1n : 1n << BigInt((sizeBytes - 1n).toString(2).length);
}

/** Python's `int(text, 0)`, without a sign. */
function pythonInteger(text: string): bigint | undefined {
  if (
    !/^(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|0(?:_?0)*|[1-9](?:_?\d)*)$/.test(text)
  ) {
    return undefined;
  }
  return BigInt(text.replaceAll('_', '').toLowerCase());
}
