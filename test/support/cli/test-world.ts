import type { CommandLineHost } from '../../../src/cli/terminal/console.ts';
import { noHome } from './in-process.ts';

/** A world that remembers what is printed. */
export interface TestWorld extends CommandLineHost {
  /** Everything on stdout. */
  result(): string;
  /** Everything on stderr. */
  talk(): string;
}

/** A separate world for commands that run inside of the test. */
export function testWorld(
  environment: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): TestWorld {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  return {
    arguments: args,
    environment,
    workingDirectory: process.cwd(),
    homeDirectory: environment.HOME ?? noHome,
    userId: process.getuid?.(),
    stdin: (async function* () {})(),
    stdout: { write: (text) => stdout.push(text) },
    stderr: { write: (text) => stderr.push(text) },
    signal: new AbortController().signal,
    today: () => new Date(),
    result: () => stdout.join(''),
    talk: () => stderr.join(''),
  };
}
