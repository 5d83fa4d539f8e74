import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type FileBlob, isFileBlob } from '../../src/image/file-blob.ts';
import type { ByteStream } from '../../src/image/image.ts';
import { verifiedStream } from '../../src/image/verified-stream.ts';
import { fileLayer } from '../support/scan/file-layer.ts';
import { layerFrom } from '../support/scan/made-layers.ts';

const directory = mkdtempSync(join(tmpdir(), 'gsc-file-blob-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Two whole pieces and a part of one. */
const content = Buffer.alloc(2 * 2 ** 20 + 12345, 'not all the same ');

function blobOf(claimed: Buffer, stored = claimed, onRelease?: () => void): FileBlob {
  const blob = fileLayer(layerFrom(claimed), stored, join(directory, 'blob'), onRelease).open();
  if (!isFileBlob(blob)) throw new Error('expected a blob in a file');
  return blob;
}

async function piecesOf(stream: ByteStream): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

describe('a blob in a file', () => {
  it('gives its part of the file, in pieces that may be kept', async () => {
    expect(Buffer.concat(await piecesOf(blobOf(content))).equals(content)).toBe(true);
  });

  it('lends the same bytes, in memory that is used again', async () => {
    const copies: Buffer[] = [];
    const memory = new Set<ArrayBufferLike>();
    for await (const piece of blobOf(content).lent()) {
      copies.push(Buffer.from(piece));
      memory.add(piece.buffer);
    }
    expect(Buffer.concat(copies).equals(content)).toBe(true);
    expect(memory.size).toBe(1);
  });

  it('lends nothing of which the beginning says that it is kept', async () => {
    const starts: string[] = [];
    const mayLend = (start: Buffer) => {
      starts.push(start.toString('latin1', 0, 7));
      return false;
    };
    expect(Buffer.concat(await piecesOf(blobOf(content).lent(mayLend))).equals(content)).toBe(true);
    expect(starts).toEqual(['not all']);
  });

  it.each([
    ['cut short', content.subarray(0, -1)],
    ['too long', Buffer.concat([content, Buffer.alloc(1)])],
    ['damaged', Buffer.concat([content.subarray(0, -1), Buffer.alloc(1)])],
    ['empty', Buffer.alloc(0)],
  ])('that is %s is an error, the one of any stream', async (_, stored) => {
    const { descriptor } = layerFrom(content);
    const bytes = async function* () {
      yield stored;
    };
    const expected = await piecesOf(verifiedStream(bytes(), descriptor, 'test')).catch(String);
    expect(expected).toMatch(/blob sha256/);
    expect(await piecesOf(blobOf(content, stored)).catch(String)).toBe(expected);
    expect(await piecesOf(blobOf(content, stored).lent()).catch(String)).toBe(expected);
  });

  it('is held open while it is read, and no longer', async () => {
    let released = 0;
    const blob = blobOf(content, content, () => released++);
    expect(released).toBe(0);
    await piecesOf(blob);
    for await (const _ of blob.lent()) break;
    expect(released).toBe(2);
  });
});
