import { showValue } from './schema/problem.ts';
import { textOfVariable, withText } from './schema/variable.ts';
import { serializeManifest } from './toml/serialize.ts';
import { isArray, isTable, type KeyPath, type TomlTable, type TomlValue } from './toml/toml.ts';

/** A key that both have, with different values: the user's counts. Values are shown for messages. */
export interface Override {
  readonly path: KeyPath;
  readonly user: string;
  readonly own: string;
}

export interface MergedManifest {
  readonly merged: TomlTable;
  readonly overrides: readonly Override[];
}

/** Variables that are lists of paths, separated by colons. */
export const pathLists: ReadonlySet<string> = new Set(['PATH', 'LD_LIBRARY_PATH', 'LD_PRELOAD']);

/**
 * The user's manifest with gsc's own keys added after the user's. Tables are merged; arrays are joined, the user's
 * elements first, without those of gsc that the user has already; of mounts on one path and of everything else the
 * user's wins. `loader.argv` is one value, no list of things: the user's wins whole. `PATH`, `LD_LIBRARY_PATH` and
 * `LD_PRELOAD` of `loader.env` are joined, the user's directories first.
 */
export function mergeManifests(user: TomlTable, own: TomlTable): MergedManifest {
  const overrides: Override[] = [];
  return { merged: mergeTables(user, own, [], overrides), overrides };
}

function mergeTables(user: TomlTable, own: TomlTable, path: KeyPath, overrides: Override[]): TomlTable {
  const merged = new Map(user);
  for (const [key, value] of own) {
    const given = user.get(key);
    merged.set(key, given === undefined ? value : mergeValues(given, value, [...path, key], overrides));
  }
  return merged;
}

function mergeValues(user: TomlValue, own: TomlValue, path: KeyPath, overrides: Override[]): TomlValue {
  if (isVariable(path)) {
    const joined = pathLists.has(String(path[2])) ? joinPathLists(user, own) : undefined;
    return joined ?? overrideWith(user, own, path, overrides);
  }
  if (isTable(user) && isTable(own)) return mergeTables(user, own, path, overrides);
  if (isArray(user) && isArray(own) && path.join('.') !== 'loader.argv') {
    return joinArrays(user, own, path, overrides);
  }
  return overrideWith(user, own, path, overrides);
}

function overrideWith(user: TomlValue, own: TomlValue, path: KeyPath, overrides: Override[]): TomlValue {
  if (identityOf(user) !== identityOf(own))
    overrides.push({ path, user: showWhole(user), own: showWhole(own) });
  return user;
}

function isVariable(path: KeyPath): boolean {
  return path.length === 3 && path[0] === 'loader' && path[1] === 'env';
}

/** Joined in the form that the user chose; undefined unless both are texts: what is passed through from the host is not joined. */
function joinPathLists(user: TomlValue, own: TomlValue): TomlValue | undefined {
  const [userText, ownText] = [textOfVariable(user), textOfVariable(own)];
  if (userText === undefined || ownText === undefined) return undefined;
  return withText(user, joinPaths(userText, ownText));
}

/** Lists of paths in order, joined by colons, without empty and repeated parts. */
export function joinPaths(...lists: readonly string[]): string {
  const parts = lists.flatMap((list) => list.split(':')).filter((part) => part !== '');
  return [...new Set(parts)].join(':');
}

function joinArrays(
  user: readonly TomlValue[],
  own: readonly TomlValue[],
  path: KeyPath,
  overrides: Override[],
): readonly TomlValue[] {
  const known = new Set(user.map(identityOf));
  const added = own.filter((item) => !known.has(identityOf(item)));
  return path.join('.') === 'fs.mounts' ? joinMounts(user, added, path, overrides) : [...user, ...added];
}

/**
 * Gramine mounts in order, so a mount of gsc after the user's would hide it if it is on the same path or above: the
 * first is left out, the second goes in front.
 */
function joinMounts(
  user: readonly TomlValue[],
  own: readonly TomlValue[],
  path: KeyPath,
  overrides: Override[],
): readonly TomlValue[] {
  const taken = new Map(user.map((mount, index) => [mountPoint(mount), index]));
  const added = own.filter((mount) => {
    const index = taken.get(mountPoint(mount));
    if (index === undefined || mountPoint(mount) === undefined) return true;
    overrides.push({
      path: [...path, index],
      user: showWhole(user[index] as TomlValue),
      own: showWhole(mount),
    });
    return false;
  });
  const order = new MountOrder(user);
  for (const mount of added) order.insert(mount);
  return order.mounts();
}

/** The user's mounts with those of gsc between them, each before the first that is below it. */
class MountOrder {
  /** Before each of the user's mounts, and after the last one: mounts of gsc. */
  readonly #inserted: TomlValue[][];
  readonly #user: readonly TomlValue[];
  /** By every directory above a mount: before which of the user's mounts the first such mount stands. */
  readonly #firstBelow = new Map<string, number>();

  constructor(user: readonly TomlValue[]) {
    this.#user = user;
    this.#inserted = Array.from({ length: user.length + 1 }, () => []);
    for (const [index, mount] of user.entries()) this.#note(mount, index);
  }

  insert(mount: TomlValue): void {
    const first = this.#firstBelow.get(mountPoint(mount) ?? '');
    const index = first ?? this.#user.length;
    const before = this.#inserted[index] as TomlValue[];
    const below = first === undefined ? -1 : before.findIndex((other) => isMountedBelow(other, mount));
    before.splice(below < 0 ? before.length : below, 0, mount);
    this.#note(mount, index);
  }

  mounts(): readonly TomlValue[] {
    return this.#inserted.flatMap((before, index) => [...before, ...this.#user.slice(index, index + 1)]);
  }

  #note(mount: TomlValue, index: number): void {
    const point = mountPoint(mount) ?? '';
    for (let end = point.lastIndexOf('/'); end > 0; end = point.lastIndexOf('/', end - 1)) {
      const directory = point.slice(0, end);
      this.#firstBelow.set(directory, Math.min(index, this.#firstBelow.get(directory) ?? index));
    }
  }
}

function isMountedBelow(mount: TomlValue, above: TomlValue): boolean {
  const [path, directory] = [mountPoint(mount), mountPoint(above)];
  return path !== undefined && directory !== undefined && path.startsWith(`${directory}/`);
}

function mountPoint(mount: TomlValue): string | undefined {
  const path = isTable(mount) ? mount.get('path') : undefined;
  if (typeof path !== 'string') return undefined;
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

/** Equal for equal values only. The order of keys does not count. */
function identityOf(value: TomlValue): string {
  if (isTable(value)) {
    const pairs = [...value].sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${pairs.map(([key, item]) => `${JSON.stringify(key)}:${identityOf(item)}`).join()}}`;
  }
  if (isArray(value)) return `[${value.map(identityOf).join()}]`;
  return typeof value === 'string' ? JSON.stringify(value) : showValue(value);
}

/** A value as it stands in a manifest, on one line. */
export function showWhole(value: TomlValue): string {
  const text = serializeManifest(new Map([['x', [value]]]), { layout: 'compact' });
  return text
    .slice('x = [\n'.length, -',\n]\n'.length)
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
    .trim();
}
