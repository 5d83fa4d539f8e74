import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type FileContent, temporaryNameFor, writeError, writeFileAtomically } from './atomic-file.ts';
import { GscError } from './error.ts';

/** Writes a directory whole or not at all. Throws an `exists` error for one that is there and not empty. */
export async function writeDirectory(directory: string, files: readonly FileContent[]): Promise<void> {
  const temporary = temporaryNameFor(directory);
  try {
    await mkdir(temporary);
    for (const { path, bytes } of files) {
      await mkdir(dirname(join(temporary, path)), { recursive: true });
      await writeFileAtomically(join(temporary, path), bytes, { existing: 'refuse' });
    }
    await rename(temporary, directory);
  } catch (error) {
    throw asExisting(directory, error);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function asExisting(directory: string, error: unknown): unknown {
  const isThere = error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY';
  if (!isThere) return writeError(directory, error);
  return new GscError({
    code: 'exists',
    subject: directory,
    message: 'the directory exists already and is not empty',
    hint: 'choose another name, or remove the directory first',
    cause: error,
  });
}
