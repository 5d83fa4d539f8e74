import { readdir, readFile } from 'node:fs/promises';
import { type ErrorCode, GscError, systemErrorCode } from './error.ts';

/** Reads a file that the user named; `what` names its role in the error (`manifest`, `key`, …). */
export async function readUserFile(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw readError(path, what, error);
  }
}

/** The names in a directory, sorted; none if there is no such directory. */
export async function namesInDirectory(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return [];
    throw error;
  }
}

/** Turns a failed file-system call on an input into the error that the user sees. */
export function readError(path: string, what: string, error: unknown): unknown {
  const system = systemErrorCode(error);
  if (error instanceof GscError || system === undefined) return error;
  const code: ErrorCode = system === 'ENOENT' || system === 'ENOTDIR' ? 'not-found' : 'unreadable';
  const reason: Record<string, string> = {
    ENOENT: 'there is no such file',
    ENOTDIR: 'a component of the path is not a directory',
    EISDIR: 'this is a directory, not a file',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    ELOOP: 'its symbolic links form a loop',
    ENAMETOOLONG: 'the path is too long',
  };
  const isPermission = system === 'EACCES' || system === 'EPERM';
  return new GscError({
    code,
    subject: path,
    message: `the ${what} cannot be read: ${reason[system] ?? system}`,
    hint: isPermission ? `make the ${what} readable for this user` : `check the path of the ${what}`,
    cause: error,
  });
}
