import type { FileHandle } from 'node:fs/promises';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeError } from '../../base/atomic-file.ts';
import type { ByteString } from '../../base/image-path.ts';
import type { ByteStream } from '../../image/image.ts';
import { tarEnd, tarHeader, tarPadding } from '../../tar/write-tar.ts';
import { readRange } from '../local/file-set.ts';
import { cleanLeftovers, createTemporaryFile } from '../local/temporary-file.ts';
import { writeFully } from '../local/write-fully.ts';

/** A file in the spool. */
export interface SpooledEntry {
  readonly name: ByteString;
  readonly offset: number;
  readonly sizeBytes: number;
  /** False if the header is larger than the room that was left for it (contents from 8 GiB): the tar must be copied. */
  readonly hasHeader: boolean;
}

/** Owner, mode and time of all entries: the same for every image, on every machine. */
const attributes = { uid: 0, gid: 0, mtimeSeconds: 0 };

/** A tar that grows in a temporary file. Sizes of contents need not be known before: headers are filled in afterwards. */
export class TarSpool {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #entries = new Map<ByteString, SpooledEntry>();
  #offset = 0;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** Opens a new spool: in the directory of the final file, or anywhere with a `mode` of its own if there is none. */
  static async create(directory: string, mode?: number): Promise<TarSpool> {
    try {
      const { path, file } = await createTemporaryFile(directory, mode);
      await cleanLeftovers(directory, file);
      return new TarSpool(path, file);
    } catch (error) {
      throw writeError(directory, error);
    }
  }

  /** The files, in the order of the tar. */
  get entries(): readonly SpooledEntry[] {
    return [...this.#entries.values()];
  }

  /** The file of that name. */
  find(name: ByteString): SpooledEntry | undefined {
    return this.#entries.get(name);
  }

  /** A file's content. */
  read(entry: SpooledEntry): ByteStream {
    return readRange(this.#file, entry.offset, entry.sizeBytes);
  }

  /** Adds a file; its size is known already. */
  async addBytes(name: ByteString, content: Buffer): Promise<void> {
    await this.#append(headerOf(name, content.length));
    await this.#append(Buffer.concat([content, tarPadding(content.length)]));
  }

  /** Adds a file whose content comes as a stream; if that fails, the spool is as it was before. */
  async addStream(name: ByteString, content: ByteStream): Promise<void> {
    const start = this.#offset;
    const reservedBytes = headerOf(name, 0).length;
    this.#offset += reservedBytes;
    try {
      for await (const piece of content) await this.#append(piece);
    } catch (error) {
      this.#offset = start;
      throw error;
    }
    const sizeBytes = this.#offset - start - reservedBytes;
    const header = headerOf(name, sizeBytes);
    const hasHeader = header.length === reservedBytes;
    await this.#write(hasHeader ? header : Buffer.alloc(reservedBytes), start);
    await this.#append(tarPadding(sizeBytes));
    this.#entries.set(name, { name, offset: start + reservedBytes, sizeBytes, hasHeader });
  }

  /** Adds a file of another spool. */
  async addCopy(entry: SpooledEntry, from: TarSpool): Promise<void> {
    await this.#append(headerOf(entry.name, entry.sizeBytes));
    const offset = this.#offset;
    for await (const piece of from.read(entry)) await this.#append(piece);
    await this.#append(tarPadding(entry.sizeBytes));
    this.#entries.set(entry.name, { ...entry, offset, hasHeader: true });
  }

  /** Ends the tar and brings it to the disk. */
  async finish(): Promise<void> {
    await this.#append(tarEnd());
    // A layer that was broken off may have left more behind.
    await this.#file.truncate(this.#offset);
    await this.#file.sync();
    await this.#file.close();
  }

  /** Closes and removes the file, wherever it stands; nothing happens if it has been given another name. */
  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.path, { force: true });
  }

  async #append(bytes: Buffer): Promise<void> {
    await this.#write(bytes, this.#offset);
    this.#offset += bytes.length;
  }

  async #write(bytes: Buffer, offset: number): Promise<void> {
    try {
      await writeFully(this.#file, bytes, offset);
    } catch (error) {
      // The temporary file's name says nothing to the user.
      throw writeError(dirname(this.path), error);
    }
  }
}

function headerOf(name: ByteString, sizeBytes: number): Buffer {
  return tarHeader({ kind: 'file', name, sizeBytes, mode: 0o644, ...attributes });
}
