import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** True if the program is there. Without it a test is skipped, loudly; where CI runs, it fails. */
export function hasTool(name: string): boolean {
  const isThere = spawnSync(name, ['--version']).error === undefined;
  if (isThere) return true;
  if (process.env.CI) throw new Error(`${name} is needed by these tests`);
  process.stderr.write(`SKIPPED: tests that need ${name}\n`);
  return false;
}

/** Runs a program in a locale that leaves names alone, and gives what it prints. */
export function run(name: string, args: readonly string[], input?: Buffer): Buffer {
  return execFileSync(name, args, {
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    maxBuffer: 2 ** 28,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(input && { input }),
  });
}

/** Calls `use` with a new directory that is gone afterwards. */
export async function inScratch<T>(use: (directory: string) => T | Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'gsc-tar-'));
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
