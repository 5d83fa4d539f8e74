import type { Release } from '../../runtime/version.ts';
import { hasKey } from '../schema/schema.ts';
import { isTable, type KeyPath, type TomlTable, type TomlValue, valueAt } from '../toml/toml.ts';

/** One rewriting: where it was, and what became of it. */
export interface MigrationChange {
  readonly path: KeyPath;
  readonly message: string;
  /** Why the release has nothing that stands for it; absent where something does. */
  readonly dropped?: string;
}

/**
 * `build`: gsc adds what it finds in the image, so that only what the manifest says itself counts. `port`: as `rewrite`, and what has
 * no equivalent goes too.
 */
export type MigrationPurpose = 'rewrite' | 'build' | 'port';

type MutableTable = Map<string, TomlValue>;

/** A manifest on its way to another release; the tables are its own, so that rules may change them. */
export interface Draft {
  readonly root: MutableTable;
  readonly release: Release;
  readonly purpose: MigrationPurpose;
  /** Notes a change; `to` is where the value is now, if it moved. */
  readonly report: (path: KeyPath, message: string, to?: KeyPath) => void;
  /** Takes a value out for which the release has nothing, if it is there, and notes why. */
  readonly drop: (path: readonly string[], reason: string) => void;
  /** A move that goes with a change noted elsewhere. */
  readonly move: (from: KeyPath, to: KeyPath) => void;
}

/** A copy whose tables are not shared. Arrays and their elements are shared: they are replaced, never changed. */
export function cloneTable(table: TomlTable): MutableTable {
  return new Map([...table].map(([key, value]) => [key, isTable(value) ? cloneTable(value) : value]));
}

/** The value at a path; undefined if there is none. */
export function peek(draft: Draft, path: readonly string[]): TomlValue | undefined {
  return valueAt(draft.root, path);
}

/** Removes and gives the value at a path; undefined if there is none. Tables that become empty go too. */
export function take(draft: Draft, path: readonly string[]): TomlValue | undefined {
  const value = peek(draft, path);
  if (value === undefined) return undefined;
  const parentPath = path.slice(0, -1);
  const parent = tableAt(draft, parentPath);
  parent.delete(path.at(-1) ?? '');
  if (parent.size === 0 && parentPath.length > 0) take(draft, parentPath);
  return value;
}

/** Sets the value at a path: in its place if it is there, else at the end of its table. */
export function put(draft: Draft, path: readonly string[], value: TomlValue): void {
  tableAt(draft, path.slice(0, -1)).set(path.at(-1) ?? '', value);
}

/** True if the draft's release has a key of this path. */
export function isKeyOf(draft: Draft, path: readonly [string, string]): boolean {
  return hasKey(draft.release, path);
}

/** True and 1 are on, false and 0 are off, everything else is undefined. */
export function asBoolean(value: TomlValue | undefined): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (value === 1n) return true;
  return value === 0n ? false : undefined;
}

/** The table at a path, made where it is missing. The root's own tables are all copies, see {@link cloneTable}. */
function tableAt(draft: Draft, path: readonly string[]): MutableTable {
  let table = draft.root;
  for (const key of path) {
    const below = table.get(key);
    const next = isTable(below) ? (below as MutableTable) : new Map<string, TomlValue>();
    if (next !== below) table.set(key, next);
    table = next;
  }
  return table;
}
