import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const made: string[] = [];

// Here and not in the function, which tests call too: while one runs, nothing can be put after the last.
afterAll(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});

/** A directory that is gone after the tests of the file. */
export function scratchDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'gsc-store-'));
  made.push(path);
  return path;
}
