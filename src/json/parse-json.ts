/**
 * A JSON value as it is written: members in their order, a key that stands there twice with both of its values, and
 * numbers digit for digit. Texts are decoded; what is not Unicode in them is U+FFFD, as for Go.
 */
export type JsonNode =
  | { readonly kind: 'null' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'number'; readonly digits: string }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'object'; readonly members: readonly JsonMember[] };

export type JsonMember = readonly [key: string, value: JsonNode];

/** A parsed text, or what is wrong with it and where. The problem quotes nothing: the text may hold secrets. */
export type ParsedJson =
  | { readonly node: JsonNode; readonly problem?: never }
  | { readonly node?: never; readonly problem: string };

/** Arrays and objects inside each other. Images need about ten; Go, and so every engine, stops at 10,000. */
export const maximalJsonDepth = 1000;

/** Parses a JSON text by RFC 8259, at most {@link maximalJsonDepth} levels deep. Bytes have to be UTF-8. */
export function parseJson(source: Buffer | string): ParsedJson {
  try {
    return { node: new JsonParser(typeof source === 'string' ? source : decode(source)).parse() };
  } catch (error) {
    if (error instanceof JsonFault) return { problem: error.message };
    throw error;
  }
}

/** Never leaves this file. */
class JsonFault extends Error {}

function decode(bytes: Buffer): string {
  try {
    // A byte order mark is left in, for the parser to refuse: engines do.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new JsonFault('it is not JSON: the bytes are not UTF-8');
  }
}

const whiteSpace = /[ \t\r\n]*/y;
const word = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/** A text without escapes, which is what most are. */
const plainText = /"[ !#-[\]-\uffff]*"/y;
const uptoEscape = /[^"\\]*/y;

const words: Readonly<Record<string, JsonNode>> = {
  true: { kind: 'boolean', value: true },
  false: { kind: 'boolean', value: false },
  null: { kind: 'null' },
};

class JsonParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): JsonNode {
    const node = this.#value();
    if (this.#next() !== undefined) throw this.#expected('nothing after the value');
    return node;
  }

  #value(): JsonNode {
    switch (this.#next()) {
      case '{':
        return { kind: 'object', members: this.#listUntil('}', () => this.#member()) };
      case '[':
        return { kind: 'array', items: this.#listUntil(']', () => this.#value()) };
      case '"':
        return { kind: 'text', value: this.#string() };
      default:
        return this.#word();
    }
  }

  #word(): JsonNode {
    const found = this.#match(word);
    if (found === '') throw this.#expected('a value');
    return words[found] ?? { kind: 'number', digits: found };
  }

  #member(): JsonMember {
    if (this.#next() !== '"') throw this.#expected('a key in quotes');
    const key = this.#string();
    if (this.#next() !== ':') throw this.#expected('a colon');
    this.#at++;
    return [key, this.#value()];
  }

  #listUntil<Item>(end: string, read: () => Item): readonly Item[] {
    if (++this.#depth > maximalJsonDepth) {
      throw this.#fault(`nested deeper than ${maximalJsonDepth} levels`);
    }
    this.#at++;
    const items: Item[] = [];
    if (this.#next() !== end) {
      items.push(read());
      for (; this.#next() === ','; items.push(read())) this.#at++;
      if (this.#next() !== end) throw this.#expected(`a comma or ${end}`);
    }
    this.#at++;
    this.#depth--;
    return items;
  }

  #string(): string {
    const plain = this.#match(plainText);
    if (plain !== '') return plain.slice(1, -1).toWellFormed();
    const start = this.#at++;
    for (this.#match(uptoEscape); this.#text[this.#at] === '\\'; this.#match(uptoEscape)) this.#at += 2;
    if (this.#text[this.#at] !== '"') throw this.#expected('the end of a string');
    this.#at++;
    try {
      // Escapes, and what may not stand between quotes.
      return String(JSON.parse(this.#text.slice(start, this.#at))).toWellFormed();
    } catch {
      this.#at = start;
      throw this.#expected('a string without control characters or unknown escapes');
    }
  }

  /** The next character that is not a white space; undefined at the end. */
  #next(): string | undefined {
    // Characters above it are not white space.
    if (!(this.#text.charCodeAt(this.#at) > 0x20)) this.#match(whiteSpace);
    return this.#text[this.#at];
  }

  #match(pattern: RegExp): string {
    if (this.#at > this.#text.length) return '';
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #expected(what: string): JsonFault {
    return this.#fault(`it is not JSON: expected ${what}`);
  }

  #fault(message: string): JsonFault {
    const before = this.#text.slice(0, this.#at);
    const line = before.split('\n').length;
    const column = this.#at - before.lastIndexOf('\n');
    return new JsonFault(`${message} at line ${line}, column ${column}`);
  }
}
