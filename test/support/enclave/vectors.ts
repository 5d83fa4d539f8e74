import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseRuntimeVersion, type RuntimeVersion } from '../../../src/runtime/version.ts';

const root = fileURLToPath(new URL('../../../../shared/vectors/', import.meta.url));

/** What the genuine signer made of one manifest; the fields of its JSON that tests compare. */
export interface Vector {
  readonly directory: string;
  readonly name: string;
  readonly version: string;
  readonly libpal: { readonly file: string };
  readonly exec?: { readonly file: string } | null;
  readonly date: string;
  readonly mrenclave: string;
  readonly areas_in_measurement_order: readonly VectorArea[];
  readonly sigstruct: VectorSigstruct;
}

export interface VectorArea {
  readonly start: string;
  readonly end: string;
  readonly type: string;
  readonly perm: string;
  readonly what: string;
  readonly eextend: boolean;
}

interface VectorSigstruct {
  readonly date_bytes: string;
  readonly mrsigner: string;
  readonly miscselect: string;
  readonly miscmask: string;
  readonly attributemask_flags: string;
  readonly attributemask_xfrm: string;
  readonly attributes_flags: string;
  readonly attributes_xfrm: string;
  readonly isvprodid: number;
  readonly isvsvn: number;
}

/** The runtime whose signer made a vector. */
export function versionOf({ directory }: Pick<Vector, 'directory'>): RuntimeVersion {
  return parseRuntimeVersion(directory.replace(/^gramine-/, ''));
}

/** True if the vectors of the genuine tools are there; where CI is set they must be. */
export function hasVectors(): boolean {
  if (existsSync(root)) return true;
  if (process.env.CI) throw new Error(`the vectors are needed for this test: ${root}`);
  process.stderr.write(`SKIPPED: no vectors at ${root}\n`);
  return false;
}

/** All vectors in the directories whose names start with `prefix`. */
export function readVectors(prefix: string): Vector[] {
  const directories = readdirSync(root).filter((name) => name.startsWith(prefix));
  return directories.flatMap((directory) =>
    readdirSync(join(root, directory))
      .filter((name) => name.endsWith('.json'))
      .map((name) => ({ directory, ...JSON.parse(readFileSync(join(root, directory, name), 'utf8')) })),
  );
}

/** A file of the vectors, by its path below their directory. */
export function vectorFile(path: string): Buffer {
  return readFileSync(join(root, path));
}

/** The file of a vector that has its name and `extension`. */
export function fileOfVector(vector: Vector, extension: string): Buffer {
  return vectorFile(`${vector.directory}/${vector.name}${extension}`);
}
