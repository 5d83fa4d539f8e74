import { createHash, type Hash } from 'node:crypto';
import { type Digest, finishDigest } from './digest.ts';

/**
 * A digest of a value: equal values have equal ones, in whatever order an object has its keys, and others have others. Members
 * that are undefined count as absent. Throws a RangeError for a function, a symbol, or an object of a class of its own: what
 * these depend on does not show.
 */
export function digestOfValue(value: unknown): Digest {
  const hash = createHash('sha256');
  addValue(hash, value);
  return finishDigest(hash);
}

/** Each value begins with its sort and its length, so that no two run together. */
function addValue(hash: Hash, value: unknown): void {
  if (value === null || value === undefined || ['boolean', 'number', 'bigint'].includes(typeof value)) {
    hash.update(`${typeof value} ${Object.is(value, -0) ? '-0' : String(value)}\n`);
  } else if (typeof value === 'string') addBytes(hash, 'string', Buffer.from(value, 'utf16le'));
  else if (value instanceof Uint8Array) addBytes(hash, 'bytes', value);
  else if (Array.isArray(value)) addList(hash, 'list', value);
  else if (value instanceof Map) addList(hash, 'map', [...value].flat(1));
  else if (isPlainObject(value)) addList(hash, 'object', membersOf(value));
  else throw new RangeError(`expected a plain value, got a ${typeof value}: ${String(value)}`);
}

function addBytes(hash: Hash, sort: string, bytes: Uint8Array): void {
  hash.update(`${sort} ${bytes.length}\n`).update(bytes);
}

function addList(hash: Hash, sort: string, values: readonly unknown[]): void {
  hash.update(`${sort} ${values.length}\n`);
  for (const value of values) addValue(hash, value);
}

function membersOf(value: object): readonly unknown[] {
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return members.sort(([a], [b]) => (a < b ? -1 : 1)).flat(1);
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
