import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { publishFile, writeError } from '../../base/atomic-file.ts';
import { GscError } from '../../base/error.ts';
import { readRange } from './file-set.ts';
import { syncDirectory } from './sync-directory.ts';
import { ignoring } from './temporary-file.ts';

/**
 * Gives a finished archive its name, unless the same bytes exist already. Throws `exists` if there is another file, and
 * `force` is not set.
 */
export async function publishArchive(
  temporary: string,
  path: string,
  force: boolean,
): Promise<'written' | 'unchanged'> {
  try {
    if (await haveEqualContent(temporary, path)) {
      await rm(temporary);
      return 'unchanged';
    }
    await publishFile(temporary, path, force ? 'replace' : 'refuse');
    await syncDirectory(dirname(path));
    return 'written';
  } catch (error) {
    ignoring('EEXIST')(publishError(path, error));
    throw imageExists(path, 'another file exists already');
  }
}

/** Throws unless an archive may be written there: the directory exists, and the name is not one's or a device's. */
export async function checkArchivePath(path: string): Promise<void> {
  const parent = await stat(dirname(path)).catch(ignoring('ENOENT'));
  if (parent === undefined) throw missingParent(path);
  const facts = await stat(path).catch(ignoring('ENOENT'));
  if (facts === undefined || facts.isFile()) return;
  throw new GscError({
    code: 'unwritable',
    subject: path,
    message: `expected the name of a file, got ${facts.isDirectory() ? 'a directory' : 'a device or pipe'}`,
    hint: 'name a new file inside it; archives cannot be written to a stream',
  });
}

/** The error for an output whose directory does not exist. */
export function missingParent(path: string): GscError {
  return new GscError({
    code: 'not-found',
    subject: path,
    message: 'the parent directory does not exist',
    hint: 'create it first',
  });
}

/** The error for a name that another image has. */
export function imageExists(subject: string, message: string): GscError {
  return new GscError({
    code: 'exists',
    subject,
    message,
    hint: 'replace it with --force, or name another output with -o',
  });
}

function publishError(path: string, error: unknown): unknown {
  const wrapped = writeError(path, error);
  return wrapped instanceof GscError && wrapped.code === 'exists' ? error : wrapped;
}

async function haveEqualContent(first: string, second: string): Promise<boolean> {
  const [a, b] = [await open(first), await open(second).catch(ignoring('ENOENT'))];
  try {
    return b !== undefined && (await areEqual(a, b));
  } finally {
    await a.close();
    await b?.close();
  }
}

async function areEqual(a: FileHandle, b: FileHandle): Promise<boolean> {
  const sizeBytes = (await a.stat()).size;
  if ((await b.stat()).size !== sizeBytes) return false;
  const others = readRange(b, 0, sizeBytes)[Symbol.asyncIterator]();
  for await (const piece of readRange(a, 0, sizeBytes)) {
    const { value } = await others.next();
    if (value === undefined || !piece.equals(value)) return false;
  }
  return true;
}
