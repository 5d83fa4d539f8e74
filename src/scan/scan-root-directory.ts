import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { GscError } from '../base/error.ts';
import { childOf, type ImagePath, rootPath, showBytes } from '../base/image-path.ts';
import { readError } from '../base/read-file.ts';
import type { ByteStream } from '../image/image.ts';
import type { LayerEntry, Ownership } from '../tree/entry.ts';
import { fileEntry } from './layer-entry.ts';
import { FileScan } from './layer-visitor.ts';

/** A directory of the host seen as the root of a file system. */
export interface RootDirectory {
  /** As a layer's: a directory before what is in it, children in byte order, no whiteouts. */
  readonly entries: readonly LayerEntry[];
  /** Sockets, which no layer can hold. */
  readonly skipped: readonly ImagePath[];
  /** The content of a file of `entries`, read from the host anew. */
  readonly open: (path: ImagePath) => ByteStream;
}

const readBytes = 1 << 20;

/**
 * Lists a directory of the host as if it were the only layer of an image. Links are listed, not followed; names are
 * bytes; files with several names are hard links as a tar has them. Throws a `not-found` or `unreadable` error.
 */
export async function scanRootDirectory(directory: string): Promise<RootDirectory> {
  const scan = new DirectoryScan(directory);
  await scan.add(rootPath);
  return {
    entries: scan.entries,
    skipped: scan.skipped,
    open: (path) => openFile(hostPath(directory, path)),
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

  async add(path: ImagePath): Promise<void> {
    try {
      // The directory that the user names may be a link itself.
      const host = path === rootPath ? Buffer.from(`${this.#directory}/.`) : hostPath(this.#directory, path);
      const status = await lstat(host, { bigint: true });
      const ownership = {
        mode: Number(status.mode) & 0o7777,
        uid: Number(status.uid),
        gid: Number(status.gid),
      };
      if (status.isDirectory()) await this.#addDirectory(path, host, ownership);
      else if (status.isSymbolicLink()) {
        const target = await readlink(host, { encoding: 'buffer' });
        this.entries.push({ kind: 'symlink', path, ...ownership, target: target.toString('latin1') });
      } else if (status.isFile()) await this.#addFile(path, ownership, status);
      else if (status.isSocket()) this.skipped.push(path);
      else this.entries.push({ kind: 'special', path, ...ownership, type: specialType(status) });
    } catch (error) {
      throw readError(`${this.#directory}${path === rootPath ? '' : showBytes(path)}`, 'directory', error);
    }
  }

  async #addDirectory(path: ImagePath, host: Buffer, ownership: Ownership): Promise<void> {
    this.entries.push({ kind: 'directory', path, ...ownership });
    const names = await readdir(host, { encoding: 'buffer' });
    for (const name of names.map((bytes) => bytes.toString('latin1')).sort()) {
      await this.add(childOf(path, name));
    }
  }

  async #addFile(
    path: ImagePath,
    ownership: Ownership,
    status: { readonly nlink: bigint; readonly dev: bigint; readonly ino: bigint; readonly size: bigint },
  ): Promise<void> {
    const inode = `${status.dev}:${status.ino}`;
    const first = status.nlink > 1n ? this.#firstNames.get(inode) : undefined;
    if (first !== undefined) {
      this.entries.push({ kind: 'hardlink', path, target: first });
      return;
    }
    if (status.nlink > 1n) this.#firstNames.set(inode, path);
    const sizeBytes = Number(status.size);
    const scan = new FileScan(path, sizeBytes);
    let readSoFar = 0;
    for await (const piece of openFile(hostPath(this.#directory, path))) {
      readSoFar += piece.length;
      scan.push(piece);
    }
    if (readSoFar !== sizeBytes) throw changed(`${this.#directory}${showBytes(path)}`, sizeBytes, readSoFar);
    this.entries.push(fileEntry(path, ownership, scan.finish()));
  }
}

function specialType(status: {
  isFIFO(): boolean;
  isCharacterDevice(): boolean;
}): 'fifo' | 'character-device' | 'block-device' {
  if (status.isFIFO()) return 'fifo';
  return status.isCharacterDevice() ? 'character-device' : 'block-device';
}

function hostPath(directory: string, path: ImagePath): Buffer {
  return Buffer.concat([Buffer.from(directory), Buffer.from(path, 'latin1')]);
}

async function* openFile(path: Buffer): ByteStream {
  for await (const piece of createReadStream(path, { highWaterMark: readBytes })) yield piece as Buffer;
}

function changed(subject: string, expected: number, got: number): GscError {
  return new GscError({
    code: 'unreadable',
    subject,
    message: `the file changed while it was read: expected ${expected} bytes, got ${got}`,
    hint: 'run again when nothing writes to the directory',
  });
}
