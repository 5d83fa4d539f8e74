import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';
import { runCommandLine } from '../../../src/cli/program.ts';
import type { CommandLineHost } from '../../../src/cli/terminal/console.ts';
import type { Gsc, GscOptions, GscResult } from './gsc.ts';

// What gsc loads when a command runs is compiled now, not within the time that a test has.
await Promise.all([
  ...commands.map(({ load }) => load()),
  import('../../../src/cli/commands/make-build.ts'),
  import('../../../src/cli/options/store-options.ts'),
  import('../../../src/config/parse-configuration.ts'),
  import('../../../src/layer/compress-layers.ts'),
  import('../../../src/library/images.ts'),
]);

/** Cannot be made, not even by root. */
export const noHome = '/dev/null/home';

/** Runs a command line in this process: for hundreds of runs, each of which would cost a process's start. */
export async function gscHere(
  args: readonly string[],
  world: Partial<CommandLineHost> = {},
): Promise<GscResult> {
  const written = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const code = await runCommandLine(
    {
      arguments: args,
      environment: {},
      workingDirectory: '/',
      homeDirectory: noHome,
      userId: 0,
      stdin: textStream(''),
      stdout: sink('stdout'),
      stderr: sink('stderr'),
      signal: new AbortController().signal,
      today: () => new Date(0),
      ...world,
    },
    commands,
  );
  return { code, ...written };
}

/** Standard input with this text. */
export async function* textStream(text: string | Buffer): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

/** All but what is about the process itself. */
type GscHereOptions = Pick<GscOptions, 'env' | 'cwd' | 'input'>;

/** A {@link Gsc} that is not its own process. */
export type GscHere = ((args: readonly string[], options?: GscHereOptions) => Promise<GscResult>) &
  Pick<Gsc, 'directory'>;

/**
 * As `gscInScratch`, in this process, whose working directory it changes: for files with many runs that are not about
 * processes.
 */
export function gscInProcess(): GscHere {
  const directory = mkdtempSync(join(tmpdir(), 'gsc-cli-'));
  const before = process.cwd();
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const running: string[] = [];
  const run = async (args: readonly string[], options: GscHereOptions = {}): Promise<GscResult> => {
    const { env, cwd = directory, input = '' } = options;
    if (running.some((other) => other !== cwd))
      throw new Error('a process has one working directory at a time');
    running.push(cwd);
    process.chdir(cwd);
    const home = join(directory, 'home');
    try {
      return await gscHere(args, {
        environment: { PATH: process.env.PATH ?? '', HOME: home, ...env },
        homeDirectory: env?.HOME ?? home,
        workingDirectory: cwd,
        userId: process.getuid?.(),
        stdin: textStream(input),
        today: () => new Date(),
      });
    } finally {
      running.splice(running.indexOf(cwd), 1);
      if (running.length === 0) process.chdir(before);
    }
  };
  return Object.assign(run, { directory });
}
