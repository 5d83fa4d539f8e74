import { CommanderError } from 'commander';
import { type ErrorCode, GscError, systemErrorCode } from '../../base/error.ts';
import { escapeControls } from '../../base/printable-text.ts';
import type { CommandLineHost } from './console.ts';

/** Exit codes of every command. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

const usageErrors: ReadonlySet<ErrorCode> = new Set(['usage', 'config', 'manifest']);

/** Says on stderr what failed and gives the exit code. With `--json` the error is one JSON object on stdout as well. */
export function reportFailure(error: unknown, host: CommandLineHost): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  if (host.signal.aborted) {
    host.stderr.write('gsc: interrupted; partial output was removed\n');
    return exitCodes.interrupted;
  }
  if (!(error instanceof GscError)) return reportUnexpected(error, host);
  const hintLine = error.hint === undefined ? '' : `hint: ${error.hint}\n`;
  host.stderr.write(escapeControls(`gsc: ${error.message}\n${hintLine}`));
  if (host.arguments.includes('--json')) {
    const { code, subject, detail: message, hint } = error;
    host.stdout.write(`${JSON.stringify({ error: { code, subject, message, hint } })}\n`);
  }
  return usageErrors.has(error.code) ? exitCodes.usage : exitCodes.failed;
}

/** Calls that the system refused, and gsc's own mistakes; where in gsc, only with `-v`. */
function reportUnexpected(error: unknown, host: CommandLineHost): number {
  const system = systemErrorCode(error);
  const text = error instanceof Error ? error.message : String(error);
  if (system !== undefined) {
    host.stderr.write(escapeControls(`gsc: a system call failed: ${text}\n`));
    return exitCodes.failed;
  }
  const isVerbose = ['-v', '--verbose'].some((option) => host.arguments.includes(option));
  const stack = isVerbose && error instanceof Error && error.stack !== undefined ? `\n${error.stack}` : '';
  const hint = isVerbose ? '' : 'hint: report it, with the output of the same command with -v\n';
  host.stderr.write(escapeControls(`gsc: internal error: ${text}${stack}\n${hint}`));
  return exitCodes.failed;
}
