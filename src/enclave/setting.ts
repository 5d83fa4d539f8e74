import { GscError } from '../base/error.ts';
import { showValue } from '../manifest/schema/problem.ts';
import { isTable, type TomlTable, type TomlValue } from '../manifest/toml/toml.ts';

/** The error for a key of the manifest whose value is not what the enclave needs. */
export function manifestError(
  key: string,
  expected: string,
  got: TomlValue | undefined,
  hint?: string,
): GscError {
  const message = `expected ${expected}, got ${got === undefined ? 'nothing' : showValue(got)}`;
  return new GscError({ code: 'manifest', subject: key, message, ...(hint === undefined ? {} : { hint }) });
}

/** A table inside a table; missing is empty. `key` is its full name, for the error. */
export function readTable(parent: TomlTable, name: string, key: string): TomlTable {
  const value = parent.get(name);
  if (value === undefined) return new Map();
  if (!isTable(value)) throw manifestError(key, 'a table', value);
  return value;
}

/** An integer of `[sgx]` between two bounds, both included; undefined if it is missing. */
export function readInteger(
  sgx: TomlTable,
  name: string,
  [least, most]: readonly [bigint, bigint],
): number | undefined {
  const value = sgx.get(name);
  if (value === undefined) return undefined;
  if (typeof value !== 'bigint' || value < least || value > most) {
    throw manifestError(`sgx.${name}`, `an integer from ${least} to ${most}`, value);
  }
  return Number(value);
}

/** A boolean of `[sgx]`; missing is false. */
export function readBoolean(sgx: TomlTable, name: string): boolean {
  const value = sgx.get(name) ?? false;
  if (typeof value !== 'boolean') throw manifestError(`sgx.${name}`, 'true or false', value);
  return value;
}

/**
 * A switch of `[sgx]` as the signers read it: an integer is not an error. Up to Gramine 1.5 the integer 1 counts as
 * true, from 1.6 on only `true` does. Missing is false.
 */
export function readSwitch(sgx: TomlTable, name: string, doesOneCount: boolean): boolean {
  const value = sgx.get(name) ?? false;
  if (typeof value !== 'boolean' && typeof value !== 'bigint') {
    throw manifestError(`sgx.${name}`, 'true or false', value);
  }
  return value === true || (doesOneCount && value === 1n);
}

/** One of a few words; missing is the first of them. */
export function readWord<Word extends string>(
  table: TomlTable,
  name: string,
  { key, words }: { readonly key: string; readonly words: readonly [Word, ...Word[]] },
): Word {
  const value = table.get(name);
  if (value === undefined) return words[0];
  const word = words.find((each) => each === value);
  if (word === undefined) throw manifestError(key, words.map((each) => `"${each}"`).join(' or '), value);
  return word;
}
