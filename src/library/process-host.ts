import { homedir } from 'node:os';
import type { HostEnvironment } from '../base/host-environment.ts';

/** The process that gsc runs in, as its surroundings. Its signals are left to the caller: nothing aborts by itself. */
export function processHost(): HostEnvironment {
  return {
    environment: process.env,
    workingDirectory: process.cwd(),
    homeDirectory: homedir(),
    userId: process.getuid?.(),
    signal: new AbortController().signal,
    today: () => new Date(),
  };
}
