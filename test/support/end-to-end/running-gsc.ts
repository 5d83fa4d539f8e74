import { type ChildProcess, spawn } from 'node:child_process';
import type { GscResult } from '../cli/gsc.ts';

/** A gsc that runs, so that something can happen to it. */
export interface RunningGsc {
  readonly process: ChildProcess;
  /** What it has said so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly done: Promise<GscResult & { readonly signal: NodeJS.Signals | null }>;
}

/** Signals that end gsc: at once, and after it has cleaned up. */
export const signals = ['SIGKILL', 'SIGINT', 'SIGTERM'] as const;

/** When each comes: SIGTERM does what SIGINT does, by the same way, and is tried at the last moment only. */
export function momentsFor<T>(signal: (typeof signals)[number], moments: readonly T[]): readonly T[] {
  return signal === 'SIGTERM' ? moments.slice(-1) : moments;
}

/** Starts the bundled command line. */
export function startGsc(
  bundle: string,
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): RunningGsc {
  const child = spawn(process.execPath, [bundle, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (piece: Buffer) => {
    stdout += piece.toString();
  });
  child.stderr.on('data', (piece: Buffer) => {
    stderr += piece.toString();
  });
  const done = new Promise<Awaited<RunningGsc['done']>>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { process: child, stdout: () => stdout, stderr: () => stderr, done };
}
