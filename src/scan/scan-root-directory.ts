import { createHash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readlink, statfs } from 'node:fs/promises';
import { GscError, systemErrorCode } from '../base/error.ts';
import { childOf, type ImagePath, rootPath, showBytes } from '../base/image-path.ts';
import { readError } from '../base/read-file.ts';
import type { ByteStream } from '../image/image.ts';
import type { FileFacts, LayerEntry, Ownership } from '../tree/entry.ts';
import { fileEntry } from './layer-entry.ts';
import { FileScan } from './layer-visitor.ts';

/** A directory of the host seen as the root of a file system. */
export interface RootDirectory {
  /** As a layer's: a directory before what is in it, children in byte order, no whiteouts. */
  readonly entries: readonly LayerEntry[];
  /** Sockets, which no layer can hold, and what the kernel makes up (`/proc`, `/sys`). */
  readonly skipped: readonly ImagePath[];
  /**
   * The content of a file of `entries`, read from the host again. Throws an `unreadable` or `not-found` error if it is no
   * longer what was listed.
   */
  readonly open: (path: ImagePath) => ByteStream;
}

const readBytes = 1 << 20;

/** Types of file systems without their own files: PROC_SUPER_MAGIC, SYSFS_MAGIC. Linux, include/uapi/linux/magic.h. */
const kernelFileSystems: ReadonlySet<number> = new Set([0x9fa0, 0x62656572]);

/**
 * Lists a directory of the host as if it were the only layer of an image. Links are listed, not followed; names are
 * bytes; files with several names are hard links as a tar has them. Other programs may work in the directory meanwhile:
 * what disappears before it was read was never there, and a file is listed as it was when it was read. Throws a `not-found` or
 * `unreadable` error.
 */
export async function scanRootDirectory(directory: string): Promise<RootDirectory> {
  const scan = new DirectoryScan(directory);
  await scan.add(rootPath, undefined);
  const digests = new Map(
    scan.entries.flatMap((entry) => (entry.kind === 'file' ? [[entry.path, entry.sha256] as const] : [])),
  );
  return {
    entries: scan.entries,
    skipped: scan.skipped,
    open: (path) => readAgain(directory, path, digests.get(path)),
  };
}

class DirectoryScan {
  readonly entries: LayerEntry[] = [];
  readonly skipped: ImagePath[] = [];
  readonly #directory: string;
  /** The first name of each file that has more than one, by device and inode. */
  readonly #firstNames = new Map<string, ImagePath>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Adds what is at `path`, in a directory on the device `parentDevice`; nothing if it has gone by now. */
  async add(path: ImagePath, parentDevice: bigint | undefined): Promise<void> {
    try {
      // The directory that the user names may be a link itself.
      const host = path === rootPath ? Buffer.from(`${this.#directory}/.`) : hostPath(this.#directory, path);
      const status = await lstat(host, { bigint: true });
      if (status.isDirectory()) await this.#addDirectory(path, host, { status, parentDevice });
      else if (status.isSymbolicLink()) {
        const target = await readlink(host, { encoding: 'buffer' });
        this.entries.push({
          kind: 'symlink',
          path,
          ...ownershipOf(status),
          target: target.toString('latin1'),
        });
      } else if (status.isFile()) {
        if (!(await this.#addFile(path, host))) await this.add(path, parentDevice);
      } else if (status.isSocket()) this.skipped.push(path);
      else this.entries.push({ kind: 'special', path, ...ownershipOf(status), type: specialType(status) });
    } catch (error) {
      if (path !== rootPath && isGone(error)) return;
      throw readError(`${this.#directory}${path === rootPath ? '' : showBytes(path)}`, 'directory', error);
    }
  }

  async #addDirectory(
    path: ImagePath,
    host: Buffer,
    { status, parentDevice }: { readonly status: BigIntStats; readonly parentDevice: bigint | undefined },
  ): Promise<void> {
    const isMount = parentDevice !== undefined && parentDevice !== status.dev;
    const isKernels = isMount && kernelFileSystems.has((await statfs(host)).type);
    const names = isKernels ? [] : await readdir(host, { encoding: 'buffer' });
    if (isKernels) this.skipped.push(path);
    this.entries.push({ kind: 'directory', path, ...ownershipOf(status) });
    for (const name of names.map((bytes) => bytes.toString('latin1')).sort()) {
      await this.add(childOf(path, name), status.dev);
    }
  }

  /** False if something else has come to be there. */
  async #addFile(path: ImagePath, host: Buffer): Promise<boolean> {
    // Of one moment are the facts of the open file: under its name there may be another one by now.
    const handle = await openUnlessLink(host);
    if (handle === undefined) return false;
    try {
      const status = await handle.stat({ bigint: true });
      if (!status.isFile()) return false;
      const inode = `${status.dev}:${status.ino}`;
      const first = status.nlink > 1n ? this.#firstNames.get(inode) : undefined;
      if (first !== undefined) this.entries.push({ kind: 'hardlink', path, target: first });
      else {
        const facts = await scanFile(handle, path, this.#directory);
        this.entries.push(fileEntry(path, ownershipOf(status), facts));
        if (status.nlink > 1n) this.#firstNames.set(inode, path);
      }
      return true;
    } finally {
      await handle.close();
    }
  }
}

/** Not through a link and without waiting, whatever has come to be there since the directory was read. */
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

async function openUnlessLink(host: Buffer): Promise<FileHandle | undefined> {
  try {
    return await open(host, openFlags);
  } catch (error) {
    if (systemErrorCode(error) === 'ELOOP') return undefined;
    throw error;
  }
}

/** How often a file may shrink while it is read. */
const attempts = 5;

/** The facts of a file with the size that it has now: what others add to it meanwhile is not there yet. */
async function scanFile(handle: FileHandle, path: ImagePath, directory: string): Promise<FileFacts> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const { size: sizeBytes } = await handle.stat();
    const scan = new FileScan(path, sizeBytes);
    let readSoFar = 0;
    for await (const piece of readPieces(handle, sizeBytes)) {
      readSoFar += piece.length;
      scan.push(piece);
    }
    if (readSoFar === sizeBytes) return scan.finish();
  }
  throw changed(`${directory}${showBytes(path)}`);
}

/** The first `sizeBytes` of a file, or fewer if it ends before. */
async function* readPieces(handle: FileHandle, sizeBytes: number): ByteStream {
  if (sizeBytes === 0) return;
  const range = { start: 0, end: sizeBytes - 1, highWaterMark: readBytes, autoClose: false };
  for await (const piece of handle.createReadStream(range)) yield piece as Buffer;
}

async function* readAgain(directory: string, path: ImagePath, sha256: string | undefined): ByteStream {
  const subject = `${directory}${showBytes(path)}`;
  const hash = createHash('sha256');
  try {
    const handle = await openUnlessLink(hostPath(directory, path));
    if (handle === undefined) throw changed(subject);
    try {
      for await (const piece of readPieces(handle, (await handle.stat()).size)) {
        hash.update(piece);
        yield piece;
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw readError(subject, 'file', error);
  }
  if (hash.digest('hex') !== sha256) throw changed(subject);
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ESTALE'].includes(systemErrorCode(error) ?? '');
}

function ownershipOf({ mode, uid, gid }: BigIntStats): Ownership {
  return { mode: Number(mode) & 0o7777, uid: Number(uid), gid: Number(gid) };
}

function specialType(status: BigIntStats): 'fifo' | 'character-device' | 'block-device' {
  if (status.isFIFO()) return 'fifo';
  return status.isCharacterDevice() ? 'character-device' : 'block-device';
}

function hostPath(directory: string, path: ImagePath): Buffer {
  return Buffer.concat([Buffer.from(directory), Buffer.from(path, 'latin1')]);
}

function changed(subject: string): GscError {
  return new GscError({
    code: 'unreadable',
    subject,
    message: 'the file changed while it was read',
    hint: 'run again when nothing writes to this file',
  });
}
