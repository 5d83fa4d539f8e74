import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GscError } from '../../base/error.ts';
import { readError } from '../../base/read-file.ts';
import type { ByteStream } from '../../image/image.ts';
import { type FileSet, readRange } from './file-set.ts';
import { ignoring } from './temporary-file.ts';

/** The files of a directory. Throws `not-found` or `unreadable` if it is not one. */
export async function openDirectory(path: string, name: string): Promise<FileSet> {
  const facts = await stat(path).catch((error: unknown) => {
    throw readError(path, 'OCI layout', error);
  });
  if (!facts.isDirectory()) {
    throw new GscError({
      code: 'archive',
      subject: path,
      message: 'expected the directory of an OCI layout, got a file',
      hint: `for an image in a file use oci-archive:${path} or docker-archive:${path}`,
    });
  }
  return {
    name,
    sizeOf: (file) => sizeOf(join(path, file)),
    open: (file, limitBytes) => readFileFrom(join(path, file), limitBytes),
    hold: async (file) => {
      const handle = await openFile(join(path, file));
      const part = { fd: handle.fd, offset: 0, sizeBytes: Number.POSITIVE_INFINITY };
      return { ...part, release: () => handle.close() };
    },
    close: async () => {},
  };
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const facts = await stat(path).catch(ignoring('ENOENT', 'ENOTDIR'));
    return facts?.isFile() ? facts.size : undefined;
  } catch (error) {
    throw readError(path, 'file', error);
  }
}

/** The file is open only while it is read. */
async function* readFileFrom(path: string, limitBytes = Number.POSITIVE_INFINITY): ByteStream {
  const file = await openFile(path);
  try {
    yield* readRange(file, 0, limitBytes);
  } finally {
    await file.close();
  }
}

function openFile(path: string): Promise<FileHandle> {
  return open(path).catch((error: unknown) => {
    throw readError(path, 'file', error);
  });
}
