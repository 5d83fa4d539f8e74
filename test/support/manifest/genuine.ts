import { execFileSync, spawnSync } from 'node:child_process';
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

const python = '/usr/bin/python3';
const hasTomllib = spawnSync(python, ['-c', 'import tomllib']).status === 0;

/** True if Python's own TOML parser is missing; in CI that is an error. */
export function skipWithoutTomllib(): boolean {
  return skipWithout(hasTomllib, 'Python 3.11 with tomllib');
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

/**
 * What Python's tomllib makes of texts: JSON with every value tagged by its type, tables as lists of pairs so that
 * their order shows; undefined for a text that it refuses.
 */
export function parseWithPython(texts: readonly string[]): readonly unknown[] {
  const program = `
import json, sys, tomllib, datetime
def tag(v):
    if isinstance(v, dict): return ["table", [[k, tag(x)] for k, x in v.items()]]
    if isinstance(v, list): return ["array", [tag(x) for x in v]]
    if isinstance(v, bool): return ["boolean", v]
    if isinstance(v, int): return ["integer", str(v)]
    if isinstance(v, float): return ["float", repr(v)]
    if isinstance(v, str): return ["string", v]
    return ["date", str(v)]
def one(text):
    try: return tag(tomllib.loads(text))
    except tomllib.TOMLDecodeError: return None
json.dump([one(t) for t in json.load(sys.stdin)], sys.stdout)
`;
  const run = spawnSync(python, ['-c', program], { input: JSON.stringify(texts), maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(`python3 failed: ${run.stderr}`);
  return (JSON.parse(run.stdout.toString()) as unknown[]).map((value) => value ?? undefined);
}
