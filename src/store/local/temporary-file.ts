import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { systemErrorCode } from '../../base/error.ts';
import { ownIdentity, type ProcessIdentity, processStatus } from './process-identity.ts';

export interface TemporaryFile {
  readonly path: string;
  readonly file: FileHandle;
}

/** Leftovers of processes whose fate is unknown are kept this long. */
const maximalAgeMilliseconds = 24 * 60 * 60 * 1000;

const namePattern = /^\.gsc-([0-9a-f]{8})-(\d{1,10})-(\d{1,16})-[0-9a-f]{12}\.tmp$/;

/** Locks for breaking locks (lock-file.ts); their names do not say who holds them. */
const breakPattern = /^\.gsc-break-[0-9a-f-]+\.tmp$/;

/** Opens a new file for reading and writing: a dot-file ending in `.tmp` whose name tells which process it belongs to. */
export async function createTemporaryFile(directory: string, mode = 0o666): Promise<TemporaryFile> {
  const { space, pid, startTicks } = await ownIdentity();
  const name = `.gsc-${space}-${pid}-${startTicks}-${randomBytes(6).toString('hex')}.tmp`;
  const path = join(directory, name);
  return { path, file: await open(path, 'wx+', mode) };
}

/**
 * Removes the temporary files in `directory` that dead processes left behind, and those of unknown processes that are
 * a day older than the file `fresh`, so that the file system's own clock counts. Other users' files stay.
 */
export async function cleanLeftovers(directory: string, fresh: FileHandle): Promise<void> {
  const nowMilliseconds = (await fresh.stat()).mtimeMs;
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (await isLeftover(path, nowMilliseconds)) await removeIfAllowed(path);
  }
}

function ownerOf(name: string): ProcessIdentity | undefined {
  const [, space, pid, startTicks] = namePattern.exec(name) ?? [];
  return space === undefined ? undefined : { space, pid: Number(pid), startTicks: Number(startTicks) };
}

async function isLeftover(path: string, nowMilliseconds: number): Promise<boolean> {
  const name = basename(path);
  const owner = ownerOf(name);
  if (owner === undefined && !breakPattern.test(name)) return false;
  const fate = owner === undefined ? 'unknown' : await processStatus(owner);
  if (fate !== 'unknown') return fate === 'dead';
  const facts = await stat(path).catch(ignoring('ENOENT'));
  return facts !== undefined && nowMilliseconds - facts.mtimeMs > maximalAgeMilliseconds;
}

async function removeIfAllowed(path: string): Promise<void> {
  await rm(path, { force: true }).catch(ignoring('EACCES', 'EPERM'));
}

/** For `catch`: turns these failures of the system into undefined and passes on all others. */
export function ignoring(...codes: readonly string[]): (error: unknown) => undefined {
  return (error) => {
    if (!codes.includes(systemErrorCode(error) ?? '')) throw error;
    return undefined;
  };
}
