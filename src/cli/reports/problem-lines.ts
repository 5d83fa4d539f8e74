import { type ManifestProblem, showPath, showProblem } from '../../tools.ts';

/** A problem as compilers print theirs: `FILE:LINE:COLUMN: …`. */
export function showLine(subject: string, problem: ManifestProblem): string {
  const hint = problem.hint === undefined ? '' : ` (${problem.hint})`;
  return `${subject}:${problem.line}:${problem.column}: ${showProblem(problem)}${hint}`;
}

/** The same for `--json`. */
export function problemToJson({ path, line, column, message, hint }: ManifestProblem): object {
  return { key: showPath(path), line, column, message, hint };
}
