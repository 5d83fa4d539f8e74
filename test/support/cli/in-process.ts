import { commands } from '../../../src/cli/commands.ts';
import { runCommandLine } from '../../../src/cli/program.ts';
import type { CommandLineHost } from '../../../src/cli/terminal/console.ts';
import type { GscResult } from './gsc.ts';

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
      homeDirectory: '/nonexistent',
      userId: 0,
      stdin: (async function* () {})(),
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
