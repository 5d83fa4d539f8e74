/** A place in a text, both counted from 1; columns count characters. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One key, table or array element of a TOML text: where it stands, and what is below it in the order of the text. */
export interface SourceNode {
  /** Offset of the key (its own part of a dotted key) or of the array element. */
  readonly offset: number;
  /** Keys of a table, or indexes of an array, in the order of the text. */
  readonly children: ReadonlyMap<string | number, SourceNode>;
  /** The text of a number, boolean or date; undefined for everything else. */
  readonly scalar: string | undefined;
}

interface OpenNode {
  readonly offset: number;
  readonly children: Map<string | number, OpenNode>;
  scalar: string | undefined;
  /** True for `[[name]]`: the name stands for the last element. */
  isTableArray: boolean;
}

interface Cursor {
  readonly text: string;
  at: number;
}

interface KeyPart {
  readonly name: string;
  readonly offset: number;
}

/**
 * Finds every key and array element of a TOML text. The text must be valid: this only walks, it does not check.
 * What it gives and a parser does not: positions, and the order of keys such as `10` or `9`.
 */
export function scanToml(text: string): SourceNode {
  const cursor: Cursor = { text, at: 0 };
  const root = openNode(0);
  let table = root;
  for (skipBlank(cursor); cursor.at < text.length; skipBlank(cursor)) {
    if (text[cursor.at] === '[') table = scanHeader(cursor, root);
    else scanPair(cursor, table);
  }
  return root;
}

function openNode(offset: number): OpenNode {
  return { offset, children: new Map(), scalar: undefined, isTableArray: false };
}

/** `[a.b]` or `[[a.b]]`; gives the table that the following lines belong to. */
function scanHeader(cursor: Cursor, root: OpenNode): OpenNode {
  const isArray = cursor.text[cursor.at + 1] === '[';
  cursor.at += isArray ? 2 : 1;
  const key = scanKey(cursor);
  cursor.at += isArray ? 2 : 1;
  if (!isArray) return descend(root, key);
  const array = childNode(descend(root, key.slice(0, -1)), key.at(-1) as KeyPart);
  const element = openNode((key[0] as KeyPart).offset);
  array.isTableArray = true;
  array.children.set(array.children.size, element);
  return element;
}

/** `a.b = value`, in a table or between the braces of an inline table. */
function scanPair(cursor: Cursor, table: OpenNode): void {
  const key = scanKey(cursor);
  const node = childNode(descend(table, key.slice(0, -1)), key.at(-1) as KeyPart);
  cursor.at++;
  skipBlank(cursor);
  scanValue(cursor, node);
}

function descend(from: OpenNode, key: readonly KeyPart[]): OpenNode {
  let node = from;
  for (const part of key) {
    node = childNode(node, part);
    if (node.isTableArray) node = node.children.get(node.children.size - 1) as OpenNode;
  }
  return node;
}

function childNode(parent: OpenNode, part: KeyPart): OpenNode {
  const known = parent.children.get(part.name);
  if (known) return known;
  const node = openNode(part.offset);
  parent.children.set(part.name, node);
  return node;
}

/** Reads a dotted key and the white space after it. */
function scanKey(cursor: Cursor): readonly KeyPart[] {
  const parts: KeyPart[] = [];
  do {
    if (parts.length > 0) cursor.at++;
    skipSpace(cursor);
    parts.push(scanKeyPart(cursor));
    skipSpace(cursor);
  } while (cursor.text[cursor.at] === '.');
  return parts;
}

function scanKeyPart(cursor: Cursor): KeyPart {
  const offset = cursor.at;
  const quote = cursor.text[offset];
  if (quote !== '"' && quote !== "'") {
    skipMatch(cursor, /[A-Za-z0-9_-]+/y);
    return { name: cursor.text.slice(offset, cursor.at), offset };
  }
  skipString(cursor);
  const inner = cursor.text.slice(offset + 1, cursor.at - 1);
  return { name: quote === '"' ? decodeEscapes(inner) : inner, offset };
}

function scanValue(cursor: Cursor, node: OpenNode): void {
  const first = cursor.text[cursor.at];
  if (first === '"' || first === "'") skipString(cursor);
  else if (first === '[') scanArray(cursor, node);
  else if (first === '{') scanInlineTable(cursor, node);
  else {
    const start = cursor.at;
    skipMatch(cursor, /[^,\]}#\r\n]*/y);
    node.scalar = cursor.text.slice(start, cursor.at).trimEnd();
  }
}

function scanArray(cursor: Cursor, node: OpenNode): void {
  cursor.at++;
  for (skipSeparators(cursor); cursor.text[cursor.at] !== ']'; skipSeparators(cursor)) {
    const element = openNode(cursor.at);
    node.children.set(node.children.size, element);
    scanValue(cursor, element);
  }
  cursor.at++;
}

function scanInlineTable(cursor: Cursor, node: OpenNode): void {
  cursor.at++;
  for (skipSeparators(cursor); cursor.text[cursor.at] !== '}'; skipSeparators(cursor)) scanPair(cursor, node);
  cursor.at++;
}

/** Moves past a string of any of the four kinds. */
function skipString(cursor: Cursor): void {
  const { text } = cursor;
  const quote = text[cursor.at] as string;
  const isMultiLine = text.startsWith(quote.repeat(3), cursor.at);
  const delimiter = isMultiLine ? quote.repeat(3) : quote;
  cursor.at += delimiter.length;
  while (!text.startsWith(delimiter, cursor.at)) {
    if (cursor.at >= text.length) throw new RangeError('an unterminated string');
    cursor.at += quote === '"' && text[cursor.at] === '\\' ? 2 : 1;
  }
  cursor.at += delimiter.length;
  // Up to two quotes may stand directly before the closing three.
  for (let more = 0; isMultiLine && more < 2 && text[cursor.at] === quote; more++) cursor.at++;
}

function skipSpace(cursor: Cursor): void {
  skipMatch(cursor, /[ \t]*/y);
}

/** White space, line endings and comments. */
function skipBlank(cursor: Cursor): void {
  skipMatch(cursor, /[ \t\r\n]*/y);
  while (cursor.text[cursor.at] === '#') skipMatch(cursor, /[^\n]*[ \t\r\n]*/y);
}

function skipSeparators(cursor: Cursor): void {
  skipBlank(cursor);
  if (cursor.text[cursor.at] !== ',') return;
  cursor.at++;
  skipBlank(cursor);
}

/** Moves past the match. No match can only mean that the text was not valid TOML. */
function skipMatch(cursor: Cursor, pattern: RegExp): void {
  pattern.lastIndex = cursor.at;
  const match = pattern.exec(cursor.text);
  if (!match) throw new RangeError(`no TOML at offset ${cursor.at}`);
  cursor.at = pattern.lastIndex;
}

const shortEscapes: Readonly<Record<string, string>> = {
  b: '\b',
  t: '\t',
  n: '\n',
  f: '\f',
  r: '\r',
  e: '\x1b',
};

function decodeEscapes(text: string): string {
  return text.replace(
    /\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|(.))/g,
    (_, u, long, x, c) => {
      const hex: string | undefined = u ?? long ?? x;
      return hex === undefined ? (shortEscapes[c] ?? c) : String.fromCodePoint(Number.parseInt(hex, 16));
    },
  );
}

/** Line and column of one offset. */
export function positionAt(text: string, offset: number): Position {
  return positionFinder(text)(offset);
}

/** Line and column of offsets of `text`: lines are found once, each question then costs little. */
export function positionFinder(text: string): (offset: number) => Position {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  // Characters beyond U+FFFF take two units of a string.
  const pairEnds = Array.from(text.matchAll(/[\ud800-\udbff][\udc00-\udfff]/g), ({ index }) => index + 2);
  return (offset) => {
    const line = countUpTo(lineStarts, offset);
    const start = lineStarts[line - 1] as number;
    const pairs = countUpTo(pairEnds, offset) - countUpTo(pairEnds, start);
    return { line, column: offset - start - pairs + 1 };
  };
}

/** How many of some ascending numbers are not greater than a limit. */
function countUpTo(numbers: readonly number[], limit: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
