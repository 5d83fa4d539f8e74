import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { GscError } from '../base/error.ts';
import { nearestName } from '../base/nearest-name.ts';
import type { Setting } from './configuration.ts';
import { namesBelow, rowOf } from './setting-table.ts';

/**
 * Parses a configuration: YAML, and so JSON too; `subject` is its file. Keys without a value count as missing.
 * Throws a `config` error with line and column for everything that is not a setting or has no such value.
 */
export function parseSettings(content: string, subject: string): ReadonlyMap<string, Setting> {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  const reading = new SettingReading(document, subject, lines);
  const [syntaxError] = document.errors;
  if (syntaxError) {
    const isTooDeep = syntaxError.code === 'RESOURCE_EXHAUSTION';
    throw reading.error(syntaxError.pos[0], {
      message: `not valid YAML: ${isTooDeep ? 'nested too deeply; settings have two levels' : syntaxError.message}`,
      hint: 'correct this line; write keys and values as in "Gramine:", below it indented "Image: NAME"',
    });
  }
  reading.readTable(document.contents, undefined, 0);
  return reading.settings;
}

class SettingReading {
  readonly settings = new Map<string, Setting>();
  readonly #document: Document;
  readonly #subject: string;
  readonly #lines: LineCounter;

  constructor(document: Document, subject: string, lines: LineCounter) {
    this.#document = document;
    this.#subject = subject;
    this.#lines = lines;
  }

  /** `table` is the name of the key above, which stands at `offset`; undefined for the whole file. */
  readTable(node: unknown, table: string | undefined, offset: number): void {
    const value = this.#resolve(node);
    if (isNothing(value)) return;
    const known = namesBelow(table);
    if (!isMap(value)) {
      throw this.error(offset, {
        message: `${table === undefined ? '' : `${table}: `}expected keys with values, got ${describe(value)}`,
        hint: `the keys are ${known.join(', ')}`,
      });
    }
    for (const { key, value: below } of value.items) {
      const word = isScalar(key) ? String(key.value) : '';
      const name = table === undefined ? word : `${table}.${word}`;
      if (!known.includes(word)) throw this.#unknownKey(offsetOf(key), name, known);
      if (rowOf(name) === undefined) this.readTable(below, name, offsetOf(key));
      else this.#readSetting(name, below, offsetOf(key));
    }
  }

  error(offset: number, problem: { readonly message: string; readonly hint: string }): GscError {
    return new GscError({ code: 'config', subject: this.#placeOf(offset).place, ...problem });
  }

  #readSetting(name: string, node: unknown, offset: number): void {
    const value = this.#resolve(node);
    if (isNothing(value)) return;
    const { isList = false, mayBeEmpty = false } = rowOf(name) ?? {};
    const items = isList && isSeq(value) ? value.items.map((item) => this.#resolve(item)) : [value];
    const texts = items.map((item) => {
      const text = textOf(item);
      if (text !== undefined) return text;
      throw this.error(offset, {
        message: `${name}: expected a string${isList ? ' or a list of strings' : ''}, got ${describe(item)}`,
        hint: 'write it in quotes',
      });
    });
    const values = texts.filter((text) => text !== '');
    const isEmptyList = isSeq(value) && items.length === 0 && mayBeEmpty;
    if (values.length > 0 || isEmptyList) this.settings.set(name, { values, ...this.#placeOf(offset) });
  }

  #unknownKey(offset: number, name: string, known: readonly string[]): GscError {
    const near = nearestName(name.slice(name.lastIndexOf('.') + 1), known);
    return this.error(offset, {
      message: `unknown key ${name}`,
      hint: near === undefined ? `the keys here are ${known.join(', ')}` : `did you mean ${near}?`,
    });
  }

  #resolve(node: unknown): unknown {
    if (!isAlias(node)) return node;
    const anchored = node.resolve(this.#document);
    if (anchored !== undefined) return anchored;
    throw this.error(offsetOf(node), {
      message: `not valid YAML: no value has the anchor ${node.source}`,
      hint: `write &${node.source} before the intended value, or write the value itself`,
    });
  }

  #placeOf(offset: number): Omit<Setting, 'values'> {
    const { line, col: column } = this.#lines.linePos(offset);
    return { line, column, place: `${this.#subject}:${line}:${column}` };
  }
}

/** Numbers as they are written: `1.10` and a commit that looks like a number stay what they are. */
function textOf(node: unknown): string | undefined {
  if (!isScalar(node)) return undefined;
  if (typeof node.value === 'string') return node.value;
  return typeof node.value === 'number' ? node.source : undefined;
}

function isNothing(node: unknown): boolean {
  return (
    node === null || node === undefined || (isScalar(node) && (node.value === null || node.value === ''))
  );
}

function describe(node: unknown): string {
  if (isSeq(node)) return 'a list';
  if (!isScalar(node)) return 'keys with values';
  const { value } = node;
  return typeof value === 'string' ? JSON.stringify(value) : `the ${typeof value} ${String(value)}`;
}

function offsetOf(node: unknown): number {
  return (node as Partial<Node> | null | undefined)?.range?.[0] ?? 0;
}
