/** A TOML table with its keys in the order of the text, whatever they look like (`10`, `9`, `__proto__`). */
export type TomlTable = ReadonlyMap<string, TomlValue>;

/** A TOML value: every integer is a bigint, every number is a float. */
export type TomlValue = string | bigint | number | boolean | TomlDate | readonly TomlValue[] | TomlTable;

/** A date, a time or both, as Python prints it: `1979-05-27 07:32:00.500000+00:00`. */
export interface TomlDate {
  readonly kind: 'date';
  readonly text: string;
}

/** A way from the root of a document: keys of tables and indexes of arrays. */
export type KeyPath = readonly (string | number)[];

/** True if `value` is a table. */
export function isTable(value: TomlValue | undefined): value is TomlTable {
  return value instanceof Map;
}

/** True if `value` is an array. */
export function isArray(value: TomlValue | undefined): value is readonly TomlValue[] {
  return Array.isArray(value);
}

/** The value at `path`, or undefined where there is none. */
export function valueAt(root: TomlTable, path: KeyPath): TomlValue | undefined {
  let value: TomlValue | undefined = root;
  for (const part of path) {
    if (isTable(value) && typeof part === 'string') value = value.get(part);
    else if (isArray(value) && typeof part === 'number') value = value[part];
    else return undefined;
  }
  return value;
}

/** `sgx.trusted_files[3].uri`; keys that are not bare are quoted. */
export function showPath(path: KeyPath): string {
  let shown = '';
  for (const part of path) {
    if (typeof part === 'number') shown += `[${part}]`;
    else shown += `${shown && '.'}${/^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part)}`;
  }
  return shown;
}

/** Deeper nesting than this is refused; no manifest needs more than six levels. */
export const deepestNesting = 100;
