import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { GscError } from '../../base/error.ts';

/** Signals that are passed on. SIGINT of a terminal reaches the program by itself. */
const passedSignals = ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

export interface ChildOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /** True if gsc's input is a terminal. */
  readonly hasTerminal: boolean;
}

/**
 * Runs a program in gsc's place: input, output, signals and terminal are gsc's. Gives its exit code, 128 and the signal's
 * number if one ended it. Throws an `engine` error if it cannot be started.
 */
export function runChild(
  path: string,
  words: readonly string[],
  { environment, workingDirectory, hasTerminal }: ChildOptions,
): Promise<number> {
  const child = spawn(path, words, { stdio: 'inherit', env: { ...environment }, cwd: workingDirectory });
  const pass = (signal: NodeJS.Signals) => void child.kill(signal);
  const keep = () => undefined;
  for (const signal of passedSignals) process.on(signal, pass);
  process.on('SIGINT', hasTerminal ? keep : pass);
  return new Promise<number>((done, fail) => {
    child.on('error', (cause) => fail(cannotStart(path, cause)));
    child.on('exit', (code, signal) => done(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  }).finally(() => {
    for (const signal of passedSignals) process.off(signal, pass);
    process.off('SIGINT', hasTerminal ? keep : pass);
  });
}

function cannotStart(path: string, cause: Error): GscError {
  return new GscError({
    code: 'engine',
    subject: path,
    message: `cannot be started: ${cause.message}`,
    hint: 'gsc run --dry-run prints the command line',
    cause,
  });
}
