import { GscError } from '../../base/error.ts';
import type { GrapheneRelease } from '../../runtime/version.ts';
import { uriOf } from '../schema/file-uri.ts';
import { textOfVariable } from '../schema/variable.ts';
import { serializeManifest } from '../toml/serialize.ts';
import {
  isArray,
  isTable,
  type KeyPath,
  showPath,
  type TomlTable,
  type TomlValue,
  valueAt,
} from '../toml/toml.ts';
import { toGrapheneForm } from './graphene-form.ts';

/** The text of a complete manifest as it lies beside the program, before it is signed. */
export function writeGrapheneManifest(root: TomlTable, release: GrapheneRelease): string {
  const own = toGrapheneForm(root, release);
  if (release === '1.2-rc1') return serializeManifest(own);
  return `${linesOf(own, [])
    .map(([key, value]) => `${key} = ${value}`.trimEnd())
    .join('\n')}\n`;
}

function linesOf(table: TomlTable, path: readonly string[]): readonly (readonly [string, string])[] {
  return [...table].flatMap(([key, value]) => {
    const below = [...path, key];
    return isTable(value) ? linesOf(value, below) : [[below.join('.'), lineValue(value)] as const];
  });
}

/** A text with blanks at its ends is in quotes, which the loader takes away and the signer keeps. */
export function lineValue(value: TomlValue): string {
  if (typeof value === 'boolean') return value ? '1' : '0';
  const text = String(value);
  return text !== text.trim() ? `"${text}"` : text;
}

/** A manifest without what its text cannot hold, and a sentence on each thing that is left out. */
export interface WritableManifest {
  readonly root: TomlTable;
  readonly notes: readonly string[];
}

/** How many left out names a note lists. */
const listed = 5;

/**
 * Takes out of a complete manifest what the release has no way to write: files and variables whose names or values hold
 * characters that end a line or begin a comment, or that its signer spoils. Throws a `manifest` error where that is something
 * without which nothing starts.
 */
export function writablePart(root: TomlTable, release: GrapheneRelease): WritableManifest {
  const holds = release === '1.2-rc1' ? fitsToml : fitsLine;
  refuseEssentials(root, holds);
  const notes: string[] = [];
  const sgx = new Map(tableAt(root, ['sgx']));
  for (const key of ['trusted_files', 'allowed_files']) {
    const list = sgx.get(key);
    if (!isArray(list)) continue;
    const lost = list.map((entry) => uriOf(entry) ?? '').filter((uri) => !holds(uri));
    if (lost.length === 0) continue;
    sgx.set(
      key,
      list.filter((entry) => holds(uriOf(entry) ?? '')),
    );
    notes.push(note(`sgx.${key}`, lost));
  }
  const env = tableAt(root, ['loader', 'env']);
  const isKept = ([name, value]: readonly [string, TomlValue]) =>
    (release === '1.2-rc1' || /^\w+$/.test(name)) && holds(textOfVariable(value) ?? '');
  const lost = [...env].filter((entry) => !isKept(entry)).map(([name]) => name);
  if (lost.length > 0) notes.push(note('loader.env', lost));
  const loader = new Map([...tableAt(root, ['loader']), ['env', new Map([...env].filter(isKept))] as const]);
  return { root: new Map([...root, ['loader', loader], ['sgx', sgx]]), notes };
}

function note(key: string, lost: readonly string[]): string {
  const shown = lost.slice(0, listed).map((name) => JSON.stringify(name));
  const more = lost.length > listed ? ` and ${lost.length - listed} more` : '';
  return `left out of ${key}, since manifests of this release cannot hold them: ${shown.join(', ')}${more}`;
}

const essentials: readonly KeyPath[] = [
  ['libos', 'entrypoint'],
  ['fs', 'start_dir'],
  ['loader', 'argv_src_file'],
];

function refuseEssentials(root: TomlTable, holds: (text: string) => boolean): void {
  const mounts = valueAt(root, ['fs', 'mounts']);
  const ofMounts = (isArray(mounts) ? mounts : []).flatMap((_, index) =>
    ['path', 'uri'].map((key): KeyPath => ['fs', 'mounts', index, key]),
  );
  for (const path of [...essentials, ...ofMounts]) {
    const value = valueAt(root, path);
    if (typeof value !== 'string' || holds(value)) continue;
    throw new GscError({
      code: 'manifest',
      subject: showPath(path),
      message: `manifests of this release cannot hold the text ${JSON.stringify(value)}`,
      hint: 'rename it in the app image: without # and line breaks, and with no blanks at its end',
    });
  }
}

/** A value ends at `#` and at the line's end; quotes at its ends belong to it, or do not, depending on who reads it. */
function fitsLine(text: string): boolean {
  const hasBlanks = text !== text.trim() && !text.startsWith('file:');
  const isPlain = text === text.trim() && !text.startsWith('"');
  return (
    !/[#\r\n\0]/.test(text) &&
    Buffer.byteLength(text) < 4096 &&
    (isPlain || (hasBlanks && !text.includes('"')))
  );
}

/** The signer's TOML package spoils what Python shows as `\x` and two digits, and texts that hold that. */
function fitsToml(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return !/\\x|[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\xad]/.test(text);
}

function tableAt(root: TomlTable, path: KeyPath): TomlTable {
  const value = valueAt(root, path);
  return isTable(value) ? value : new Map();
}
