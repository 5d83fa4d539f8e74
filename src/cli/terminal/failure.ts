import { CommanderError } from 'commander';
import { type ErrorCode, GscError, systemErrorCode } from '../../base/error.ts';
import { escapeControls } from '../../base/printable-text.ts';
import type { CommandLineHost } from './console.ts';

/** Exit codes of every command; `lasting` is that of `gsc fleet --index` alone. */
export const exitCodes = { done: 0, failed: 1, usage: 2, lasting: 3, interrupted: 130 } as const;

const usageErrors: ReadonlySet<ErrorCode> = new Set(['usage', 'config', 'manifest']);

/**
 * Says on stderr what failed and gives the exit code: as text, or as an event of `--progress json`. With `--json` the error is
 * one JSON object on stdout as well.
 */
export function reportFailure(error: unknown, host: CommandLineHost, tellsEvents = false): number {
  const sayText = (text: string) => host.stderr.write(escapeControls(text));
  const sayEvent = (facts: object) => host.stderr.write(`${JSON.stringify({ event: 'error', ...facts })}\n`);
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  if (host.signal.aborted) {
    const message = 'interrupted; partial output was removed';
    if (tellsEvents) sayEvent({ code: 'aborted', message });
    else sayText(`gsc: ${message}\n`);
    return exitCodes.interrupted;
  }
  if (!(error instanceof GscError)) {
    const text = unexpected(error, host);
    if (tellsEvents) sayEvent({ message: text });
    else sayText(`gsc: ${text}\n`);
    return exitCodes.failed;
  }
  const hintLine = error.hint === undefined ? '' : `hint: ${error.hint}\n`;
  if (tellsEvents) sayEvent(factsOf(error));
  else sayText(`gsc: ${error.message}\n${hintLine}`);
  if (host.arguments.includes('--json')) {
    host.stdout.write(`${JSON.stringify({ error: factsOf(error) })}\n`);
  }
  return usageErrors.has(error.code) ? exitCodes.usage : exitCodes.failed;
}

function factsOf({ code, subject, detail: message, hint, isPassing }: GscError): object {
  return { code, subject, message, hint, ...(isPassing && { passing: true }) };
}

/** The same for a command whose caller tries again what may pass: what will not has its own exit code. */
export function reportAttempt(error: unknown, host: CommandLineHost, tellsEvents: boolean): number {
  const exitCode = reportFailure(error, host, tellsEvents);
  const isLasting = error instanceof GscError && !error.isPassing;
  return exitCode === exitCodes.failed && isLasting ? exitCodes.lasting : exitCode;
}

/** Calls that the system refused, and gsc's own mistakes; where in gsc, only with `-v`. */
function unexpected(error: unknown, host: CommandLineHost): string {
  const system = systemErrorCode(error);
  const text = error instanceof Error ? error.message : String(error);
  if (system !== undefined) return `a system call failed: ${text}`;
  const isVerbose = ['-v', '--verbose'].some((option) => host.arguments.includes(option));
  const stack = isVerbose && error instanceof Error && error.stack !== undefined ? `\n${error.stack}` : '';
  const hint = isVerbose ? '' : '\nhint: report it, with the output of the same command with -v';
  return `internal error: ${text}${stack}${hint}`;
}
