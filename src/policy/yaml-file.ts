import * as v from 'valibot';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { GscError } from '../base/error.ts';
import { innermost, isUnknownKey, keysOf, messageOf } from '../base/issue-message.ts';

export interface YamlFile {
  readonly content: string;
  /** The file, for errors. */
  readonly subject: string;
  /** Where its keys are listed. */
  readonly hint: string;
}

/**
 * Parses a file of the user's, YAML and so JSON too, whose scalars all come as texts: YAML would take the FMSPC 00706e470000 for a number.
 * Top-level keys without a value count as missing. Throws a `config` error with line and column of the first problem.
 */
export function parseYamlFile<Schema extends v.GenericSchema>(
  { content, subject, hint }: YamlFile,
  schema: Schema,
): v.InferOutput<Schema> {
  const lines = new LineCounter();
  const fail = (offset: number, message: string) => {
    const { line, col } = lines.linePos(offset);
    return new GscError({ code: 'config', subject: `${subject}:${line}:${col}`, message, hint });
  };
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false, schema: 'failsafe' });
  const [syntaxError] = document.errors;
  if (syntaxError) throw fail(syntaxError.pos[0], `not valid YAML: ${syntaxError.message}`);
  const values = valuesOf(document, (message) => fail(0, message));
  const parsed = v.safeParse(schema, values);
  if (parsed.success) return parsed.output;
  const issue = innermost(parsed.issues[0]);
  const path = keysOf(issue);
  throw fail(
    offsetOf(document, path),
    `${path.join('.') || 'the file'}: ${isUnknownKey(issue) ? 'unknown key' : messageOf(issue)}`,
  );
}

/** Where a value begins; of one that is missing, where the innermost does that it is missing from. */
function offsetOf(document: Document, path: readonly unknown[]): number {
  const node = document.getIn(path, true);
  if (isNode(node)) return node.range?.[0] ?? 0;
  return path.length === 0 ? 0 : offsetOf(document, path.slice(0, -1));
}

/** Plain values, empty sections left out; too many aliases are refused by the parser, as they could grow without end. */
function valuesOf(document: Document, fail: (message: string) => GscError): unknown {
  try {
    const values: unknown = document.toJS() || {};
    if (typeof values !== 'object' || values === null || Array.isArray(values)) return values;
    return Object.fromEntries(Object.entries(values).filter(([, section]) => section !== ''));
  } catch (error) {
    throw fail(`not valid YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}
