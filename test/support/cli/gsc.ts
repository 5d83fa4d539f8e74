import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { bundlingScripts } from '../../../scripts/source-digest.mjs';
import { cachedDirectory, fingerprintOf } from '../images/cache.ts';
import { runTool } from '../images/run-tool.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** The command line, bundled as it is shipped; made once for each state of the sources. */
export async function bundledGsc(): Promise<string> {
  const key = fingerprintOf(['src', 'package-lock.json', 'package.json', ...bundlingScripts]);
  const directory = await cachedDirectory('gsc-bundle', { key }, async (unfinished) => {
    const file = join(unfinished, 'gsc.js');
    await runTool(process.execPath, ['scripts/build.mjs', '--command', file], { cwd: repository });
  });
  return join(directory, 'gsc.js');
}

export interface GscResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface GscOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string | Buffer;
  readonly umask?: string;
  /** Ends it with this signal after so many milliseconds. */
  readonly killedBy?: { readonly signal: NodeJS.Signals; readonly afterMilliseconds: number };
}

/** Runs the command line as its own process. */
export type Gsc = ((args: readonly string[], options?: GscOptions) => Promise<GscResult>) & {
  /** Where it runs, with an own HOME in it; gone after the tests of the file. */
  readonly directory: string;
};

/** The command line in a new directory, with an environment that has nothing of the caller's but PATH. */
export async function gscInScratch(): Promise<Gsc> {
  const directory = mkdtempSync(join(tmpdir(), 'gsc-cli-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const bundle = await bundledGsc();
  const run = (args: readonly string[], options: GscOptions = {}) =>
    runProcess([process.execPath, bundle, ...args], {
      ...options,
      cwd: options.cwd ?? directory,
      env: { PATH: process.env.PATH ?? '', HOME: join(directory, 'home'), ...options.env },
    });
  return Object.assign(run, { directory });
}

/** Runs a command to its end, whatever that is. */
export function runProcess(command: readonly string[], options: GscOptions): Promise<GscResult> {
  const shell = options.umask === undefined ? [] : ['sh', '-c', `umask ${options.umask}; exec "$@"`, 'sh'];
  const [program = '', ...args] = [...shell, ...command];
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      ...(options.env !== undefined && { env: options.env }),
    });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (piece: Buffer) => stdout.push(piece));
    child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    const { killedBy } = options;
    const timer = killedBy && setTimeout(() => child.kill(killedBy.signal), killedBy.afterMilliseconds);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
  });
}
