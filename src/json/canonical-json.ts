import { VerbatimJson } from './verbatim-json.ts';

/**
 * JSON with every object's keys in code-unit order and no white space: equal values give equal bytes. Undefined members
 * are left out.
 */
export function canonicalJson(value: unknown): Buffer {
  return Buffer.from(textOf(value), 'utf8');
}

function textOf(value: unknown): string {
  if (value instanceof VerbatimJson) return value.text;
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item ?? null)).join()}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${textOf(member)}`).join()}}`;
}
