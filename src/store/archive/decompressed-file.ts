import { type FileHandle, rm } from 'node:fs/promises';
import { writeError } from '../../base/atomic-file.ts';
import type { ByteStream } from '../../image/image.ts';
import { decompress } from '../../tar/codec/decompress.ts';
import { throwIfAborted } from '../local/abort.ts';
import { cleanLeftovers, createTemporaryFile } from '../local/temporary-file.ts';
import { writeFully } from '../local/write-fully.ts';

/** `/tmp` is often kept in memory; skopeo and podman use this for what is large. file-hierarchy(7). */
const defaultDirectory = '/var/tmp';

/**
 * Decompresses a stream into a temporary file without a name: when the handle is closed, or the process ends in
 * whatever way, it is gone.
 */
export async function decompressToTemporaryFile(
  source: ByteStream,
  name: string,
  options: {
    readonly temporaryDirectory?: string;
    readonly signal?: AbortSignal;
    /** Sees each piece, and says whether to write it; one that is not written becomes a hole. */
    readonly keeps?: (piece: Buffer) => boolean;
  },
): Promise<FileHandle> {
  const directory = options.temporaryDirectory ?? defaultDirectory;
  const file = await openNameless(directory);
  try {
    let offset = 0;
    for await (const piece of decompress(source, name)) {
      throwIfAborted(options.signal, name);
      if (options.keeps?.(piece) !== false) await writeFully(file, piece, offset);
      offset += piece.length;
    }
    await file.truncate(offset);
    return file;
  } catch (error) {
    await file.close();
    throw writeError(directory, error);
  }
}

async function openNameless(directory: string): Promise<FileHandle> {
  try {
    const { path, file } = await createTemporaryFile(directory, 0o600);
    await rm(path);
    await cleanLeftovers(directory, file);
    return file;
  } catch (error) {
    throw writeError(directory, error);
  }
}
