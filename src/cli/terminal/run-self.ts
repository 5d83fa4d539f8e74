import { spawn } from 'node:child_process';
import type { CommandLineHost } from './console.ts';

/** A run of gsc by gsc. */
export interface SelfRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  /** Its last part, where it is long. */
  readonly stderr: string;
}

/** Of a process that says more than this, the beginning is forgotten. */
const keptCharacters = 1_000_000;

/**
 * Runs gsc again, as a process of its own, with these arguments and nothing on standard input. It is told to stop when `host.signal` says
 * so, and stops by itself if this process is gone. Never throws: what cannot be started has ended with code null.
 */
export function runSelf(
  { command = [], environment, signal }: CommandLineHost,
  args: readonly string[],
  workingDirectory: string,
): Promise<SelfRun> {
  if (signal.aborted) return Promise.resolve({ code: null, signal: null, stdout: '', stderr: 'interrupted' });
  const [program = '', ...words] = command;
  return new Promise((resolve) => {
    const child = spawn(program, [...words, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...environment },
      cwd: workingDirectory,
    });
    const written = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        written[name] = (written[name] + text).slice(-keptCharacters);
      });
    }
    const stop = () => void child.kill('SIGTERM');
    signal.addEventListener('abort', stop);
    const end = (code: number | null, endSignal: NodeJS.Signals | null) => {
      signal.removeEventListener('abort', stop);
      resolve({ code, signal: endSignal, ...written });
    };
    child.on('error', (error) => {
      written.stderr += error.message;
      end(null, null);
    });
    child.on('close', end);
  });
}
