import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { GscError } from '../../../src/base/error.ts';
import type { ByteStream } from '../../../src/image/image.ts';
import { ByteReader } from '../../../src/tar/codec/byte-reader.ts';
import { sniffCompression } from '../../../src/tar/codec/compression.ts';
import { decompress } from '../../../src/tar/codec/decompress.ts';
import { gzipReproducibly } from '../../../src/tar/codec/gzip-reproducibly.ts';
import { unzstdPortably } from '../../../src/tar/codec/unzstd.ts';
import { WasmZstd } from '../../../src/tar/codec/wasm-zstd.ts';
import { piecesOf } from '../../support/tar/collect-tar.ts';
import { run } from '../../support/tar/foreign-tool.ts';
import { noise } from '../../support/tar/sample-tree.ts';
import { hasNeededTool } from '../../support/tool.ts';

const half = noise(700_000);
const content = Buffer.concat([half, Buffer.alloc(900_000), half]);
const trailingZero = Buffer.alloc(1);

async function collect(stream: ByteStream): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

const decompressed = (bytes: Buffer, pieceBytes = 65_536) =>
  collect(decompress(piecesOf(bytes, pieceBytes), 'test'));

const byWasm = (bytes: Buffer, pieceBytes = 65_536) =>
  collect(unzstdPortably(new ByteReader(piecesOf(bytes, pieceBytes)), 'test'));

const isDamage = { code: 'tar', subject: 'test', message: expect.stringMatching(/damaged or cut short/) };

describe('what is not compressed', () => {
  it.each([0, 1, 9, 10, 11, 100_000])('passes: %i bytes', async (length) => {
    const bytes = noise(length);
    for (const pieceBytes of [1000, 3]) {
      expect((await decompressed(bytes, pieceBytes)).equals(bytes)).toBe(true);
    }
  });
});

describe('pieces of gzip', () => {
  const gzipped = gzipSync(Buffer.concat([content, content]));

  it('are small enough for others to have their turn', async () => {
    const sizes: number[] = [];
    for await (const piece of decompress(piecesOf(gzipped, 65_536), 'test')) sizes.push(piece.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(256 * 1024);
  });

  it('go with their memory where they are only lent', async () => {
    const kept: Buffer[] = [];
    let sizeBytes = 0;
    for await (const piece of decompress(piecesOf(gzipped, 65_536), 'test', { lends: true })) {
      kept.push(piece);
      sizeBytes += piece.length;
    }
    expect(sizeBytes).toBe(2 * content.length);
    const left = kept.reduce((sum, { length }) => sum + length, 0);
    // All but what the last chunk has.
    expect(left).toBeLessThan(1 << 20);
  });
});

describe('sniffCompression', () => {
  it.each([
    ['gzip', '1f8b0800'],
    ['zstd', '28b52ffd'],
    ['zstd', '502a4d18'],
    ['zstd', '5f2a4d18'],
    ['xz', 'fd377a585a00'],
    ['bzip2', '425a6839314159265359'],
    ['bzip2', '425a6831177245385090'],
    ['none', '602a4d18'],
    ['none', '1f8b0000'],
    ['none', '425a6839'],
    ['none', '28b52f'],
    ['none', ''],
  ])('%s: %s', (compression, hex) => {
    expect(sniffCompression(Buffer.from(hex, 'hex'))).toBe(compression);
  });
});

describe('gzip', () => {
  const gzip = gzipSync(content);
  it('comes out as it went in, however it is cut', async () => {
    for (const pieceBytes of [1009, 65_536, 2 ** 24]) {
      expect((await decompressed(gzip, pieceBytes)).equals(content)).toBe(true);
    }
  });

  it('may have several members, empty ones too, that end anywhere', async () => {
    const members = Buffer.concat([gzip, gzipSync(Buffer.alloc(0)), gzip]);
    for (const pieceBytes of [997, gzip.length, members.length]) {
      expect((await decompressed(members, pieceBytes)).equals(Buffer.concat([content, content]))).toBe(true);
    }
  });

  it.runIf(hasNeededTool('pigz'))('may come from pigz', async () => {
    expect((await decompressed(run('pigz', ['-c', '-p2', '-b128', '-i'], content))).equals(content)).toBe(
      true,
    );
  });

  it('that is cut short is an error, wherever', async () => {
    const small = gzipSync(Buffer.from('content'));
    for (let length = 3; length < small.length; length++) {
      await expect(decompressed(small.subarray(0, length)), `${length} bytes`).rejects.toMatchObject(
        isDamage,
      );
    }
    const members = Buffer.concat([small, small]);
    for (let length = small.length + 1; length < members.length; length++) {
      await expect(decompressed(members.subarray(0, length)), `${length} bytes`).rejects.toMatchObject(
        isDamage,
      );
    }
  });

  it.each([
    ['a zero', trailingZero],
    ['zeros and more', Buffer.from('\0\0rubbish')],
    ['rubbish', Buffer.from('rubbish')],
    ['half a magic number', Buffer.from([0x1f])],
  ])('followed by %s is an error', async (_, rest) => {
    for (const pieceBytes of [gzip.length, 100, 2 ** 24]) {
      await expect(decompressed(Buffer.concat([gzip, rest]), pieceBytes)).rejects.toMatchObject(isDamage);
    }
  });

  it('with another checksum or length is an error', async () => {
    for (const back of [1, 5]) {
      const damaged = Buffer.from(gzip);
      damaged[gzip.length - back] = (damaged[gzip.length - back] ?? 0) ^ 1;
      await expect(decompressed(damaged)).rejects.toMatchObject(isDamage);
    }
  });
});

describe.each([
  ['as Node can', decompressed],
  ['without Node', byWasm],
] as const)('zstd, %s', (_, unzstd) => {
  const can = it.runIf(hasNeededTool('zstd'));
  const zstd = (bytes: Buffer, ...args: string[]) => run('zstd', ['-q', '-c', ...args], bytes);
  const skippable = Buffer.from('532a4d1805000000aabbccddee', 'hex');

  can.each([['-1'], ['-19'], ['--no-check'], ['--no-content-size'], ['-5', '--long=24']])(
    'of zstd %s comes out as it went in',
    async (...args) => {
      for (const pieceBytes of [1009, 2 ** 24]) {
        expect((await unzstd(zstd(content, ...args), pieceBytes)).equals(content)).toBe(true);
      }
    },
  );

  can('may have several frames, empty and skippable ones, that end anywhere', async () => {
    const frame = zstd(content);
    const frames = [skippable, frame, zstd(Buffer.alloc(0)), skippable, zstd(Buffer.from('tail')), skippable];
    const expected = Buffer.concat([content, Buffer.from('tail')]);
    for (const pieceBytes of [1009, frame.length, 2 ** 24]) {
      expect((await unzstd(Buffer.concat(frames), pieceBytes)).equals(expected)).toBe(true);
    }
  });

  it('may have empty blocks anywhere in a frame', async () => {
    const frame = Buffer.from('28b52ffd0038000000100000414200000000000008000043010000', 'hex');
    for (const pieceBytes of [1, 5, 1000]) {
      expect((await unzstd(Buffer.concat([frame, frame]), pieceBytes)).toString()).toBe('ABCABC');
    }
  });

  can('keeps many small frames apart', async () => {
    const texts = Array.from({ length: 300 }, (__, i) => Buffer.from(`frame ${i}\n`));
    const one = zstd(texts[0] as Buffer);
    expect((await unzstd(Buffer.concat(texts.map(() => one)))).toString()).toBe('frame 0\n'.repeat(300));
  });

  can('that is cut short is an error, wherever', async () => {
    const small = Buffer.concat([zstd(Buffer.from('some content')), skippable]);
    const firstEnd = small.length - skippable.length;
    for (let length = 4; length < small.length; length++) {
      if (length === firstEnd) continue;
      await expect(unzstd(small.subarray(0, length)), `${length} bytes`).rejects.toMatchObject(isDamage);
    }
  });

  can.each([
    ['zeros', Buffer.alloc(8)],
    ['rubbish', Buffer.from('rubbish')],
    ['gzip', gzipSync(Buffer.from('x'))],
  ])('followed by %s is an error', async (__, rest) => {
    await expect(unzstd(Buffer.concat([zstd(content), rest]))).rejects.toMatchObject(isDamage);
  });

  can('with a window beyond 128 MiB is an error', async () => {
    const huge = run('zstd', ['-q', '-c', '--ultra', '-1', '--long=28', '--no-content-size'], content);
    await expect(unzstd(huge)).rejects.toThrow(/window of 268435456 bytes/);
  });

  it.each([
    ['a window of the largest size', '28b52ffd00ff190000414243', 'a window of 4123168604160 bytes'],
    ['a single segment of 2^60 bytes', '28b52ffde00000000000000010190000', 'a window of 1152921504606'],
    ['a dictionary', '28b52ffd2107010100000000', 'a dictionary'],
  ])('that asks for %s is refused before any memory is taken', async (_, hex, what) => {
    for (const read of [unzstd, byWasm])
      await expect(read(Buffer.from(hex, 'hex'))).rejects.toMatchObject({
        code: 'tar',
        message: expect.stringContaining(`compressed with zstd with ${what}`),
        hint: expect.stringContaining('compress it again'),
      });
  });

  it.each([
    ['with a reserved bit in the header', '28b52ffd2801010000'],
    ['with a block of the reserved kind', '28b52ffd2001070000'],
    ['with a block beyond 128 KiB', '28b52ffd0058fbffff41'],
    ['with a compressed block of no bytes', '28b52ffd0038050000'],
    ['with a compressed block of one byte', '28b52ffd00380d000000'],
    ['with a block that does not decode', '28b52ffd20ff450000ffffffffffffffff'],
  ])('%s is an error', async (__, hex) => {
    await expect(unzstd(Buffer.from(hex, 'hex'))).rejects.toMatchObject(isDamage);
  });
});

describe('zstd without Node', () => {
  const can = it.runIf(hasNeededTool('zstd'));
  // Headers with a window (or content in a single segment) and one raw block; the exponent is relative to 10.
  it.each([
    ['a window of 72 MiB', '28b52ffd0081190000414243'],
    ['a window of 128 MiB', '28b52ffd0088190000414243'],
  ])('%s is taken', async (_, hex) => {
    expect((await byWasm(Buffer.from(hex, 'hex'))).toString()).toBe('ABC');
  });

  can('refers back as far as a window of 128 MiB', async () => {
    const far = Buffer.concat([noise(1_000_000), Buffer.alloc(120 * 2 ** 20), noise(1_000_000)]);
    const bytes = run('zstd', ['-q', '-c', '-1', '--long=27', '--no-content-size'], far);
    expect((await byWasm(bytes, 2 ** 20)).equals(far)).toBe(true);
  });

  it('for which there is not enough memory is an error that does not call the data damaged', async () => {
    const window = Buffer.from('28b52ffd0088190000414243', 'hex');
    const decoders: WasmZstd[] = [];
    // All of them together have 2 GiB; what is not written to is not taken from the machine.
    const fill = async () => {
      for (;;) {
        const decoder = await WasmZstd.create();
        decoders.push(decoder);
        for (const piece of decoder.push(window.subarray(0, -1))) expect(piece).toBeInstanceOf(Buffer);
      }
    };
    try {
      await expect(fill()).rejects.toThrow(RangeError);
      await expect(byWasm(window)).rejects.toMatchObject({
        ...{ code: 'unreadable', isPassing: true },
        message: expect.stringMatching(/^test: there is not enough memory to decompress it/),
      });
    } finally {
      for (const decoder of decoders) decoder.free();
    }
    expect((await byWasm(window)).toString()).toBe('ABC');
  });

  it('a frame that expands to another size than it says is an error', async () => {
    // One raw block of 2 bytes in a frame that says 3.
    await expect(byWasm(Buffer.from('28b52ffd20031100004142', 'hex'))).rejects.toMatchObject(isDamage);
  });

  can('checks the checksum of a frame', async () => {
    const bytes = run('zstd', ['-q', '-c', '--check'], Buffer.from('some content'));
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    await expect(byWasm(bytes)).rejects.toMatchObject({
      ...isDamage,
      message: expect.stringMatching(/doesn't match checksum/),
    });
  });

  can(
    'with a flipped byte in a block or in the checksum is an error, and stops nothing but itself',
    async () => {
      const bytes = run('zstd', ['-q', '-c', '--check'], Buffer.from('content that repeats '.repeat(40)));
      for (let at = 6; at < bytes.length; at++) {
        const flipped = Buffer.from(bytes);
        flipped.writeUInt8(flipped.readUInt8(at) ^ 0x10, at);
        await expect(byWasm(flipped), `byte ${at}`).rejects.toMatchObject({ code: 'tar' });
        expect((await byWasm(bytes)).length).toBe(840);
      }
    },
  );

  can('several streams at a time, and some that are given up, do not disturb each other', async () => {
    const bytes = run('zstd', ['-q', '-c', '--long=24'], content);
    const givenUp = async () => {
      for await (const piece of unzstdPortably(new ByteReader(piecesOf(bytes, 100_000)), 'test'))
        if (piece.length > 0) return;
    };
    const all = Array.from({ length: 8 }, (_, i) => (i % 2 ? givenUp() : byWasm(bytes, 10_000)));
    for (const each of await Promise.all(all)) if (each) expect(each.equals(content)).toBe(true);
  });
});

describe('decompress', () => {
  it.each([
    ['gzip', gzipSync(noise(3_000_000))],
    ['nothing', noise(3_000_000)],
  ])('passes errors of the source unchanged (%s)', async (_, bytes) => {
    const broken = new GscError({ code: 'blob', subject: 'blob', message: 'broken' });
    const source = async function* () {
      yield bytes.subarray(0, 2_000_000);
      throw broken;
    };
    await expect(collect(decompress(source(), 'test'))).rejects.toBe(broken);
  });

  it.each([
    ['gzip', gzipSync(content)],
    ['nothing', content],
  ])('closes the source when the consumer stops (%s)', async (_, bytes) => {
    let isClosed = false;
    const source = async function* () {
      try {
        for (;;) yield bytes;
      } finally {
        isClosed = true;
      }
    };
    for await (const piece of decompress(source(), 'test')) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect(isClosed).toBe(true);
  });

  it('takes in no more than the consumer asks for', async () => {
    const member = gzipSync(Buffer.alloc(2 ** 20));
    let fed = 0;
    const source = async function* () {
      for (;;) {
        fed += member.length;
        yield member;
      }
    };
    const stream = decompress(source(), 'test')[Symbol.asyncIterator]();
    await stream.next();
    await new Promise((resolve) => setTimeout(resolve, 200));
    // A few inputs of 1 MiB each may wait in buffers.
    expect(fed).toBeLessThan(8 * 2 ** 20);
    await stream.return?.(undefined);
  });
});

describe('gzipReproducibly', () => {
  it('gives gzip that gunzip undoes', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('x'), content]) {
      expect(gunzipSync(gzipReproducibly(bytes)).equals(bytes)).toBe(true);
    }
  });

  it('has these very bytes, whatever the Node and the machine', () => {
    expect(gzipReproducibly(Buffer.from('gramine '.repeat(50))).toString('hex')).toBe(
      '1f8b08000000000000034b2f4acccdcc4b55481fa507050d004c03480d90010000',
    );
    expect(gzipReproducibly(content).toString('hex', 0, 10)).toBe('1f8b0800000000000003');
  });
});
