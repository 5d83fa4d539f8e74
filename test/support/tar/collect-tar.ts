import { readTar, type TarLimits } from '../../../src/tar/read-tar.ts';
import type { TarEntry } from '../../../src/tar/tar-entry.ts';

export interface Collected {
  readonly entry: TarEntry;
  readonly content: Buffer;
}

/** Reads a tar into memory, fed in pieces of `pieceBytes`. */
export async function collectTar(
  tar: Buffer,
  pieceBytes = 65_536,
  limits?: TarLimits,
): Promise<readonly Collected[]> {
  const collected: Collected[] = [];
  let current: { entry: TarEntry; pieces: Buffer[] } | undefined;
  const visitor = {
    entry(entry: TarEntry) {
      if (current) throw new Error('an entry began inside another');
      current = { entry, pieces: [] };
    },
    data(piece: Buffer) {
      if (piece.length === 0) throw new Error('an empty piece');
      current?.pieces.push(Buffer.from(piece));
    },
    end() {
      if (!current) throw new Error('an end without an entry');
      collected.push({ entry: current.entry, content: Buffer.concat(current.pieces) });
      current = undefined;
    },
  };
  await readTar(piecesOf(tar, pieceBytes), visitor, 'test.tar', limits);
  if (current) throw new Error('an entry did not end');
  for (const { entry, content } of collected) {
    if (entry.sizeBytes !== content.length) throw new Error(`${entry.name}: size and content differ`);
  }
  return collected;
}

/** The bytes as a stream of pieces. */
export async function* piecesOf(bytes: Buffer, pieceBytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}
