import { homedir } from 'node:os';
import { addAbortSignal } from 'node:stream';
import { commands } from './commands.ts';
import type { CompiledCode } from './compiled-code.ts';
import { keepCode } from './keep-code.ts';
import { runCommandLine } from './program.ts';
import { askSecretOn } from './terminal/ask-secret.ts';
import type { CommandLineHost } from './terminal/console.ts';
import { keepYoungSpaceSmall } from './terminal/heap-growth.ts';

/** Runs the command line of this process; what it has compiled is kept if that is given. */
export async function main(code?: CompiledCode): Promise<void> {
  keepYoungSpaceSmall();
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // The first signal lets the command clean up; a second one ends the process at once.
    process.once(signal, () => abort.abort());
  }
  if (process.connected) {
    // A process of a fleet does not outlive it.
    process.once('disconnect', () => abort.abort());
    process.channel?.unref();
  }
  process.stdout.on('error', endQuietlyOnBrokenPipe);
  process.stderr.on('error', endQuietlyOnBrokenPipe);

  const host: CommandLineHost = {
    arguments: process.argv.slice(2),
    environment: process.env,
    workingDirectory: process.cwd(),
    homeDirectory: homedir(),
    userId: process.getuid?.(),
    stdin: addAbortSignal(abort.signal, process.stdin),
    stdout: process.stdout,
    stderr: process.stderr,
    signal: abort.signal,
    today: () => new Date(),
    command: ownCommand(),
    ...(process.stdin.isTTY && {
      askSecret: askSecretOn(process.stdin, process.stderr, () => abort.abort()),
    }),
  };

  process.exitCode = await runCommandLine(host, commands);
  if (process.exitCode === 0 && code !== undefined) await keepCode(code, host);
}

/** A single executable names itself twice. */
function ownCommand(): readonly string[] {
  const [, script = process.execPath] = process.argv;
  const isScript = script !== process.execPath;
  return [process.execPath, ...process.execArgv, ...(isScript ? [script] : [])];
}

function endQuietlyOnBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
}
