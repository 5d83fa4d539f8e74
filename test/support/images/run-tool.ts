import { spawn } from 'node:child_process';

/** A foreign program that did not end with 0. */
export class ToolFailure extends Error {
  readonly stderr: string;

  constructor(command: string, ending: string, stderr: string) {
    super(`${command} ended with ${ending}: ${stderr.trim()}`);
    this.name = 'ToolFailure';
    this.stderr = stderr;
  }
}

/** Runs a foreign program and gives its stdout; throws a {@link ToolFailure} if it does not end with 0. */
export function runTool(
  program: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C', ...options.env },
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => stdout.push(piece));
    child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(stdout).toString());
      const command = [program, ...args].join(' ');
      reject(new ToolFailure(command, String(code ?? signal), Buffer.concat(stderr).toString()));
    });
  });
}
