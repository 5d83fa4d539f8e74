#!/usr/bin/env node
import { homedir } from 'node:os';
import { addAbortSignal } from 'node:stream';
import { commands } from './commands.ts';
import { runCommandLine } from './program.ts';
import { askSecretOn } from './terminal/ask-secret.ts';
import type { CommandLineHost } from './terminal/console.ts';
import { keepYoungSpaceSmall } from './terminal/heap-growth.ts';

keepYoungSpaceSmall();
const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // The first signal lets the command clean up; a second one ends the process at once.
  process.once(signal, () => abort.abort());
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
  ...(process.stdin.isTTY && { askSecret: askSecretOn(process.stdin, process.stderr, () => abort.abort()) }),
};

runCommandLine(host, commands).then((code) => {
  process.exitCode = code;
});

function endQuietlyOnBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
}
