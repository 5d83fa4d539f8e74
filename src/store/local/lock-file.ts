import { link, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeError } from '../../base/atomic-file.ts';
import { GscError } from '../../base/error.ts';
import { readJson } from '../../json/read-json.ts';
import { count, text as jsonText, object, required, textLike, type ValueOf } from '../../json/shape.ts';
import { throwIfAborted } from './abort.ts';
import { ownIdentity, type ProcessIdentity, processStatus } from './process-identity.ts';
import { createTemporaryFile, ignoring } from './temporary-file.ts';

export interface LockOptions {
  readonly signal?: AbortSignal;
  /** How long to wait for another living process, in milliseconds. */
  readonly patienceMilliseconds?: number;
}

const ownerShape = object({
  space: required(jsonText),
  pid: required(count),
  startTicks: required(count),
  /** Differs for every time that the lock is taken. */
  token: required(textLike('hex digits', (text): text is string => /^[0-9a-f-]{1,100}$/.test(text))),
});
type Owner = ValueOf<typeof ownerShape>;

const pauseMilliseconds = 20;
const defaultPatienceMilliseconds = 60_000;

/** The lock is held for moments; one from another machine or container that is this old has no owner. */
const maximalAgeMilliseconds = 10 * 60 * 1000;

/**
 * Runs `work` while no other process runs one under the same lock file. A lock whose process has died is broken.
 * Throws an `unwritable` error if a living process keeps it for too long.
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  await acquire(path, options);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path: string, options: LockOptions): Promise<void> {
  const attempts = Math.ceil(
    (options.patienceMilliseconds ?? defaultPatienceMilliseconds) / pauseMilliseconds,
  );
  const own = await writeOwner(path);
  try {
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (await tryLink(own, path)) return;
      const owner = await readOwner(path);
      if (owner !== undefined && (await isStale(path, owner, own))) await breakLock(path, owner, options);
      else await sleep(pauseMilliseconds);
      throwIfAborted(options.signal, path);
    }
  } finally {
    await rm(own, { force: true });
  }
  throw await heldTooLong(path);
}

/** A file that says who wants the lock; linking it to the lock's name takes the lock together with that. */
async function writeOwner(path: string): Promise<string> {
  try {
    const { path: temporary, file } = await createTemporaryFile(dirname(path));
    try {
      const owner: Owner = { ...(await ownIdentity()), token: tokenOf(temporary) };
      await file.writeFile(JSON.stringify(owner));
    } finally {
      await file.close();
    }
    return temporary;
  } catch (error) {
    throw writeError(path, error);
  }
}

function tokenOf(temporary: string): string {
  return basename(temporary).slice('.gsc-'.length, -'.tmp'.length);
}

async function tryLink(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    ignoring('EEXIST')(error);
    return false;
  }
}

async function readOwner(path: string): Promise<Owner | undefined> {
  const text = await readFile(path, 'utf8').catch(ignoring('ENOENT'));
  return text === undefined ? undefined : parseOwner(text, path);
}

function parseOwner(text: string, path: string): Owner {
  const { value } = readJson(text, ownerShape);
  if (value !== undefined) return value;
  throw new GscError({
    code: 'unwritable',
    subject: path,
    message: 'the lock file was not written by gsc',
    hint: 'if no other program uses it, remove it',
  });
}

/** Ages are counted by the file system's own clock: against the file that was just written. */
async function isStale(path: string, owner: ProcessIdentity, own: string): Promise<boolean> {
  const fate = await processStatus(owner);
  if (fate !== 'unknown') return fate === 'dead';
  const [lock, fresh] = [await stat(path).catch(ignoring('ENOENT')), await stat(own)];
  return lock !== undefined && fresh.mtimeMs - lock.mtimeMs > maximalAgeMilliseconds;
}

/**
 * Removes a dead process's lock. Two processes may find the same lock dead, and the slower one must not remove the
 * lock that the quicker one has taken since: so this is done under its own lock, named after the dead one's token,
 * and only if that token still stands there.
 */
async function breakLock(path: string, owner: Owner, options: LockOptions): Promise<void> {
  const breaking = join(dirname(path), `.gsc-break-${owner.token}.tmp`);
  const remove = async () => {
    if ((await readOwner(path))?.token === owner.token) await rm(path);
  };
  await withLock(breaking, remove, options);
}

async function heldTooLong(path: string): Promise<GscError> {
  const owner = await readOwner(path);
  return new GscError({
    code: 'unwritable',
    subject: path,
    message: `another process${owner ? ` (pid ${owner.pid})` : ''} has kept this lock for too long`,
    hint: 'wait until it is done, or end it, and try again',
  });
}
