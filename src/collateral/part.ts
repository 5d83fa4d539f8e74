/** A part of the collateral: there, not there, or there and not readable. */
export type Part<T> =
  | { readonly kind: 'present'; readonly value: T }
  | { readonly kind: 'missing' }
  | { readonly kind: 'damaged'; readonly reason: string };

/** Reads a part with a parser that throws; nothing, or an empty text, is a missing part. */
export function parsePart<Raw extends { readonly length: number }, T>(
  raw: Raw | undefined,
  parse: (raw: Raw) => T,
): Part<T> {
  if (raw === undefined || raw.length === 0) return { kind: 'missing' };
  try {
    return { kind: 'present', value: parse(raw) };
  } catch (error) {
    return { kind: 'damaged', reason: error instanceof Error ? error.message : String(error) };
  }
}

/** The value of a part. Throws a plain Error that says what is wrong with `what`. */
export function partValue<T>(part: Part<T>, what: string): T {
  if (part.kind === 'present') return part.value;
  throw new Error(
    part.kind === 'missing' ? `the collateral holds no ${what}` : `the ${what}: ${part.reason}`,
  );
}
