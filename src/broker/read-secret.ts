import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { GscError } from '../base/error.ts';
import { readUserFile } from '../base/read-file.ts';
import type { SecretEntry, SecretSource } from './broker-config.ts';

/** What secrets are read from. */
export interface SecretSurroundings {
  /** Relative paths are below it. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Of a key of an encrypted mount, in bytes (Gramine's `/dev/attestation/keys/NAME`). */
const keySizeBytes = 16;
/** `PATH_MAX`, which Gramine's client sets as the limit of a text. */
const mostTextBytes = 4096;
const mostBytes = 16 << 20;
const programTimeoutMs = 30_000;

/**
 * The bytes of a secret as they are sent: 16 for a key (given raw or as 32 hex digits), a text with a NUL, or a file as it is. Throws
 * an error that names the secret and shows nothing of it.
 */
export async function readSecret(entry: SecretEntry, surroundings: SecretSurroundings): Promise<Buffer> {
  const bytes = await readSource(entry, surroundings);
  if (entry.form === 'file') return bytes;
  const line = bytes.toString('latin1').replace(/\r?\n$/, '');
  if (entry.form === 'key') {
    if (bytes.length === keySizeBytes) return bytes;
    if (/^[0-9a-fA-F]{32}$/.test(line)) return Buffer.from(line, 'hex');
    throw secretError(entry, `expected a key of 16 bytes or 32 hex digits, got ${bytes.length} bytes`);
  }
  if (line.includes('\0') || line.length === 0 || line.length >= mostTextBytes) {
    throw secretError(entry, `expected a string of 1 to ${mostTextBytes - 1} bytes without a NUL`);
  }
  return Buffer.from(`${line}\0`, 'latin1');
}

async function readSource(entry: SecretEntry, surroundings: SecretSurroundings): Promise<Buffer> {
  const { source } = entry;
  switch (source.kind) {
    case 'file':
      return readUserFile(resolve(surroundings.directory, source.path), `secret ${entry.name}`);
    case 'environment': {
      const value = surroundings.environment[source.name];
      if (value === undefined) throw secretError(entry, `the environment has no variable ${source.name}`);
      return Buffer.from(value);
    }
    case 'program':
      return runProgram(entry, source, surroundings);
  }
}

function runProgram(
  entry: SecretEntry,
  { command: [program = '', ...args] }: Extract<SecretSource, { kind: 'program' }>,
  { directory, environment }: SecretSurroundings,
): Promise<Buffer> {
  const options = {
    cwd: directory,
    env: environment as NodeJS.ProcessEnv,
    encoding: 'buffer' as const,
    timeout: programTimeoutMs,
    maxBuffer: mostBytes,
  };
  return new Promise((done, reject) => {
    execFile(program, args, options, (error, stdout) => {
      if (error === null) return done(stdout);
      const reason = typeof error.code === 'number' ? `ended with status ${error.code}` : 'could not be run';
      reject(secretError(entry, `the program ${program} ${reason}`));
    });
  });
}

function secretError({ name }: SecretEntry, message: string): GscError {
  return new GscError({
    code: 'config',
    subject: `secret ${name}`,
    message,
    hint: 'docs/gsc-secrets.md says what a secret can be',
  });
}
