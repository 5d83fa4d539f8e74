import { rm } from 'node:fs/promises';
import { writeError } from '../../base/atomic-file.ts';
import type { ByteStream } from '../../image/image.ts';
import { createTemporaryFile } from './temporary-file.ts';
import { writeFully } from './write-fully.ts';

/** Writes a stream to a temporary file, brings it to the disk, and gives its path. Nothing is left after a failure. */
export async function stageFile(directory: string, content: ByteStream): Promise<string> {
  const { path, file } = await createTemporaryFile(directory).catch((error: unknown) => {
    throw writeError(directory, error);
  });
  try {
    let offset = 0;
    for await (const piece of content) {
      await writeFully(file, piece, offset);
      offset += piece.length;
    }
    await file.sync();
    return path;
  } catch (error) {
    await rm(path, { force: true });
    throw writeError(directory, error);
  } finally {
    await file.close();
  }
}
