import { GscError } from '../../base/error.ts';
import { pythonFloat } from '../toml/python-float.ts';
import { isArray, isTable, type KeyPath, showPath, type TomlDocument, type TomlValue } from '../toml/toml.ts';

/** One thing that is wrong with a manifest. */
export interface ManifestProblem {
  readonly path: KeyPath;
  readonly line: number;
  readonly column: number;
  /** What is wrong, without the path: `expected a boolean, got the integer 1`. */
  readonly message: string;
  /** One thing to do about it. */
  readonly hint?: string;
}

/** A problem that does not know its place yet. */
export type Finding = Omit<ManifestProblem, 'line' | 'column'>;

/** Gives findings their places in the document, and puts them in the order of its lines. */
export function locateFindings(
  document: TomlDocument,
  findings: readonly Finding[],
): readonly ManifestProblem[] {
  return findings
    .map((finding) => ({ ...finding, ...document.locate(finding.path) }))
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

/** `app.manifest:3:5: sgx.thread_num`: a key of a document, for messages. */
export function showPlace(document: TomlDocument, path: KeyPath): string {
  const { line, column } = document.locate(path);
  return `${document.subject}:${line}:${column}: ${showPath(path)}`;
}

/** More problems than these are counted, not listed: one cause often has many. */
const listedProblems = 50;

/** Throws one `manifest` error that lists all `problems`, each with line and column; does nothing if there are none. */
export function throwOnProblems(subject: string, problems: readonly ManifestProblem[]): void {
  const [first] = problems;
  if (first === undefined) return;
  if (problems.length === 1) {
    throw new GscError({
      code: 'manifest',
      subject: `${subject}:${first.line}:${first.column}`,
      message: showProblem(first),
      ...(first.hint && { hint: first.hint }),
    });
  }
  const lines = problems.slice(0, listedProblems).map((problem) => {
    const hint = problem.hint ? ` (${problem.hint})` : '';
    return `\n  ${subject}:${problem.line}:${problem.column}: ${showProblem(problem)}${hint}`;
  });
  const left = problems.length - lines.length;
  throw new GscError({
    code: 'manifest',
    subject,
    message: `${problems.length} problems:${lines.join('')}${left > 0 ? `\n  and ${left} more` : ''}`,
    hint: 'correct the manifest at these lines',
  });
}

/** `sgx.debug: expected a boolean, got the integer 1`. */
export function showProblem(problem: Finding): string {
  return problem.path.length === 0 ? problem.message : `${showPath(problem.path)}: ${problem.message}`;
}

/** The TOML type of a value, as messages call it. */
export function typeOf(value: TomlValue): string {
  if (isTable(value)) return 'table';
  if (isArray(value)) return 'array';
  if (typeof value === 'object') return 'date';
  return (
    { string: 'string', bigint: 'integer', number: 'float', boolean: 'boolean' }[typeof value as 'string'] ??
    ''
  );
}

/** `the integer 1`, `a table`, `"text"`: a value for messages, short. */
export function showValue(value: TomlValue): string {
  const type = typeOf(value);
  if (type === 'table' || type === 'array') return type === 'array' ? 'an array' : 'a table';
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  return `the ${type} ${typeof value === 'object' && 'text' in value ? value.text : typeof value === 'number' ? pythonFloat(value) : String(value)}`;
}
