import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A directory that is gone after the tests of the file. */
export function scratchDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'gsc-store-'));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
