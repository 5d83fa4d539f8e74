import { pythonFloat } from './python-float.ts';
import { isArray, isTable, type TomlTable, type TomlValue } from './toml.ts';

export interface SerializeOptions {
  /**
   * `genuine`: the bytes that Gramine's own tools write. `compact`: arrays of tables always as inline tables, which
   * Gramine's parser reads a third faster (other bytes, so another MRENCLAVE).
   */
  readonly layout: 'genuine' | 'compact';
}

/** An inline table with its indent and its comma must fit into so many characters. tomli_w, whose output Gramine signs. */
const longestInlineTable = 100;
const indent = '    ';

/** Writes a manifest as TOML: same values, same bytes, on every machine. Comments are not kept anywhere before. */
export function serializeManifest(
  root: TomlTable,
  options: SerializeOptions = { layout: 'genuine' },
): string {
  return writeParts(root, options, (part) => part).join('');
}

/** The same in UTF-8. */
export function manifestBytes(root: TomlTable): Buffer {
  return Buffer.concat(writeParts(root, { layout: 'genuine' }, (part) => Buffer.from(part)));
}

function writeParts<Part>(
  root: TomlTable,
  options: SerializeOptions,
  partOf: (text: string) => Part,
): readonly Part[] {
  const lines = new Lines(partOf);
  writeTable({ table: root, name: '', isElement: false }, lines, options);
  return lines.end();
}

/** Lines of tens of thousands of files take several times the memory of the text that they make. */
const linesOfPart = 1024;

/** Takes lines, and makes a part of many of them at a time. */
class Lines<Part> {
  readonly #partOf: (text: string) => Part;
  readonly #parts: Part[] = [];
  #lines: string[] = [];

  constructor(partOf: (text: string) => Part) {
    this.#partOf = partOf;
  }

  push(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length >= linesOfPart) this.#join();
  }

  end(): readonly Part[] {
    this.#join();
    return this.#parts;
  }

  #join(): void {
    this.#parts.push(this.#partOf(this.#lines.join('')));
    this.#lines = [];
  }
}

interface Section {
  readonly table: TomlTable;
  /** The dotted name as it stands in the header; empty for the root. */
  readonly name: string;
  /** True for an element of an array of tables: `[[name]]`. */
  readonly isElement: boolean;
}

/** First the plain pairs, then the tables below, each after an empty line unless nothing was written yet. */
function writeTable(section: Section, lines: { push(line: string): void }, options: SerializeOptions): void {
  const { table, name, isElement } = section;
  const { pairs, sections } = splitTable(section, options);
  let isStarted = false;
  if (isElement || (name !== '' && (pairs.length > 0 || table.size === 0))) {
    lines.push(isElement ? `[[${name}]]\n` : `[${name}]\n`);
    isStarted = true;
  }
  for (const [key, value] of pairs) {
    lines.push(`${writeKey(key)} = ${writeValue(value, 0)}\n`);
    isStarted = true;
  }
  for (const below of sections) {
    if (isStarted) lines.push('\n');
    isStarted = true;
    writeTable(below, lines, options);
  }
}

function splitTable(
  { table, name }: Section,
  options: SerializeOptions,
): { readonly pairs: readonly (readonly [string, TomlValue])[]; readonly sections: readonly Section[] } {
  const pairs: (readonly [string, TomlValue])[] = [];
  const sections: Section[] = [];
  for (const [key, value] of table) {
    const below = name === '' ? writeKey(key) : `${name}.${writeKey(key)}`;
    if (isTable(value)) sections.push({ table: value, name: below, isElement: false });
    else if (options.layout === 'genuine' && isArrayOfTables(value)) {
      for (const element of value) sections.push({ table: element, name: below, isElement: true });
    } else pairs.push([key, value]);
  }
  return { pairs, sections };
}

function isArrayOfTables(value: TomlValue): value is readonly TomlTable[] {
  return isArray(value) && value.every(isTable) && value.some((table) => !fitsInline(table as TomlTable));
}

function fitsInline(table: TomlTable): boolean {
  const line = `${indent}${writeInlineTable(table)},`;
  if (line.includes('\n')) return false;
  return line.length <= longestInlineTable || [...line].length <= longestInlineTable;
}

function writeValue(value: TomlValue, nesting: number): string {
  if (typeof value === 'string') return writeString(value);
  if (typeof value === 'number') return pythonFloat(value);
  if (typeof value !== 'object') return String(value);
  if (isTable(value)) return writeInlineTable(value);
  return isArray(value) ? writeArray(value, nesting) : value.text;
}

function writeArray(items: readonly TomlValue[], nesting: number): string {
  if (items.length === 0) return '[]';
  const inner = indent.repeat(nesting + 1);
  const lines = items.map((item) => `${inner}${writeValue(item, nesting + 1)},\n`);
  return `[\n${lines.join('')}${indent.repeat(nesting)}]`;
}

/** An array inside starts again without indent: that is how Gramine's tools have it. */
function writeInlineTable(table: TomlTable): string {
  if (table.size === 0) return '{}';
  const pairs = [...table].map(([key, value]) => `${writeKey(key)} = ${writeValue(value, 0)}`);
  return `{ ${pairs.join(', ')} }`;
}

function writeKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : writeString(key);
}

const escapes: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

/** A basic string on one line; a tab stays as it is. */
function writeString(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped here
  return `"${text.replace(/[\u0000-\u0008\u000a-\u001f"\\\u007f]/g, escapeCharacter)}"`;
}

function escapeCharacter(character: string): string {
  return escapes[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
