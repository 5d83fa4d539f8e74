import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Inputs and outputs of the genuine signers, beside the repository. */
export const vectors = join(import.meta.dirname, '../../../../shared/vectors');

const hasVectors = existsSync(vectors);

/** True if the vectors are missing; in CI that is an error. */
export function skipWithoutVectors(): boolean {
  return skipWithout(hasVectors, 'the vectors of the genuine signers');
}

function skipWithout(isThere: boolean, what: string): boolean {
  if (isThere) return false;
  if (process.env.CI) throw new Error(`these tests need ${what}`);
  process.stderr.write(`SKIPPED: these tests need ${what}\n`);
  return true;
}

/** Unpacks the tree of the trusted-file vectors into a new directory, and gives the path of its `rootfs`. */
export function unpackRootfs(): string {
  const directory = mkdtempSync(join(tmpdir(), 'gsc-rootfs-'));
  execFileSync('tar', ['-xf', join(vectors, 'rootfs.tar'), '-C', directory]);
  return join(directory, 'rootfs');
}
