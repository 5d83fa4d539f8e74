import { read } from 'node:fs';
import { promisify } from 'node:util';
import type { Descriptor } from './descriptor.ts';
import type { ByteStream } from './image.ts';
import { verifiedStream } from './verified-stream.ts';

/** A part of an open file, which all threads of this process can read: from `offset` on, `sizeBytes` or to the file's end. */
export interface FilePart {
  readonly fd: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** A part of a file that stays open until it is released. */
export interface HeldPart extends FilePart {
  release(): Promise<void>;
}

export interface FileBlobSource {
  readonly descriptor: Descriptor;
  /** For messages. */
  readonly where: string;
  hold(): Promise<HeldPart>;
  /** How bytes are read; by default in the background. */
  readonly read?: ReadInto;
}

/** Reads into `memory` from `at` on, and gives how many bytes there were. */
export type ReadInto = (
  fd: number,
  memory: Buffer,
  at: number,
  sizeBytes: number,
  position: number,
) => Promise<number>;

/** The stream of a blob that is in a file here, so that it can be read in other ways too. */
export interface FileBlob extends ByteStream, Pick<FileBlobSource, 'where' | 'hold'> {
  /**
   * The same bytes, each piece good only until the next one is asked for: its memory is used again. Unless `mayLend` says of
   * the blob's beginning that pieces are kept for longer.
   */
  lent(mayLend?: (start: Buffer) => boolean): ByteStream;
}

/** Checks what it reads as `verifiedStream` does. */
export function fileBlob(source: FileBlobSource): FileBlob {
  const { where, hold } = source;
  const newMemory = (sizeBytes: number) => Buffer.allocUnsafeSlow(sizeBytes);
  const lent = (mayLend: (start: Buffer) => boolean = () => true) => {
    let memory: Buffer | undefined;
    let lends: boolean | undefined;
    return readBlob(source, (sizeBytes) => {
      if (memory) lends ??= mayLend(memory);
      if (!memory || !lends) memory = newMemory(sizeBytes);
      return memory;
    });
  };
  return { [Symbol.asyncIterator]: () => readBlob(source, newMemory), lent, where, hold };
}

export function isFileBlob(stream: ByteStream): stream is FileBlob {
  return 'lent' in stream;
}

/** Pieces of this size keep SHA-256 and zlib at full speed. */
const pieceBytes = 1 << 20;

const readPromised = promisify(read);

const readInBackground: ReadInto = async (...request) => (await readPromised(...request)).bytesRead;

/** Gives memory for the next piece: at least so much, or as much as the first time. */
type PieceMemory = (sizeBytes: number) => Buffer;

/** The file is open only while it is read. */
async function* readBlob(source: FileBlobSource, memoryOf: PieceMemory): AsyncGenerator<Buffer> {
  const { descriptor, where, hold, read = readInBackground } = source;
  const part = await hold();
  try {
    yield* verifiedStream(readPart(part, read, memoryOf), descriptor, where);
  } finally {
    await part.release();
  }
}

async function* readPart(
  { fd, offset, sizeBytes }: FilePart,
  read: ReadInto,
  memoryOf: PieceMemory,
): ByteStream {
  for (let done = 0; done < sizeBytes; ) {
    const wanted = Math.min(pieceBytes, sizeBytes - done);
    const memory = memoryOf(wanted);
    let filled = 0;
    while (filled < wanted) {
      const bytesRead = await read(fd, memory, filled, wanted - filled, offset + done + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    if (filled > 0) yield memory.subarray(0, filled);
    if (filled < wanted) return;
    done += filled;
  }
}
