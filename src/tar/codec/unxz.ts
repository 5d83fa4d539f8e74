import { crc32 } from 'node:zlib';
import type { ByteStream } from '../../image/image.ts';
import type { ByteReader } from './byte-reader.ts';
import { compressedDataError } from './compressed-data-error.ts';
import { type Lzma2Reading, readLzma2 } from './lzma2.ts';
import { parseXzBlockHeader, type XzBlockHeader } from './xz-block-header.ts';
import { type XzCheck, xzCheckOf } from './xz-check.ts';
import { readXzIndex, type XzBlockSizes } from './xz-index.ts';

const headerBytes = 12;
const headerMagic = Buffer.from('fd377a585a00', 'hex');
const footerMagic = 'YZ';

/**
 * Decompresses .xz: any number of streams with padding between them, blocks of LZMA2, every check (CRC32, CRC64 and
 * SHA-256 are verified). Other filters are refused: packages do not use them. Throws a `tar` error on damage. It does 20
 * MB/s or so; a stream needs up to twice its dictionary in memory. The .xz file format, 1.2.
 */
export async function* unxz(reader: ByteReader, subject: string): ByteStream {
  const stream = new XzStream(reader, subject);
  do yield* stream.read();
  while (await stream.hasNext());
}

class XzStream {
  readonly #reader: ByteReader;
  readonly #subject: string;

  constructor(reader: ByteReader, subject: string) {
    this.#reader = reader;
    this.#subject = subject;
  }

  async *read(): ByteStream {
    const flags = await this.#readHeader();
    const check = xzCheckOf(flags);
    const sizes: XzBlockSizes[] = [];
    for (;;) {
      const [first] = await this.#reader.peek(1);
      if (first === undefined) throw this.#damaged('the data end before the index');
      if (first === 0) break;
      const header = parseXzBlockHeader(await this.#take((first + 1) * 4));
      if (typeof header === 'string') throw this.#damaged(header);
      sizes.push(yield* this.#readBlock(header, check));
    }
    const index = await readXzIndex(this.#reader, sizes);
    if (typeof index === 'string') throw this.#damaged(index);
    await this.#readFooter(index, flags);
  }

  /** Passes over zeros, four at a time; true if another stream follows. The .xz file format, 2.2. */
  async hasNext(): Promise<boolean> {
    for (;;) {
      const next = await this.#reader.peek(4);
      if (next.length === 0) return false;
      if (next.length < 4 || next.readUInt32LE() !== 0) return true;
      await this.#reader.read(4);
    }
  }

  async *#readBlock(header: XzBlockHeader, check: XzCheck): AsyncGenerator<Buffer, XzBlockSizes, undefined> {
    const running = check.start?.();
    const reading: Lzma2Reading = { storedBytes: 0 };
    let contentBytes = 0;
    for await (const piece of readLzma2(this.#reader, header.dictionaryBytes, reading)) {
      running?.update(piece);
      contentBytes += piece.length;
      yield piece;
    }
    if (reading.problem !== undefined) throw this.#damaged(reading.problem);
    const { storedBytes } = reading;
    if ((header.storedBytes ?? storedBytes) !== storedBytes)
      throw this.#damaged('a block has another size than it says');
    if ((header.contentBytes ?? contentBytes) !== contentBytes)
      throw this.#damaged('a block holds more or less than it says');
    const padding = await this.#take(-storedBytes & 3);
    if (padding.some((byte) => byte !== 0)) throw this.#damaged('a block is padded with something');
    const stored = await this.#take(check.sizeBytes);
    if (running && !running.finish().equals(stored))
      throw this.#damaged('a block does not have the check sum that it says');
    return { unpaddedBytes: header.sizeBytes + storedBytes + check.sizeBytes, contentBytes };
  }

  /** Gives the flags: the type of the check. */
  async #readHeader(): Promise<number> {
    const header = await this.#take(headerBytes);
    if (!header.subarray(0, 6).equals(headerMagic)) throw this.#damaged('something follows the xz data');
    if (crc32(header.subarray(6, 8)) !== header.readUInt32LE(8)) throw this.#damaged('the header is damaged');
    const flags = header.readUInt16BE(6);
    if (flags > 15) throw this.#damaged(`there are no flags ${flags}`);
    return flags;
  }

  async #readFooter(indexBytes: number, flags: number): Promise<void> {
    const footer = await this.#take(headerBytes);
    const isGood =
      footer.toString('latin1', 10) === footerMagic &&
      crc32(footer.subarray(4, 10)) === footer.readUInt32LE(0) &&
      (footer.readUInt32LE(4) + 1) * 4 === indexBytes &&
      footer.readUInt16BE(8) === flags;
    if (!isGood) throw this.#damaged('the end is damaged');
  }

  async #take(sizeBytes: number): Promise<Buffer> {
    const bytes = await this.#reader.read(sizeBytes);
    if (bytes.length < sizeBytes) throw this.#damaged('cut short');
    return bytes;
  }

  #damaged(message: string): Error {
    return compressedDataError(this.#subject, message);
  }
}
