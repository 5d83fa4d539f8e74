import { GscError } from '../../base/error.ts';
import { type ByteString, showBytes } from '../../base/image-path.ts';
import type { ByteStream } from '../../image/image.ts';
import { ByteReader } from '../../tar/codec/byte-reader.ts';
import type { TarEntry, TarType, TarVisitor } from '../../tar/tar-entry.ts';

/** "New ASCII" (070701) and the same with sums (070702), as rpm writes them. Linux, Documentation/driver-api/early-userspace/buffer-format.rst. */
const magics = ['070701', '070702'];
const headerBytes = 110;
const trailerName = 'TRAILER!!!';
const maximalNameBytes = 4096;

/** Fields of eight hex digits after the magic number, in their order. */
const fieldNames = [
  'inode',
  'mode',
  'uid',
  'gid',
  'links',
  'mtime',
  'size',
  'deviceMajor',
  'deviceMinor',
  'specialMajor',
  'specialMinor',
  'nameBytes',
  'checksum',
] as const;
type CpioHeader = Readonly<Record<(typeof fieldNames)[number], number>>;

/** st_mode's file types. stat(2) of Linux. */
const types: ReadonlyMap<number, TarType> = new Map([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
  [0o010000, 'fifo'],
  [0o020000, 'character-device'],
  [0o060000, 'block-device'],
]);
const typeBits = 0o170000;

/**
 * Reads a cpio archive of new format and shows its entries to the visitor as a tar's: of files with several names the
 * last one has the content, the others follow it as hard links. Sums are not checked: the package has a digest. Throws a
 * `tar` error on anything damaged or cut short. Reads the source to its end.
 */
export async function readCpio(source: ByteStream, visitor: TarVisitor, subject: string): Promise<void> {
  const reader = new ByteReader(source);
  try {
    await new CpioReading(reader, visitor, subject).run();
    for await (const _ of reader.rest(1));
  } finally {
    await reader.close();
  }
}

class CpioReading {
  readonly #reader: ByteReader;
  readonly #visitor: TarVisitor;
  readonly #subject: string;
  /** Names of files whose content comes with a later name, by device and inode. */
  readonly #waiting = new Map<string, ByteString[]>();
  #offset = 0;
  #entryOffset = 0;

  constructor(reader: ByteReader, visitor: TarVisitor, subject: string) {
    this.#reader = reader;
    this.#visitor = visitor;
    this.#subject = subject;
  }

  async run(): Promise<void> {
    for (;;) {
      this.#entryOffset = this.#offset;
      const header = this.#parseHeader(await this.#take(headerBytes));
      const name = await this.#readName(header.nameBytes);
      if (name === trailerName) break;
      await this.#readEntry(name, header);
    }
    const [unfinished] = [...this.#waiting.values()].flat();
    if (unfinished !== undefined)
      throw this.#error(`${showBytes(unfinished)} is a hard link to a file that does not follow`);
  }

  async #readEntry(name: ByteString, header: CpioHeader): Promise<void> {
    const type = types.get(header.mode & typeBits);
    if (type === undefined)
      throw this.#error(`${showBytes(name)} has the mode ${header.mode.toString(8)}, of an unknown type`);
    if (type === 'symlink') {
      if (header.size > maximalNameBytes)
        throw this.#error(`${showBytes(name)} has a target that is too long`);
      const linkName = (await this.#takePadded(header.size)).toString('latin1');
      return this.#show(entryOf(type, name, header, { linkName, headerOffset: this.#entryOffset }));
    }
    if (type !== 'file') return this.#show(entryOf(type, name, header, { headerOffset: this.#entryOffset }));
    const inode = `${header.deviceMajor}:${header.deviceMinor}:${header.inode}`;
    const others = this.#waiting.get(inode) ?? [];
    if (header.links > others.length + 1 && header.size === 0 && header.links > 1) {
      this.#waiting.set(inode, [...others, name]);
      return;
    }
    this.#waiting.delete(inode);
    await this.#showFile(entryOf(type, name, header, { headerOffset: this.#entryOffset }));
    for (const other of others) {
      const linkName = name;
      this.#show({ ...entryOf('hardlink', other, header, { linkName, headerOffset: this.#entryOffset }) });
    }
  }

  async #showFile(entry: TarEntry): Promise<void> {
    this.#visitor.entry(entry);
    let left = entry.sizeBytes;
    while (left > 0) {
      const piece = await this.#take(Math.min(left, 1 << 20));
      left -= piece.length;
      this.#visitor.data(piece);
    }
    this.#visitor.end();
    await this.#take(-this.#offset & 3);
  }

  #show(entry: TarEntry): void {
    this.#visitor.entry(entry);
    this.#visitor.end();
  }

  #parseHeader(bytes: Buffer): CpioHeader {
    const text = bytes.toString('latin1');
    if (!magics.includes(text.slice(0, 6)))
      throw this.#error(`expected a cpio archive of the new format, got ${JSON.stringify(text.slice(0, 6))}`);
    const digits = text.slice(6);
    if (!/^[0-9a-fA-F]{104}$/.test(digits)) throw this.#error('a header is damaged');
    return Object.fromEntries(
      fieldNames.map((name, i) => [name, Number.parseInt(digits.slice(8 * i, 8 * i + 8), 16)]),
    ) as CpioHeader;
  }

  /** The name ends with a NUL; header and name together are padded to four bytes. */
  async #readName(nameBytes: number): Promise<ByteString> {
    if (nameBytes < 2 || nameBytes > maximalNameBytes)
      throw this.#error(`expected a name of up to ${maximalNameBytes} bytes, got ${nameBytes}`);
    const name = (await this.#takePadded(nameBytes)).toString('latin1');
    if (name.indexOf('\0') !== nameBytes - 1) throw this.#error('a name does not end where it says');
    return name.slice(0, -1);
  }

  async #takePadded(sizeBytes: number): Promise<Buffer> {
    const bytes = await this.#take(sizeBytes);
    await this.#take(-this.#offset & 3);
    return bytes;
  }

  async #take(sizeBytes: number): Promise<Buffer> {
    const bytes = await this.#reader.read(sizeBytes);
    if (bytes.length < sizeBytes) throw this.#error('the archive is cut short');
    this.#offset += sizeBytes;
    return bytes;
  }

  #error(message: string): GscError {
    return new GscError({
      code: 'tar',
      subject: this.#subject,
      message: `at byte ${this.#entryOffset}: ${message}`,
      hint: 'download or copy the file again',
    });
  }
}

function entryOf(
  type: TarType,
  name: ByteString,
  header: CpioHeader,
  rest: { readonly linkName?: ByteString; readonly headerOffset: number },
): TarEntry {
  return {
    name,
    type,
    typeFlag: '',
    mode: header.mode & 0o7777,
    uid: header.uid,
    gid: header.gid,
    sizeBytes: type === 'file' ? header.size : 0,
    mtimeSeconds: header.mtime,
    linkName: '',
    devMajor: header.specialMajor,
    devMinor: header.specialMinor,
    xattrs: new Map(),
    ...rest,
  };
}
