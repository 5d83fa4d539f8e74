import { randomBytes } from 'node:crypto';
import { access, constants, link, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GscError, systemErrorCode } from './error.ts';

export interface AtomicFileOptions {
  /** Permission bits of the new file, before the umask. */
  readonly mode?: number;
  /**
   * What happens to a file that exists already: replaced (through a link, which stays), or an `exists` error that leaves
   * it alone. A device or a pipe is never replaced.
   */
  readonly existing: 'replace' | 'refuse';
}

/**
 * Writes a file whole or not at all: into a temporary neighbour, synced, then under its name.
 * After a crash at most a file named `.NAME.*.tmp` is left.
 */
export async function writeFileAtomically(
  path: string,
  bytes: Uint8Array | string,
  options: AtomicFileOptions,
): Promise<void> {
  const target = options.existing === 'replace' ? await replaceable(path) : path;
  const temporary = temporaryNameFor(target);
  try {
    await writeTemporary(temporary, bytes, options.mode);
    await publishFile(temporary, target, options.existing);
  } catch (error) {
    throw writeError(path, error);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** A file and what should be in it. */
export interface FileContent {
  readonly path: string;
  readonly bytes: Uint8Array | string;
}

/** Replaces files that belong together: each whole, and none before all of them are written. */
export async function replaceFiles(files: readonly FileContent[]): Promise<void> {
  const staged: { readonly path: string; readonly target: string; readonly temporary: string }[] = [];
  try {
    for (const { path, bytes } of files) {
      const target = await replaceable(path);
      const temporary = temporaryNameFor(target);
      staged.push({ path, target, temporary });
      await naming(path, writeTemporary(temporary, bytes));
    }
    for (const { path, target, temporary } of staged) await naming(path, rename(temporary, target));
  } finally {
    for (const { temporary } of staged) await rm(temporary, { force: true });
  }
}

/** A refused call as an error that names the output. */
async function naming(path: string, call: Promise<void>): Promise<void> {
  try {
    await call;
  } catch (error) {
    throw writeError(path, error);
  }
}

async function writeTemporary(temporary: string, bytes: Uint8Array | string, mode = 0o666): Promise<void> {
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The file itself where `path` is a link to one. Renaming to the name of a device would take it from the whole system. */
async function replaceable(path: string): Promise<string> {
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined || facts.isDirectory()) return path;
  if (facts.isFile()) return realpath(path);
  throw new GscError({
    code: 'unwritable',
    subject: path,
    message: 'expected the name of a file, got a device or pipe',
    hint: 'name a file',
  });
}

/** Throws what replacing a file of that name would, as far as it can be known before there is anything to write. */
export async function checkReplaceable(path: string): Promise<void> {
  try {
    const target = await replaceable(path);
    // The dot makes an error of a file that is taken for a directory.
    await access(`${dirname(target)}/.`, constants.W_OK | constants.X_OK);
    const facts = await stat(target).catch(() => undefined);
    if (facts?.isDirectory()) throw Object.assign(new Error(target), { code: 'EISDIR' });
  } catch (error) {
    throw writeError(path, error);
  }
}

/** A name beside `path` that no other process uses. */
export function temporaryNameFor(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
}

/** Gives a finished temporary file its name in one step. */
export async function publishFile(
  temporary: string,
  path: string,
  existing: 'replace' | 'refuse',
): Promise<void> {
  if (existing === 'replace') return rename(temporary, path);
  await link(temporary, path);
  await rm(temporary);
}

/** Turns a failed file-system call on an output into the error that the user sees. */
export function writeError(path: string, error: unknown): unknown {
  const code = systemErrorCode(error);
  if (error instanceof GscError || code === undefined) return error;
  if (code === 'EEXIST') return fileExists(path, error);
  const [reason, hint] = refusals[code] ?? [`the system says ${code}`, 'choose another place'];
  return new GscError({
    code: 'unwritable',
    subject: path,
    message: `cannot be written: ${reason}`,
    hint,
    cause: error,
    isPassing: passingRefusals.has(code),
  });
}

/** The error for a file that exists already. */
export function fileExists(path: string, cause?: unknown): GscError {
  return new GscError({
    code: 'exists',
    subject: path,
    message: 'the file exists already and is not overwritten',
    hint: 'choose another name, or remove the file first',
    cause,
  });
}

/** What is not as the user wants it, but full or broken for the moment. */
const passingRefusals: ReadonlySet<string> = new Set([
  ...['ENOSPC', 'EDQUOT', 'EIO', 'EAGAIN', 'EBUSY', 'EMFILE', 'ENFILE', 'ESTALE'],
]);

/** What the system's words for a refused call mean for an output, and what to do. */
const refusals: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  EACCES: ['permission denied', 'make the directory writable for this user, or choose another place'],
  EPERM: ['permission denied', 'make the directory writable for this user, or choose another place'],
  EROFS: ['the file system is read-only', 'choose another place'],
  ENOENT: ['the parent directory does not exist', 'create it first'],
  ENOTDIR: ['a file is where a directory is needed', 'choose another place'],
  EISDIR: ['a directory has this name', 'choose another name'],
  ENAMETOOLONG: ['the name is too long', 'choose a shorter name'],
  ENOSPC: ['no space is left on the device', 'free some space, or choose another place'],
  EDQUOT: ['the disk quota is exceeded', 'free some space, or choose another place'],
  EFBIG: ['the file is larger than allowed there', 'choose another place'],
};
