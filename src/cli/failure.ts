import { CommanderError } from 'commander';
import { type ErrorCode, GscError, systemErrorCode } from '../base/error.ts';
import type { World } from './console.ts';

/** Exit codes of every command. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

const usageErrors: ReadonlySet<ErrorCode> = new Set(['usage', 'config', 'manifest']);

/** Says on stderr what failed and gives the exit code. With `asJson` the error is one JSON object on stdout as well. */
export function reportFailure(error: unknown, world: World, asJson: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  if (world.signal.aborted) {
    world.stderr.write('gsc: interrupted; nothing was written\n');
    return exitCodes.interrupted;
  }
  if (!(error instanceof GscError)) return reportUnexpected(error, world);
  const hint = error.hint === undefined ? '' : `hint: ${error.hint}\n`;
  world.stderr.write(`gsc: ${error.message}\n${hint}`);
  if (asJson) {
    const { code, subject, message } = error;
    world.stdout.write(`${JSON.stringify({ error: { code, subject, message, hint: error.hint } })}\n`);
  }
  return usageErrors.has(error.code) ? exitCodes.usage : exitCodes.failed;
}

function reportUnexpected(error: unknown, world: World): number {
  const system = systemErrorCode(error);
  if (system === 'EPIPE') return exitCodes.failed;
  const text = error instanceof Error ? error.message : String(error);
  if (system !== undefined) {
    world.stderr.write(`gsc: the system refused a call: ${text}\n`);
    return exitCodes.failed;
  }
  const stack = error instanceof Error && error.stack !== undefined ? `\n${error.stack}` : '';
  world.stderr.write(`gsc: an error in gsc itself, please report it: ${text}${stack}\n`);
  return exitCodes.failed;
}
