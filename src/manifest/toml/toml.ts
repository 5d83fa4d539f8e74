import { parse, TomlError } from 'smol-toml';
import { GscError } from '../../base/error.ts';
import { isGrapheneText } from './graphene-lines.ts';
import { findMarkInSource, templateHint } from './template-marks.ts';
import { convertDocument } from './toml-conversion.ts';
import { type Position, positionAt, positionFinder, type SourceNode, scanToml } from './toml-positions.ts';
import { findNewerSyntax } from './toml-release.ts';
import { deepestNesting, type KeyPath, type TomlTable } from './toml-value.ts';

export type { Position } from './toml-positions.ts';
export type { KeyPath, TomlDate, TomlTable, TomlValue } from './toml-value.ts';
export { isArray, isTable, showPath, valueAt } from './toml-value.ts';

/** A parsed TOML text. */
export interface TomlDocument {
  /** What messages call it: the file's name. */
  readonly subject: string;
  readonly root: TomlTable;
  /** Set if the text is no TOML but lines of Graphene's manifests from before it. */
  readonly isLines?: true;
  /** Where `path` stands in the text; for a path that is not there, the nearest part of it that is. */
  locate(path: KeyPath): Position;
}

/**
 * Parses a TOML text (TOML 1.0), or its bytes in UTF-8. Throws a `manifest` error with line and column for what is not TOML.
 * Line endings `\r\n` count as `\n`, inside strings too (as Python's parser has it).
 */
export function parseToml(input: string | Uint8Array, subject: string): TomlDocument {
  const text = (typeof input === 'string' ? input : decodeText(input, subject)).replaceAll('\r\n', '\n');
  const plain = parseText(text, subject);
  refuseNewerSyntax(text, subject);
  const scan = once(() => scanToml(text));
  const find = once(() => positionFinder(text));
  return {
    subject,
    root: convertDocument(plain, { text, subject, scan }),
    locate: (path) => find()(nearestNode(scan(), path).offset),
  };
}

function decodeText(bytes: Uint8Array, subject: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const start = new TextDecoder().decode(bytes.subarray(0, firstBadByte(bytes)), { stream: true });
    const { line, column } = positionAt(start, start.length);
    throw new GscError({
      code: 'manifest',
      subject: `${subject}:${line}:${column}`,
      message: 'expected UTF-8, got a byte that is not part of it',
      hint: 'save the file in the UTF-8 encoding',
      cause,
    });
  }
}

/** Offset of the first byte that is not UTF-8: what lies before it decodes, one byte more does not. */
function firstBadByte(bytes: Uint8Array): number {
  let [good, bad] = [0, bytes.length];
  while (good < bad) {
    const middle = (good + bad + 1) >> 1;
    if (decodesAsPrefix(bytes.subarray(0, middle))) good = middle;
    else bad = middle - 1;
  }
  return good;
}

function decodesAsPrefix(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function parseText(text: string, subject: string): object {
  if (text.startsWith('\ufeff')) {
    throw new GscError({
      code: 'manifest',
      subject: `${subject}:1:1`,
      message: 'starts with a byte order mark, which Gramine does not read',
      hint: 'save the file as UTF-8 without a byte order mark',
    });
  }
  try {
    return parse(text, { integersAsBigInt: true, maxDepth: deepestNesting });
  } catch (error) {
    if (error instanceof TomlError) throw syntaxError(text, subject, error);
    throw error;
  }
}

function refuseNewerSyntax(text: string, subject: string): void {
  const newer = findNewerSyntax(text);
  if (newer === undefined) return;
  const { line, column } = positionAt(text, newer.offset);
  throw new GscError({
    code: 'manifest',
    subject: `${subject}:${line}:${column}`,
    message: `not valid TOML: ${newer.what} is TOML 1.1; Gramine reads TOML 1.0`,
    hint: newer.instead,
  });
}

function syntaxError(text: string, subject: string, error: TomlError): GscError {
  return (
    templateError(text, subject, error) ??
    grapheneError(text, subject, error) ??
    plainSyntaxError(text, subject, error)
  );
}

function templateError(text: string, subject: string, cause: TomlError): GscError | undefined {
  const mark = findMarkInSource(text);
  if (mark === undefined) return undefined;
  const { line, column } = positionAt(text, mark.offset);
  return new GscError({
    code: 'manifest',
    subject: `${subject}:${line}:${column}`,
    message: `not valid TOML: an unrendered template: ${mark.text}`,
    hint: templateHint,
    cause,
  });
}

function grapheneError(text: string, subject: string, cause: TomlError): GscError | undefined {
  if (!isGrapheneText(text)) return undefined;
  return new GscError({
    code: 'manifest',
    subject: `${subject}:${cause.line}:${cause.column}`,
    message:
      'not valid TOML: this looks like a Graphene manifest from before TOML, with strings that have no quotes',
    hint: 'name its release (--runtime-version graphene-1.1), or let gsc migrate-manifest rewrite it for Gramine',
    cause,
  });
}

function plainSyntaxError(text: string, subject: string, error: TomlError): GscError {
  const reason = error.message.split('\n', 1)[0]?.replace(/^Invalid TOML document: /, '');
  const line = text.split('\n', error.line)[error.line - 1]?.trim() ?? '';
  return new GscError({
    code: 'manifest',
    subject: `${subject}:${error.line}:${error.column}`,
    message: `not valid TOML: ${reason}${line && `, in: ${line.length > 80 ? `${line.slice(0, 80)}…` : line}`}`,
    hint: reason?.includes('redefine')
      ? 'a key, and a table in brackets, may appear only once: merge the two'
      : 'correct this line; strings are quoted, as in name = "value"',
    cause: error,
  });
}

function nearestNode(root: SourceNode, path: KeyPath): SourceNode {
  let node = root;
  for (const part of path) {
    const next = node.children.get(part);
    if (!next) return node;
    node = next;
  }
  return node;
}

/** Positions are seldom asked for, and then often: `make` runs at the first question. */
function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
