import { GscError } from '../base/error.ts';

/** Parses a JSON blob of an image; throws an `image` error that names `subject` and `what` was expected. */
export function parseJson(bytes: Buffer, subject: string, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new GscError({
      code: 'image',
      subject,
      message: `the ${what} is not JSON: ${(cause as Error).message}`,
      cause,
    });
  }
}

/**
 * JSON with every object's keys in code-unit order and no white space: equal values give equal bytes.
 * Undefined members are left out.
 */
export function canonicalJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(sortKeys(value)), 'utf8');
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, member]) => [key, sortKeys(member)]));
}
