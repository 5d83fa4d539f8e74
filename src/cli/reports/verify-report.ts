import { escapeControls } from '../../base/printable-text.ts';
import type { ImageCheck, ImageVerdict, Protection } from '../../index.ts';
import { checkGroups } from '../../parts.ts';
import type { CommandContext } from '../options/command-context.ts';

/** What the report says beside the verdict. */
export interface VerifyReport {
  readonly verdict: ImageVerdict;
  /** Whether what was not checked counts as failed. */
  readonly isStrict: boolean;
}

/** True if the image is to be taken. */
export function isAccepted({ verdict, isStrict }: VerifyReport): boolean {
  const isFull = verdict.checks.every(({ result }) => result === 'ok');
  return isStrict ? isFull : verdict.isVerified;
}

const protections: Readonly<Record<Protection, string>> = {
  measured: 'measured',
  'checked-at-open': 'checked at open',
  'not-protected': 'not protected',
};

/** Prints the checks, one a line with what belongs to it indented, then the verdict. */
export function printVerification({ console, isJson }: CommandContext, report: VerifyReport): void {
  const { checks } = report.verdict;
  if (isJson) {
    console.result(`${JSON.stringify({ verified: isAccepted(report), checks })}\n`);
    return;
  }
  const width = Math.max(...Object.values(checkGroups).flatMap((names) => names.map(({ length }) => length)));
  console.result([...checks.flatMap((check) => linesOf(check, width)), '', summary(report), ''].join('\n'));
}

function linesOf(check: ImageCheck, width: number): readonly string[] {
  const { name, result, subject, detail, protection, lines = [] } = check;
  const guard = protection === undefined ? '' : ` [${protections[protection]}]`;
  const first = `${result.padEnd('not-checked'.length)}  ${name.padEnd(width)}  ${subject}: ${detail}${guard}`;
  return [first, ...lines.map((line) => `    ${line}`)].map((line) =>
    escapeControls(line).replaceAll('\n', '\\n'),
  );
}

function summary(report: VerifyReport): string {
  const count = (wanted: ImageCheck['result']) =>
    report.verdict.checks.filter(({ result }) => result === wanted).length;
  const counts = `${count('ok')} ok, ${count('failed')} failed, ${count('not-checked')} not checked`;
  if (isAccepted(report)) return `verified: ${counts}`;
  const why = report.verdict.isVerified ? ' (--strict: what is not checked counts)' : '';
  return `NOT VERIFIED: ${counts}${why}`;
}
