import { spawn } from 'node:child_process';

export interface RunOptions {
  readonly input: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Where the program runs; by default where this process does. */
  readonly workingDirectory?: string;
  /** Gets what the program writes to its standard error, as it comes. */
  readonly onStderr?: (piece: string) => void;
}

export interface ProgramResult {
  /** Exit code; null if a signal ended the program. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly isTimedOut: boolean;
}

/** Runs a program to its end. Throws the system's error if it cannot be started. */
export type RunProgram = (
  program: string,
  parameters: readonly string[],
  options: RunOptions,
) => Promise<ProgramResult>;

/** A credential is short; more than this is not read. */
const maximalOutputBytes = 1024 * 1024;

/** {@link RunProgram} with a child process, without a shell. */
export const runProgram: RunProgram = (program, parameters, options) =>
  new Promise((resolve, reject) => {
    const { input, environment, timeoutMs, signal, workingDirectory, onStderr } = options;
    const child = spawn(program, parameters, {
      env: { ...environment },
      ...(signal && { signal }),
      ...(workingDirectory !== undefined && { cwd: workingDirectory }),
    });
    if (onStderr) child.stderr.on('data', (piece: Buffer) => onStderr(piece.toString('utf8')));
    const stdout = collectText(child.stdout);
    const stderr = collectText(child.stderr);
    let isTimedOut = false;
    const timer = setTimeout(() => {
      isTimedOut = true;
      child.kill('SIGKILL');
      // A grandchild may hold the pipes open.
      child.stdout.destroy();
      child.stderr.destroy();
    }, timeoutMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve({ status, stdout: stdout(), stderr: stderr(), isTimedOut });
    });
    // A program that does not read its input and ends gives EPIPE here; its exit code says what happened.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });

function collectText(stream: NodeJS.ReadableStream): () => string {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  stream.on('data', (piece: Buffer) => {
    sizeBytes += piece.length;
    if (sizeBytes <= maximalOutputBytes) pieces.push(piece);
  });
  return () => Buffer.concat(pieces).toString('utf8');
}
