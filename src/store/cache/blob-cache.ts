import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { GscError, systemErrorCode } from '../../base/error.ts';
import { createTemporaryFile } from '../local/temporary-file.ts';
import { writeFully } from '../local/write-fully.ts';
import {
  cacheError,
  directoryOfKind,
  isOursAlone,
  makeDirectory,
  pathOfEntry,
  prepareCacheDirectory,
} from './cache-directory.ts';
import { type CacheKey, openSealedEntry, sealEntry } from './cache-file.ts';
import { pruneCache } from './prune-cache.ts';

export interface BlobCacheOptions {
  /** Made on first use, with mode 0700. */
  readonly directory: string;
  /** What all entries together may take; {@link defaultCacheBytes} by default. */
  readonly maxBytes?: number;
  /** For noting when an entry was used last; nothing else depends on it. */
  readonly now: () => Date;
  /** Hears of the first thing that went wrong, a `cache` error; the cache then does less, or nothing. */
  readonly onTrouble?: (error: GscError) => void;
}

/** 2 GB: the indexes of some hundred large images. */
export const defaultCacheBytes = 2_000_000_000;

/**
 * Keeps bytes under a kind and a digest, for other runs and processes to find. Whatever comes back is exactly what was
 * put: each file carries a checksum over its content and its own name. No method throws because of the cache's state: one that
 * cannot be read or written only finds and keeps nothing.
 */
export class BlobCache {
  readonly directory: string;
  readonly #options: BlobCacheOptions;
  #prepared: Promise<boolean> | undefined;
  #isWritable = true;
  #isQuiet = false;
  #hasWritten = false;

  constructor(options: BlobCacheOptions) {
    this.directory = options.directory;
    this.#options = options;
  }

  /** The bytes that were put under the key, or undefined. A damaged entry is removed. */
  async get(key: CacheKey): Promise<Buffer | undefined> {
    if (!(await this.#isUsable())) return undefined;
    const path = pathOfEntry(this.directory, key);
    try {
      const file = await readOwnFile(path, this.#options.now());
      const content = file && openSealedEntry(key, file);
      if (content !== undefined) return content;
      this.#report(unusable(path, file === undefined ? "another user's" : 'damaged'));
      await rm(path, { force: true });
    } catch (error) {
      this.#reportSystemError(path, 'cannot be read', error);
    }
    return undefined;
  }

  /** Whether something lies under the key; that it is whole only {@link get} finds out. */
  async has(key: CacheKey): Promise<boolean> {
    if (!(await this.#isUsable())) return false;
    return (await stat(pathOfEntry(this.directory, key)).catch(() => undefined))?.isFile() === true;
  }

  /** Keeps the bytes under the key; another process may put the same at the same time. */
  async put(key: CacheKey, content: Uint8Array): Promise<void> {
    if (!this.#isWritable || !(await this.#isUsable())) return;
    const sealed = sealEntry(key, content);
    try {
      const directory = directoryOfKind(this.directory, key.kind);
      await makeDirectory(directory);
      const place = { directory, path: pathOfEntry(this.directory, key) };
      await writeWhole(place, sealed, this.#options.now());
      this.#hasWritten = true;
    } catch (error) {
      this.#isWritable = false;
      this.#reportSystemError(this.directory, 'cannot be written', error);
    }
  }

  /** Keeps the cache within its bounds, if anything was put. Call it when the work is done. */
  async close(): Promise<void> {
    if (!this.#hasWritten) return;
    this.#hasWritten = false;
    try {
      await pruneCache(this.directory, this.#options.maxBytes ?? defaultCacheBytes);
    } catch (error) {
      if (!(error instanceof GscError)) throw error;
      this.#report(error);
    }
  }

  #isUsable(): Promise<boolean> {
    this.#prepared ??= prepareCacheDirectory(this.directory).then(
      () => true,
      (error: GscError) => {
        this.#report(error);
        return false;
      },
    );
    return this.#prepared;
  }

  /** An entry or a directory that that does not exist (any more) is not an error. */
  #reportSystemError(subject: string, what: string, error: unknown): void {
    if (systemErrorCode(error) === undefined) throw error;
    if (systemErrorCode(error) !== 'ENOENT') this.#report(cacheError(subject, what, error));
  }

  #report(error: GscError): void {
    if (!this.#isQuiet) this.#options.onTrouble?.(error);
    this.#isQuiet = true;
  }
}

function unusable(path: string, what: string): GscError {
  return new GscError({ code: 'cache', subject: path, message: `the entry is ${what}; it is made again` });
}

/** The bytes of a file that only this user can have written, and notes its use; undefined if it is another's. */
async function readOwnFile(path: string, now: Date): Promise<Buffer | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const status = await file.stat();
    if (!status.isFile() || !isOursAlone(status)) return undefined;
    await noteUse(file, now);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** A cache that may only be read cannot note it; its order of pruning is not ours to keep then. */
async function noteUse(file: FileHandle, now: Date): Promise<void> {
  await file.utimes(now, now).catch((error: unknown) => {
    if (systemErrorCode(error) === undefined) throw error;
  });
}

/**
 * Not synced: after a power failure the checksum tells. Writing is a use, and noted by the same clock as all others: a file
 * system's own is coarser, and may say that a new entry is older than one that was read before.
 */
async function writeWhole(
  { directory, path }: { readonly directory: string; readonly path: string },
  parts: readonly Uint8Array[],
  now: Date,
): Promise<void> {
  const temporary = await createTemporaryFile(directory, 0o600);
  try {
    let offset = 0;
    for (const part of parts) {
      await writeFully(temporary.file, part, offset);
      offset += part.length;
    }
    await noteUse(temporary.file, now);
    await temporary.file.close();
    await rename(temporary.path, path);
  } catch (error) {
    await temporary.file.close().catch(() => {});
    await rm(temporary.path, { force: true });
    throw error;
  }
}
