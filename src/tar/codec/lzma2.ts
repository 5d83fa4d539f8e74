import type { ByteReader } from './byte-reader.ts';
import { LzmaDecoder, type LzmaProperties } from './lzma-decoder.ts';

/** The largest chunk's content. The .xz file format, 5.3.1: LZMA2; Linux, lib/xz/xz_dec_lzma2.c tells its layout. */
const maximalChunkBytes = 1 << 21;

/** A block of LZMA2 as it is read: how many bytes its chunks take, and what is wrong with them, if anything. */
export interface Lzma2Reading {
  storedBytes: number;
  problem?: string;
}

/**
 * The content of an LZMA2 block, chunk by chunk, up to its end marker. What is wrong, and how much was read, stands in
 * `reading` afterwards; nothing more comes then. Needs about twice `dictionaryBytes` of memory.
 */
export async function* readLzma2(
  reader: ByteReader,
  dictionaryBytes: number,
  reading: Lzma2Reading,
): AsyncGenerator<Buffer, void, undefined> {
  const block = new Lzma2Block(dictionaryBytes);
  for (;;) {
    const [control] = await reader.read(1);
    reading.storedBytes += 1;
    if (control === 0) return;
    const chunk = control === undefined ? undefined : await readChunk(reader, control, reading);
    const output = chunk === undefined ? 'cut short' : block.decode(chunk);
    if (typeof output === 'string') {
      reading.problem = output;
      return;
    }
    yield output;
  }
}

interface Chunk {
  readonly control: number;
  readonly sizeBytes: number;
  readonly properties: number | undefined;
  /** As stored: compressed, or the content itself. */
  readonly stored: Buffer;
}

const isLzma = (control: number) => control >= 0x80;
const withNewState = 0xa0;
const withNewProperties = 0xc0;
const withNewDictionary = 0xe0;
/** Content as it is, with or without a new dictionary. */
const plainWithNewDictionary = 1;
const plain = 2;

/** Undefined if the input ends before the chunk does. */
async function readChunk(
  reader: ByteReader,
  control: number,
  reading: Lzma2Reading,
): Promise<Chunk | undefined> {
  const headBytes = isLzma(control) ? (control >= withNewProperties ? 5 : 4) : 2;
  const head = await reader.read(headBytes);
  if (head.length < headBytes) return undefined;
  const low = head.readUInt16BE(0) + 1;
  const sizeBytes = isLzma(control) ? low + (control & 0x1f) * 0x10000 : low;
  const storedBytes = isLzma(control) ? head.readUInt16BE(2) + 1 : low;
  const stored = await reader.read(storedBytes);
  reading.storedBytes += headBytes + storedBytes;
  if (stored.length < storedBytes) return undefined;
  return { control, sizeBytes, properties: head[4], stored };
}

/** The dictionary and the decoder, which outlive their chunks. */
class Lzma2Block {
  readonly #dictionaryBytes: number;
  #window: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  /** Bytes since the dictionary was reset. */
  #position = 0;
  #decoder: LzmaDecoder | undefined;
  #isReset = false;
  #needsProperties = true;

  constructor(dictionaryBytes: number) {
    this.#dictionaryBytes = dictionaryBytes;
  }

  /** The chunk's content, or what is wrong with it. */
  decode(chunk: Chunk): Buffer | string {
    const { control, sizeBytes, stored } = chunk;
    if (control === plainWithNewDictionary || control >= withNewDictionary) this.#resetDictionary();
    else if (!this.#isReset) return 'the first chunk does not reset the dictionary';
    this.#makeRoom(sizeBytes);
    if (isLzma(control)) {
      const problem = this.#decodeLzma(chunk);
      if (problem !== undefined) return problem;
    } else if (control > plain) return `there is no chunk of type ${control}`;
    else stored.copy(this.#window, this.#end);
    const output = Buffer.from(this.#window.subarray(this.#end, this.#end + sizeBytes));
    this.#end += sizeBytes;
    this.#position += sizeBytes;
    return output;
  }

  #decodeLzma({ control, sizeBytes, properties, stored }: Chunk): string | undefined {
    if (control >= withNewProperties) {
      const parsed = parseProperties(properties ?? 0);
      if (parsed === undefined) return `${properties} stands for no properties of LZMA2`;
      if (this.#decoder) this.#decoder.reset(parsed);
      else this.#decoder = new LzmaDecoder(parsed);
    } else if (this.#needsProperties) return 'a chunk has no properties';
    else if (control >= withNewState) this.#decoder?.reset();
    this.#needsProperties = false;
    const start = Math.max(this.#start, this.#end - this.#dictionaryBytes);
    const window = { bytes: this.#window, start, end: this.#end };
    const isGood = this.#decoder?.decode(stored, sizeBytes, window, this.#position);
    return isGood ? undefined : 'a chunk does not decode';
  }

  #resetDictionary(): void {
    this.#isReset = true;
    this.#needsProperties = true;
    this.#start = this.#end;
    this.#position = 0;
  }

  /** Makes room for a chunk's content behind the bytes that matches may still reach; grows up to twice those. */
  #makeRoom(sizeBytes: number): void {
    if (this.#end + sizeBytes <= this.#window.length) return;
    const keptFrom = Math.max(this.#start, this.#end - this.#dictionaryBytes);
    const kept = this.#window.subarray(keptFrom, this.#end);
    const wanted = Math.min(2 * kept.length, this.#dictionaryBytes + kept.length) + 2 * maximalChunkBytes;
    const window = wanted > this.#window.length ? Buffer.allocUnsafe(wanted) : this.#window;
    window.set(kept, 0);
    this.#window = window;
    this.#start = Math.max(0, this.#start - keptFrom);
    this.#end = kept.length;
  }
}

/** `(pb * 5 + lp) * 9 + lc`; LZMA2 allows lc + lp up to 4. */
function parseProperties(byte: number): LzmaProperties | undefined {
  const literalContextBits = byte % 9;
  const literalPositionBits = Math.floor(byte / 9) % 5;
  const positionBits = Math.floor(byte / 45);
  if (positionBits > 4 || literalContextBits + literalPositionBits > 4) return undefined;
  return { literalContextBits, literalPositionBits, positionBits };
}
