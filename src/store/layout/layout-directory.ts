import { mkdir, readdir, rm } from 'node:fs/promises';
import { writeError } from '../../base/atomic-file.ts';
import { GscError, systemErrorCode } from '../../base/error.ts';
import { missingParent } from '../local/publish-archive.ts';
import { cleanLeftovers, createTemporaryFile } from '../local/temporary-file.ts';

/**
 * Makes the directory of a layout, or checks that it is one, and that it can be written to; removes what dead processes
 * left there. True if the directory is new.
 */
export async function prepareLayoutDirectory(path: string): Promise<boolean> {
  const isNew = await makeDirectory(path);
  const names = isNew ? [] : await readdir(path).catch(failWrite(path));
  const files = names.filter((name) => !/^\..*\.tmp$/.test(name));
  if (files.length > 0 && !['oci-layout', 'index.json', 'blobs'].some((name) => files.includes(name))) {
    throw new GscError({
      code: 'unwritable',
      subject: path,
      message: 'expected an OCI layout or an empty directory, got one that holds other files',
      hint: 'name a new directory',
    });
  }
  await cleanDirectory(path).catch(failWrite(path));
  return isNew;
}

async function makeDirectory(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    if (systemErrorCode(error) !== 'ENOENT') throw writeError(path, error);
    throw missingParent(path);
  }
}

async function cleanDirectory(path: string): Promise<void> {
  const fresh = await createTemporaryFile(path);
  try {
    await cleanLeftovers(path, fresh.file);
  } finally {
    await fresh.file.close();
    await rm(fresh.path, { force: true });
  }
}

function failWrite(path: string): (error: unknown) => never {
  return (error) => {
    throw writeError(path, error);
  };
}
