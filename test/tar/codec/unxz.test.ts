import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GscError } from '../../../src/base/error.ts';
import { collectBytes } from '../../../src/image/verified-stream.ts';
import { ByteReader } from '../../../src/tar/codec/byte-reader.ts';
import { unxz } from '../../../src/tar/codec/unxz.ts';
import { piecesOf } from '../../support/tar/collect-tar.ts';
import { hasTool, run } from '../../support/tar/foreign-tool.ts';

const hasXz = hasTool('xz');
const xz = (content: Buffer, ...options: readonly string[]) => run('xz', ['--stdout', ...options], content);

function decompressed(stored: Buffer, pieceBytes = 65_536): Promise<Buffer> {
  return collectBytes(unxz(new ByteReader(piecesOf(stored, pieceBytes)), 'test.xz'));
}

async function failure(stored: Buffer): Promise<GscError> {
  const error: unknown = await decompressed(stored).then(
    () => new Error('it decompressed'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof GscError)) throw error;
  return error;
}

/** Bytes that compress somewhat: words of a small vocabulary, and noise between them. */
function prose(seed: string, sizeBytes: number): Buffer {
  const words = Array.from({ length: 64 }, (_, i) => createHash('sha256').update(`${seed}${i}`).digest());
  const pieces: Buffer[] = [];
  let state = createHash('sha256').update(seed).digest();
  for (let length = 0; length < sizeBytes; ) {
    state = createHash('sha256').update(state).digest();
    const piece = Buffer.concat([
      ...[...state].map((byte) => (words[byte & 63] as Buffer).subarray(0, 3 + (byte >> 3))),
      state.subarray(0, (state[0] as number) & 15),
    ]);
    pieces.push(piece);
    length += piece.length;
  }
  return Buffer.concat(pieces).subarray(0, sizeBytes);
}

const content = prose('content', 3_000_000);

describe.skipIf(!hasXz)('what xz writes comes back', () => {
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['one byte', Buffer.from('x')],
    ['zeros', Buffer.alloc(5_000_000)],
    ['prose', content],
    ['noise', createHash('shake256', { outputLength: 3_000_000 }).update('noise').digest()],
    ['noise between prose', Buffer.concat([content, prose('x', 100).subarray(3), content])],
  ])('%s', async (_, bytes) => {
    expect((await decompressed(xz(bytes))).equals(bytes)).toBe(true);
  });

  test.each([
    ['no check', ['--check=none']],
    ['CRC32, as dpkg has it', ['--check=crc32']],
    ['CRC64, as xz has it', ['--check=crc64']],
    ['SHA-256, as rpm has it', ['--check=sha256']],
    ['the fastest preset', ['-0']],
    ['the strongest preset', ['-9e']],
    ['a dictionary of 4 KiB', ['--lzma2=dict=4KiB']],
    ['a dictionary that is slid over many times', ['--lzma2=dict=64KiB,mode=fast']],
    ['many blocks', ['--block-size=100000']],
    ['blocks of several threads', ['-T2', '--block-size=500000']],
    ['no literal context', ['--lzma2=lc=0,lp=4,pb=0']],
    ['all literal context', ['--lzma2=lc=4,lp=0,pb=4']],
    ['contexts by position', ['--lzma2=lc=1,lp=2,pb=3']],
  ])('with %s', async (_, options) => {
    expect((await decompressed(xz(content, ...options))).equals(content)).toBe(true);
  });

  test('in pieces of any size', async () => {
    const stored = xz(content.subarray(0, 200_000));
    for (const pieceBytes of [1, 7, 4096]) {
      expect((await decompressed(stored, pieceBytes)).equals(content.subarray(0, 200_000))).toBe(true);
    }
  });

  test('of several streams, with padding between and behind', async () => {
    const [one, two] = [content.subarray(0, 5000), content.subarray(5000, 9000)];
    const stored = Buffer.concat([xz(one), Buffer.alloc(8), xz(two, '--check=crc32'), Buffer.alloc(4)]);
    expect((await decompressed(stored)).equals(content.subarray(0, 9000))).toBe(true);
  });

  test('of any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 5000 }),
        fc.integer({ min: 0, max: 9 }),
        async (bytes, level) => {
          const buffer = Buffer.from(bytes);
          expect((await decompressed(xz(buffer, `-${level}`))).equals(buffer)).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe.skipIf(!hasXz)('what is wrong is an error', () => {
  const stored = hasXz
    ? xz(content.subarray(0, 20_000), '--check=sha256', '--block-size=8000')
    : Buffer.alloc(0);

  test('any bit that is flipped', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: stored.length * 8 - 1 }), async (bit) => {
        const damaged = Buffer.from(stored);
        damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(await failure(damaged)).toMatchObject({ code: 'tar', subject: 'test.xz' });
      }),
      { numRuns: 150 },
    );
  });

  test('an end anywhere', async () => {
    for (const length of [
      0,
      5,
      11,
      12,
      20,
      5000,
      stored.length - 40,
      stored.length - 12,
      stored.length - 1,
    ]) {
      const error = await failure(stored.subarray(0, length));
      expect(error.message).toMatch(/^test\.xz: the compressed data are damaged or cut short: /);
    }
  });

  test.each([
    ['a newline', Buffer.from('\n'), /cut short/],
    ['zeros that are not four', Buffer.alloc(3), /cut short/],
    ['something else', Buffer.from('something else'), /something follows the xz data/],
  ])('%s behind the data', async (_, more, message) => {
    expect((await failure(Buffer.concat([stored, more]))).message).toMatch(message);
  });

  test('a filter that rearranges machine code', async () => {
    const filtered = xz(content.subarray(0, 1000), '--x86', '--lzma2=preset=1');
    expect((await failure(filtered)).message).toMatch(/more filters than LZMA2, which is not supported/);
  });

  test('a dictionary of a gigabyte, without a gigabyte being taken', async () => {
    const huge = xz(content.subarray(0, 1000), '--lzma2=dict=1GiB');
    expect((await failure(huge)).message).toMatch(/a dictionary of 1073741824 bytes, more than 134217728/);
  });
});

test('a consumer that stops early ends the source', async () => {
  if (!hasXz) return;
  let isEnded = false;
  async function* source() {
    try {
      yield* piecesOf(xz(content), 4096);
    } finally {
      isEnded = true;
    }
  }
  const reader = new ByteReader(source());
  for await (const piece of unxz(reader, 'test.xz')) {
    expect(piece.length).toBeGreaterThan(0);
    break;
  }
  await reader.close();
  expect(isEnded).toBe(true);
});
