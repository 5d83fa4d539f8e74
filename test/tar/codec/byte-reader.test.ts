import { describe, expect, it } from 'vitest';
import type { ByteStream } from '../../../src/image/image.ts';
import { ByteReader } from '../../../src/tar/codec/byte-reader.ts';

const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));

/** Uses the memory of a piece again for the next one. */
async function* lending(pieceBytes: number): ByteStream {
  const memory = Buffer.alloc(pieceBytes);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    memory.fill(0xff);
    yield memory.subarray(0, bytes.copy(memory, 0, at, at + pieceBytes));
  }
  memory.fill(0xff);
}

describe('ByteReader', () => {
  it.each([1, 7, 64, 1000, 5000])(
    'reads any numbers of bytes of pieces of %i that are only lent',
    async (size) => {
      for (const step of [1, 3, 64, 100, 999]) {
        const reader = new ByteReader(lending(size));
        const copies: Buffer[] = [];
        for (let part = await reader.read(step); part.length > 0; part = await reader.read(step))
          copies.push(Buffer.from(part));
        expect(Buffer.concat(copies).equals(bytes)).toBe(true);
      }
    },
  );

  it('shows what comes without taking it', async () => {
    const reader = new ByteReader(lending(10));
    expect(Buffer.from(await reader.peek(25)).equals(bytes.subarray(0, 25))).toBe(true);
    expect(await reader.skip(15)).toBe(15);
    expect(Buffer.from(await reader.read(20)).equals(bytes.subarray(15, 35))).toBe(true);
    expect(await reader.skip(2000)).toBe(965);
    expect(await reader.read(1)).toHaveLength(0);
  });

  it.each([1, 10, 50, 2000])('gives the rest in pieces of at least %i bytes', async (minBytes) => {
    const reader = new ByteReader(lending(30));
    await reader.read(5);
    const copies: Buffer[] = [];
    for await (const piece of reader.rest(minBytes)) copies.push(Buffer.from(piece));
    expect(Buffer.concat(copies).equals(bytes.subarray(5))).toBe(true);
    expect(copies.slice(0, -1).every((piece) => piece.length >= minBytes)).toBe(true);
  });

  it('leaves large pieces uncopied', async () => {
    const one = async function* () {
      yield bytes;
    };
    for await (const piece of new ByteReader(one()).rest(10)) expect(piece.buffer).toBe(bytes.buffer);
  });
});
