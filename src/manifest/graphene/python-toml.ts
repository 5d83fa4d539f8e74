import { pythonFloat } from '../toml/python-float.ts';
import { isArray, isTable, type TomlTable, type TomlValue } from '../toml/toml.ts';

/**
 * Writes a document as the Python package `toml` does (0.10, `toml.dumps`), which Graphene v1.2-rc1 signs with: the plain
 * pairs of the root, then all tables of one depth after the other, in the order in which their parents stand. A table
 * has a header of its own if it has plain pairs or nothing at all; an empty line comes before each header.
 */
export function writePythonToml(root: TomlTable): string {
  const top = writePairs(root, '');
  let text = top.text;
  let sections = top.below;
  while (sections.size > 0) {
    const deeper = new Map<string, TomlTable>();
    for (const [name, table] of sections) {
      const { text: pairs, below } = writePairs(table, name);
      if (pairs !== '' || below.size === 0) {
        text += `${text === '' || text.endsWith('\n\n') ? '' : '\n'}[${name}]\n${pairs}`;
      }
      for (const [key, child] of below) deeper.set(`${name}.${key}`, child);
    }
    sections = deeper;
  }
  return text;
}

interface Written {
  readonly text: string;
  /** The tables that have no place among the pairs, by their keys as they are written. */
  readonly below: ReadonlyMap<string, TomlTable>;
}

/** The plain pairs of a table and, after them, its arrays of tables. */
function writePairs(table: TomlTable, name: string): Written {
  const prefix = name === '' ? '' : `${name}.`;
  const below = new Map<string, TomlTable>();
  let [pairs, arrays] = ['', ''];
  for (const [key, value] of table) {
    const shown = writeKey(key);
    if (isTable(value)) below.set(shown, value);
    else if (isArray(value) && value.some(isTable)) {
      arrays += value.map((item) => writeElement(item as TomlTable, `${prefix}${shown}`)).join('');
    } else pairs += `${shown} = ${writeValue(value)}\n`;
  }
  return { text: pairs + arrays, below };
}

/** An element of an array of tables; the tables in it follow, and those of them that have no pairs are lost. */
function writeElement(table: TomlTable, name: string): string {
  const own = writePairs(table, name);
  const startsNested = own.text.startsWith('[');
  let text = `[[${name}]]\n${startsNested ? '' : own.text}\n${startsNested ? own.text : ''}`;
  let sections = own.below;
  while (sections.size > 0) {
    const deeper = new Map<string, TomlTable>();
    for (const [key, child] of sections) {
      const { text: pairs, below } = writePairs(child, `${name}.${key}`);
      if (pairs !== '') text += `[${name}.${key}]\n${pairs}`;
      for (const [next, grandchild] of below) deeper.set(`${key}.${next}`, grandchild);
    }
    sections = deeper;
  }
  return text;
}

function writeKey(key: string): string {
  return /^[A-Za-z0-9_-]+\n?$/.test(key) ? key : writeString(key);
}

function writeValue(value: TomlValue): string {
  if (typeof value === 'string') return writeString(value);
  if (typeof value === 'number') return writeFloat(value);
  if (isArray(value)) return `[${value.map((item) => ` ${writeValue(item)},`).join('')}]`;
  if (typeof value !== 'object') return String(value);
  // A table in an array of arrays: Python goes through its keys.
  return isTable(value) ? writeValue([...value.keys()]) : writeDate(value.text);
}

function writeFloat(value: number): string {
  return pythonFloat(value).replaceAll('e+0', 'e+').replaceAll('e-0', 'e-');
}

/** ISO 8601 with a `T`; UTC is `Z` with a day, and a time alone has no zone. */
function writeDate(text: string): string {
  return text.replace(' ', 'T').replace('+00:00', 'Z');
}

/** What Python's `repr` takes for not printable. */
const unprintable = /\p{C}|(?! )\p{Z}/gu;

/**
 * The text as Python's `repr` shows it, in double quotes. Escapes of two digits are put together again in the package's own
 * way, which loses backslashes in texts that hold both an escape and `\x`.
 */
function writeString(text: string): string {
  const shown = escapePython(text).replaceAll('"', '\\"');
  const [first = '', ...rest] = shown.split('\\x');
  return `"${rest.reduce(joinEscape, first)}"`;
}

function joinEscape(before: string, after: string, index: number): string {
  if (before === '' && index === 0) return after;
  const head = before.replaceAll('\\\\', '\\');
  const slashes = /\\*$/.exec(head)?.[0].length ?? 0;
  const counted = head.length === slashes ? slashes - 1 : slashes;
  const isPlain = slashes === 0 || counted % 2 === 1;
  return `${head}${isPlain ? 'x' : 'u00'}${after}`;
}

const shortEscapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
};

function escapePython(text: string): string {
  return text
    .replace(/[\\\t\n\r]/g, (character) => shortEscapes[character] ?? '')
    .replace(unprintable, hexEscape);
}

function hexEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const [letter, digits] = code <= 0xff ? ['x', 2] : code <= 0xffff ? ['u', 4] : ['U', 8];
  return `\\${letter}${code.toString(16).padStart(Number(digits), '0')}`;
}
