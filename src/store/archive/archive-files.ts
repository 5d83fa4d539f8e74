import { type FileHandle, open } from 'node:fs/promises';
import { GscError } from '../../base/error.ts';
import { type ByteString, childOf, type ImagePath, imagePath, parentOf } from '../../base/image-path.ts';
import { readError } from '../../base/read-file.ts';
import { collectBytes } from '../../image/verified-stream.ts';
import { type ArchiveEntry, indexArchive } from '../../tar/archive-index.ts';
import { sniffBytes, sniffCompression } from '../../tar/codec/compression.ts';
import { type FileSet, readRange } from '../local/file-set.ts';
import { decompressToTemporaryFile } from './decompressed-file.ts';

export interface ArchiveOptions {
  /**
   * Where the decompressed copy of a compressed archive goes; default `/var/tmp`, like skopeo's and podman's
   * (`/tmp` is often kept in memory).
   */
  readonly temporaryDirectory?: string;
  readonly signal?: AbortSignal;
}

/** Where a regular file's content is in the tar. */
interface Place {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** As many links in a row as Linux follows. path_resolution(7). */
const maximalLinks = 40;

/**
 * The files of a tar, by random access; links between them are followed inside the tar. A tar compressed with gzip or
 * zstd is first decompressed into a nameless temporary file. Throws `not-found`, `unreadable` or `archive`.
 */
export async function openArchive(path: string, name: string, options: ArchiveOptions): Promise<FileSet> {
  const file = await open(path).catch((error: unknown) => {
    throw readError(path, 'image archive', error);
  });
  let tar = file;
  try {
    await checkIsFile(file, path);
    if (await isCompressed(file)) {
      tar = await decompressToTemporaryFile(readRange(file, 0, Number.POSITIVE_INFINITY), name, options);
      await file.close();
    }
    return await filesOfTar(tar, name);
  } catch (error) {
    await file.close();
    await tar.close();
    throw archiveError(readError(path, 'image archive', error));
  }
}

/** The files of a tar that is open already and not compressed; closing them closes it. Throws `archive`. */
export async function filesOfTar(tar: FileHandle, name: string): Promise<FileSet> {
  const entries = await indexArchive(tar, name).catch((error: unknown) => {
    throw archiveError(error);
  });
  return filesOf(tar, name, entries);
}

async function isCompressed(file: FileHandle): Promise<boolean> {
  return sniffCompression(await collectBytes(readRange(file, 0, sniffBytes))) !== 'none';
}

async function checkIsFile(file: FileHandle, path: string): Promise<void> {
  const facts = await file.stat();
  if (facts.isFile()) return;
  throw new GscError({
    code: 'archive',
    subject: path,
    message: `expected an image archive, got ${facts.isDirectory() ? 'a directory' : 'no regular file'}`,
    hint: facts.isDirectory()
      ? `for an OCI layout directory use oci:${path}`
      : 'save the stream to a file first; an archive is read more than once',
  });
}

/** For the user the whole file is what is wrong, not an entry of some layer's tar. */
function archiveError(error: unknown): unknown {
  if (!(error instanceof GscError) || error.code !== 'tar') return error;
  return new GscError({
    code: 'archive',
    subject: error.subject,
    message: `not a whole image archive: ${error.detail}`,
    hint: 'export the image again, for example with: docker save -o FILE IMAGE',
    cause: error,
  });
}

function filesOf(tar: FileHandle, name: string, entries: readonly ArchiveEntry[]): FileSet {
  const byPath = new Map(entries.map((entry) => [imagePath(entry.name), entry]));
  const find = (path: ByteString): Place | undefined => findPlace(byPath, imagePath(path));
  const placeOf = (path: ByteString) => find(path) ?? { offset: 0, sizeBytes: 0 };
  return {
    name,
    sizeOf: async (path) => find(path)?.sizeBytes,
    open: (path, limitBytes = Number.POSITIVE_INFINITY) => {
      const { offset, sizeBytes } = placeOf(path);
      return readRange(tar, offset, Math.min(sizeBytes, limitBytes));
    },
    hold: async (path) => ({ fd: tar.fd, ...placeOf(path), release: async () => {} }),
    close: () => tar.close(),
  };
}

/** Follows hard and symbolic links; `docker save` of Engine 20.10 links equal layers. */
function findPlace(byPath: ReadonlyMap<ImagePath, ArchiveEntry>, start: ImagePath): Place | undefined {
  let path = start;
  for (let links = 0; links <= maximalLinks; links++) {
    const entry = byPath.get(path);
    if (entry === undefined || entry.kind === 'file') return entry;
    path = entry.kind === 'hardlink' ? imagePath(entry.target) : symlinkTarget(path, entry.target);
  }
  return undefined;
}

function symlinkTarget(path: ImagePath, target: ByteString): ImagePath {
  return imagePath(target.startsWith('/') ? target : childOf(parentOf(path), target));
}
