import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTar } from '../../src/tar/read-tar.ts';
import type { TarEntry } from '../../src/tar/tar-entry.ts';
import { tarBytes } from '../../src/tar/write-tar.ts';
import { collectTar, piecesOf } from '../support/tar/collect-tar.ts';
import { endMark, padded, rawEntry, rawHeader, rawPax, rawTar, sealed } from '../support/tar/raw-tar.ts';

const one = async (...parts: Buffer[]) => {
  const entries = await collectTar(rawTar(...parts));
  expect(entries).toHaveLength(1);
  return entries[0] as (typeof entries)[number];
};

const at = (offset: number, text: string) => (block: Buffer) => void block.write(text, offset, 'latin1');

const base256 = (offset: number, sizeBytes: number, value: bigint) => (block: Buffer) => {
  const bits = BigInt(sizeBytes * 8);
  const hex = (BigInt.asUintN(Number(bits), value) | (1n << (bits - 1n))).toString(16);
  Buffer.from(hex.padStart(sizeBytes * 2, '0'), 'hex').copy(block, offset);
};

describe('names', () => {
  it('joins the ustar prefix and the name', async () => {
    const { entry } = await one(rawEntry({ name: 'b', patch: at(345, 'deep/a') }));
    expect(entry.name).toBe('deep/a/b');
  });

  it('fills all 100 bytes without a NUL', async () => {
    const { entry } = await one(rawEntry({ name: 'n'.repeat(100) }));
    expect(entry.name).toBe('n'.repeat(100));
  });

  it('keeps bytes that are not UTF-8 apart', async () => {
    const entries = await collectTar(rawTar(rawEntry({ name: 'a\xff' }), rawEntry({ name: 'a\xfe' })));
    expect(entries.map(({ entry }) => entry.name)).toEqual(['a\xff', 'a\xfe']);
  });

  it('takes PAX names byte for byte, newlines and invalid UTF-8 included', async () => {
    const { entry } = await one(
      rawPax({ hdrcharset: 'BINARY', path: 'x\n\xff\xc3=y', linkpath: '\xfe\n' }),
      rawEntry({ typeFlag: '2', linkName: 'short' }),
    );
    expect([entry.name, entry.linkName]).toEqual(['x\n\xff\xc3=y', '\xfe\n']);
  });

  it('an empty PAX value leaves the name in the header', async () => {
    const { entry } = await one(rawPax({ path: '' }), rawEntry({ name: 'own' }));
    expect(entry.name).toBe('own');
  });

  it("takes GNU's long name and long link, in either order", async () => {
    const [name, link] = ['n'.repeat(300), 'l'.repeat(700)];
    const parts = [rawEntry({ typeFlag: 'L' }, `${name}\0`), rawEntry({ typeFlag: 'K' }, `${link}\0`)];
    for (const order of [parts, parts.toReversed()]) {
      const { entry } = await one(...order, rawEntry({ typeFlag: '2', linkName: 'x' }));
      expect([entry.name, entry.linkName]).toEqual([name, link]);
    }
  });

  it('long names and records count for one entry only', async () => {
    const entries = await collectTar(
      rawTar(rawPax({ path: 'long', uid: '7' }), rawEntry({}), rawEntry({ name: 'second' })),
    );
    expect(entries.map(({ entry }) => [entry.name, entry.uid])).toEqual([
      ['long', 7],
      ['second', 0],
    ]);
  });

  it('global records count for nothing, and the visitor hears of their keys', async () => {
    const ignored: string[] = [];
    const entries: string[] = [];
    const visitor = {
      ignored: (keys: readonly string[]) => void ignored.push(...keys),
      entry: ({ name, linkName, uid, gid, sizeBytes, mtimeSeconds, xattrs }: TarEntry) =>
        void entries.push([name, linkName, uid, gid, sizeBytes, mtimeSeconds, xattrs.size].join(' ')),
      data() {},
      end() {},
    };
    const records = {
      path: 'evil',
      linkpath: 'evil',
      uid: '5',
      gid: '5',
      size: '9',
      mtime: '9',
      comment: 'x',
    };
    const tar = rawTar(
      rawPax({ ...records, 'SCHILY.xattr.user.x': 'y' }, 'g'),
      rawEntry({ name: 'a' }, 'abc'),
      rawPax({ uid: '6' }),
      rawPax({ path: 'later' }, 'g'),
      rawEntry({ name: 'b', typeFlag: '2', linkName: 'to' }),
    );
    await readTar(piecesOf(tar, 100), visitor, 'test');
    expect(entries).toEqual(['a  0 0 3 0 0', 'b to 6 0 0 0 0']);
    expect(ignored).toEqual([...Object.keys(records), 'SCHILY.xattr.user.x', 'path']);
  });

  it('many global headers cost no more than their bytes', async () => {
    const headers = Array.from({ length: 20_000 }, (_, i) => rawPax({ [`comment${i}`]: 'x' }, 'g'));
    expect(await collectTar(rawTar(...headers, rawEntry({})))).toHaveLength(1);
  });

  it('a v7 header has no prefix', async () => {
    const { entry } = await one(
      rawEntry({
        name: 'old',
        patch: (block) => {
          block.fill(0, 257);
          block.write('rubbish', 345);
        },
      }),
    );
    expect(entry.name).toBe('old');
  });

  it("a GNU header's times are not a prefix, but the prefix of an early Go's header is one", async () => {
    const gnu = at(257, 'ustar  \0');
    const times = await one(rawEntry({ patch: (b) => [gnu, at(345, '14000000000\0')].map((f) => f(b)) }));
    const early = await one(rawEntry({ patch: (b) => [gnu, at(345, 'usr/share')].map((f) => f(b)) }));
    expect([times.entry.name, early.entry.name]).toEqual(['file', 'usr/share/file']);
  });

  it("star's prefix ends before its times", async () => {
    const patch = (b: Buffer) => [at(345, 'dir'), at(476, '00000000001 '), at(508, 'tar\0')].map((f) => f(b));
    expect((await one(rawEntry({ patch: (b) => void patch(b) }))).entry.name).toBe('dir/file');
  });

  it.each([
    ['an empty name', [rawEntry({ name: '' })], /without a name/],
    ['an empty link target', [rawEntry({ typeFlag: '2' })], /symlink without a target/],
    ['a NUL in a PAX name', [rawPax({ path: 'a\0b' }), rawEntry({})], /holds a NUL/],
    ['a NUL in a PAX link', [rawPax({ linkpath: 'a\0b' }), rawEntry({ typeFlag: '2' })], /holds a NUL/],
    ['an empty GNU long name', [rawEntry({ typeFlag: 'L' }, '\0'), rawEntry({})], /without a name/],
  ])('%s is an error', async (_, parts, message) => {
    await expect(collectTar(rawTar(...parts))).rejects.toThrow(message);
  });
});

describe('types', () => {
  it.each([
    ['0', 'file'],
    ['\0', 'file'],
    ['7', 'file'],
    ['Q', 'file'],
    ['1', 'hardlink'],
    ['2', 'symlink'],
    ['3', 'character-device'],
    ['4', 'block-device'],
    ['5', 'directory'],
    ['6', 'fifo'],
  ])('flag %j is a %s', async (typeFlag, type) => {
    const { entry } = await one(rawEntry({ typeFlag, linkName: 'target' }));
    expect(entry).toMatchObject({ type, typeFlag });
  });

  it('a v7 file with a slash at the end is a directory', async () => {
    expect((await one(rawEntry({ name: 'd/', typeFlag: '\0' }))).entry.type).toBe('directory');
    expect((await one(rawEntry({ name: 'd/', typeFlag: '0' }))).entry.type).toBe('file');
  });

  it.each(['1', '2', '3', '4', '5', '6'])(
    'flag %s has no content, whatever its size field says',
    async (flag) => {
      const entries = await collectTar(
        rawTar(rawHeader({ typeFlag: flag, size: 4000, linkName: 'x' }), rawEntry({ name: 'next' }, 'abc')),
      );
      expect(entries.map(({ entry }) => [entry.name, entry.sizeBytes])).toEqual([
        ['file', 0],
        ['next', 3],
      ]);
    },
  );

  it('an unknown type has content, as a file does', async () => {
    expect((await one(rawEntry({ typeFlag: 'Z' }, 'abc'))).content.toString()).toBe('abc');
  });

  it('skips volume names', async () => {
    expect((await one(rawEntry({ name: 'LABEL', typeFlag: 'V' }), rawEntry({}))).entry.name).toBe('file');
  });

  it.each(['D', 'M', 'N', 'X'])('refuses flag %s', async (typeFlag) => {
    await expect(collectTar(rawTar(rawEntry({ typeFlag }, 'x')))).rejects.toThrow(/does not read/);
  });

  it('reads device numbers of devices only', async () => {
    const patch = (b: Buffer) => [at(329, '0000010\0'), at(337, '0000377\0')].map((f) => f(b));
    const { entry } = await one(rawEntry({ typeFlag: '3', patch: (b) => void patch(b) }));
    expect([entry.devMajor, entry.devMinor]).toEqual([8, 255]);
    const plain = await one(rawEntry({ patch: at(329, 'rubbish!rubbish!') }));
    expect([plain.entry.devMajor, plain.entry.devMinor]).toEqual([0, 0]);
  });
});

describe('numbers', () => {
  it.each([
    ['spaces before', '    644 '],
    ['spaces behind', '644     '],
    ['no end mark', '00000644'],
    ['NULs before', '\0\0\x000644\0'],
    ['what was left over behind a NUL', '644\x00999'],
  ])('octal with %s', async (_, text) => {
    expect((await one(rawEntry({ patch: at(100, text) }))).entry.mode).toBe(0o644);
  });

  it('an empty field is 0', async () => {
    expect((await one(rawEntry({ patch: (b) => b.fill(0, 108, 116) }))).entry.uid).toBe(0);
  });

  it('mode keeps its 12 low bits', async () => {
    expect((await one(rawEntry({ patch: at(100, '0104755\0') }))).entry.mode).toBe(0o4755);
  });

  it('base-256, positive and negative', async () => {
    const { entry } = await one(
      rawEntry({ patch: (b) => [base256(108, 8, 3_000_000_000n), base256(136, 12, -5n)].map((f) => f(b)) }),
    );
    expect([entry.uid, entry.mtimeSeconds]).toEqual([3_000_000_000, -5]);
  });

  it('PAX: times with fraction and sign, ids, size', async () => {
    const { entry, content } = await one(
      rawPax({ mtime: '-12.25', uid: '4000000000', gid: '3', size: '5' }),
      rawHeader({ size: 0 }),
      padded('hello'),
    );
    expect(entry).toMatchObject({ mtimeSeconds: -12.25, uid: 4_000_000_000, gid: 3, sizeBytes: 5 });
    expect(content.toString()).toBe('hello');
  });

  it.each([-2, -1_000_000, -(2 ** 31)])(
    'the id %i stands for a large one, in base-256 and in PAX',
    async (id) => {
      const patch = (b: Buffer) => void [108, 116].map((at) => base256(at, 8, BigInt(id))(b));
      const header = await one(rawEntry({ patch }));
      const records = await one(rawPax({ uid: `${id}`, gid: `${id}` }), rawEntry({}));
      for (const { entry } of [header, records])
        expect([entry.uid, entry.gid]).toEqual([2 ** 32 + id, 2 ** 32 + id]);
    },
  );

  it.each(['00000000000000000000000005', '+5', '05'])(
    'the PAX records size=%s and uid are 5',
    async (text) => {
      const { entry, content } = await one(
        rawPax({ size: text, uid: text }),
        rawHeader({ size: 0 }),
        padded('hello'),
      );
      expect([entry.uid, content.toString()]).toEqual([5, 'hello']);
    },
  );

  it('a signed checksum will do', async () => {
    const block = rawHeader({ name: '\xe9\xe9' });
    const signed = block.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : (byte << 24) >> 24), 0);
    block.write(`${signed.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    expect((await one(block)).entry.name).toBe('\xe9\xe9');
  });

  it.each([
    ['octal with an 8', at(108, '0000008\0'), /field uid/],
    ['octal with a sign', at(108, '-000001\0'), /field uid/],
    ['a negative size', base256(124, 12, -1n), /field size/],
    ['a uid of less than 32 bits', base256(108, 8, -(2n ** 31n) - 1n), /uid -2147483649 is smaller/],
    ['a uid that means "leave it"', base256(108, 8, -1n), /uid -1 is larger/],
    ['a size beyond 2^53', base256(124, 12, 1n << 53n), /field size/],
    ['a mtime beyond 2^53', base256(136, 12, -(1n << 60n)), /field mtime/],
    ['a uid that Linux has not', base256(108, 8, 0xffffffffn), /uid 4294967295 is larger/],
    ['a wrong checksum', () => {}, /checksum/],
  ])('%s is an error', async (what, patch, message) => {
    const block = rawHeader({ patch });
    if (what.includes('checksum')) block.write('1', 150);
    await expect(collectTar(rawTar(block))).rejects.toThrow(message);
  });

  it.each([
    ['uid', '1.5'],
    ['uid', '-1'],
    ['gid', ' 1'],
    ['size', '9007199254740992'],
    ['size', '0x10'],
    ['mtime', '1e3'],
    ['mtime', '.'],
  ])('the PAX record %s=%s is an error', async (key, value) => {
    await expect(collectTar(rawTar(rawPax({ [key]: value }), rawEntry({})))).rejects.toMatchObject({
      code: 'tar',
      message: expect.stringContaining(`record ${key}`),
    });
  });
});

describe('extended attributes', () => {
  it("reads SCHILY's bytes and libarchive's base64 under encoded names", async () => {
    const { entry } = await one(
      rawPax({
        'SCHILY.xattr.security.capability': '\x01\0\n\xff',
        'LIBARCHIVE.xattr.user.a%3Db': 'AAH/',
      }),
      rawEntry({}),
    );
    expect([...entry.xattrs]).toEqual([
      ['user.a=b', Buffer.from([0, 1, 255])],
      ['security.capability', Buffer.from([1, 0, 10, 255])],
    ]);
  });
});

describe('extended headers that are wrong', () => {
  const record = (content: string) => rawEntry({ typeFlag: 'x' }, content);
  it.each([
    ['no length', 'path=x\n'],
    ['a length that is too long', '99 path=x\n'],
    ['a length that is too short', '8 path=x\n'],
    ['a length of zero', '0 path=x\n'],
    ['no newline', '10 path=xy'],
    ['no key', '5 =x\n'],
    ['no equals sign', '7 path\n'],
    ['a negative length', '-9 path=x\n'],
    ['NULs behind the records', '10 path=x\n\0\0'],
    ['a length that no number holds', `${'9'.repeat(400)} path=x\n`],
  ])('%s', async (_, content) => {
    await expect(collectTar(rawTar(record(content), rawEntry({})))).rejects.toMatchObject({ code: 'tar' });
  });

  it.each(['x', 'g', 'L', 'K'])('a huge one (%s) is refused before it is read', async (typeFlag) => {
    const tar = rawHeader({ typeFlag, size: 2 ** 20 + 1 });
    await expect(collectTar(tar)).rejects.toThrow(/extended header of 1048577 bytes/);
  });

  it.each(['x', 'L'])('one without an entry behind it (%s) is an error', async (typeFlag) => {
    const extension = rawEntry({ typeFlag }, typeFlag === 'x' ? '10 path=x\n' : 'x\0');
    await expect(collectTar(extension)).rejects.toThrow(/cut short/);
    await expect(collectTar(rawTar(extension))).rejects.toThrow(/without its entry/);
  });
});

describe('the end', () => {
  const entry = rawEntry({}, 'abc');
  it.each([
    ['two zero blocks', endMark],
    ['one zero block', Buffer.alloc(512)],
    ['no zero block', Buffer.alloc(0)],
    ['ten kilobytes of zeros', Buffer.alloc(10_240)],
    ['rubbish behind two zero blocks', Buffer.concat([endMark, Buffer.from('rubbish')])],
  ])('%s will do', async (_, end) => {
    for (const pieceBytes of [1, 511, 65_536]) {
      expect(await collectTar(Buffer.concat([entry, end]), pieceBytes)).toHaveLength(1);
    }
  });

  it.each([0, 1, 508])('%i bytes of the last padding will do, as in Go', async (paddingBytes) => {
    const cut = rawTar(entry, entry).subarray(0, 512 + 512 + 512 + 3 + paddingBytes);
    for (const pieceBytes of [1, 511, 512, 515, 65_536]) {
      const found = await collectTar(cut, pieceBytes);
      expect(found.map(({ content }) => content.toString())).toEqual(['abc', 'abc']);
    }
  });

  it('the last padding may be missing for a sparse file too', async () => {
    const stored = rawTar(rawPax({ 'GNU.sparse.map': '2,3', 'GNU.sparse.size': '7' }), rawEntry({}, 'abc'));
    const [found] = await collectTar(stored.subarray(0, 512 + 512 + 512 + 3));
    expect(found?.content.toString()).toBe('\0\0abc\0\0');
  });

  it.each([
    ['inside a content', 512 + 2],
    ['behind a header', 512],
    ['inside a header', 1024 + 511],
  ])('%s it is cut short', async (_, bytes) => {
    await expect(collectTar(rawTar(entry, entry).subarray(0, bytes))).rejects.toThrow(/cut short in/);
  });

  it('after an extended header it is cut short, its padding missing or not', async () => {
    const header = rawPax({ path: 'x' });
    for (const bytes of [512 + 10, 1024]) {
      await expect(collectTar(header.subarray(0, bytes))).rejects.toThrow(
        /cut short in the header that an extended/,
      );
    }
  });

  it('an empty file is an empty tar', async () => {
    expect(await collectTar(Buffer.alloc(0))).toEqual([]);
  });

  it('a zero block between entries is an error', async () => {
    const tar = Buffer.concat([entry, Buffer.alloc(512), entry]);
    await expect(collectTar(tar)).rejects.toThrow(/at byte 1536: expected a second zero block/);
  });

  it('the source is read to its end, beyond the end of the tar', async () => {
    let isRead = false;
    const source = async function* () {
      yield rawTar(entry);
      yield Buffer.from('more');
      isRead = true;
    };
    await readTar(source(), { entry() {}, data() {}, end() {} }, 'test');
    expect(isRead).toBe(true);
  });

  it('an error names subject, offset and entry', async () => {
    const tar = rawTar(entry, rawPax({ uid: 'x' }), rawEntry({ name: 'bad\n' }));
    await expect(collectTar(tar)).rejects.toMatchObject({
      code: 'tar',
      subject: 'test.tar',
      message: expect.stringMatching(/at byte 2048, entry "bad\\x0a": the PAX record uid/),
    });
  });

  it("a visitor's error ends the reading and the source", async () => {
    let isClosed = false;
    const source = async function* () {
      try {
        yield* piecesOf(rawTar(entry), 100);
      } finally {
        isClosed = true;
      }
    };
    const visitor = {
      entry() {
        throw new TypeError('mine');
      },
      data() {},
      end() {},
    };
    await expect(readTar(source(), visitor, 'test')).rejects.toThrow(new TypeError('mine'));
    expect(isClosed).toBe(true);
  });
});

describe('properties', () => {
  const sample = Buffer.concat([
    tarBytes([
      { kind: 'directory', name: 'd', mode: 0o755, uid: 1, gid: 2, mtimeSeconds: 3 },
      {
        kind: 'file',
        name: `d/${'n'.repeat(120)}`,
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtimeSeconds: 1.5,
        content: Buffer.from('x'.repeat(700)),
      },
      { kind: 'symlink', name: 's', linkName: 'l'.repeat(130), mode: 0o777, uid: 0, gid: 0, mtimeSeconds: 0 },
    ]).subarray(0, -1024),
    rawEntry({ name: 'long', typeFlag: 'L' }, `${'g'.repeat(200)}\0`),
    rawEntry({}, 'y'.repeat(512)),
    endMark,
  ]);

  it('entries do not depend on how the bytes are cut', async () => {
    const expected = await collectTar(sample);
    expect(expected).toHaveLength(4);
    for (const pieceBytes of [1, 7, 511, 512, 513, 1000, 4096]) {
      expect(await collectTar(sample, pieceBytes)).toEqual(expected);
    }
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 1500 }), { minLength: 3 }), async (lengths) => {
        const seen: unknown[] = [];
        const cut = async function* () {
          let offset = 0;
          for (const length of lengths) {
            yield sample.subarray(offset, offset + length);
            offset += length;
          }
          yield sample.subarray(offset);
        };
        await readTar(cut(), { entry: (entry) => seen.push(entry), data() {}, end() {} }, 'test');
        expect(seen).toEqual(expected.map(({ entry }) => entry));
      }),
    );
  });

  it('a tar that is cut short inside an entry never passes, but for the padding', async () => {
    const whole = await collectTar(sample);
    const ends = whole.map(({ entry, content }) => entry.headerOffset + 512 + content.length);
    for (let length = 1; length < sample.length - 1024; length++) {
      const result = await collectTar(sample.subarray(0, length)).catch((error: Error) => error);
      if (result instanceof Error) {
        expect(result.message).toMatch(/test\.tar: at byte \d+: the tar is cut short in/);
      } else {
        expect(result).toEqual(whole.slice(0, result.length));
        expect(result).toHaveLength(ends.filter((end) => end <= length).length);
        const lastEnd = ends[result.length - 1] ?? 0;
        expect(length % 512 === 0 || length < Math.ceil(lastEnd / 512) * 512).toBe(true);
      }
    }
  });

  it('no flipped bit of a header passes', async () => {
    const tar = rawTar(rawEntry({ name: 'a', patch: at(345, 'p') }, 'abc'));
    const expected = await collectTar(tar);
    for (let offset = 0; offset < 512; offset++) {
      for (const bit of [1, 8, 128]) {
        const flipped = Buffer.from(tar);
        flipped[offset] = (flipped[offset] ?? 0) ^ bit;
        const result = await collectTar(flipped).catch((error: Error) => error);
        // The checksum field ends with a NUL and a space, which mean nothing.
        if (offset < 154 || offset > 155) expect(result, `byte ${offset}`).not.toEqual(expected);
      }
    }
  });

  it('rubbish gives a tar error or nothing, never another one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 2000 }),
        fc.nat(511),
        fc.nat(255),
        async (bytes, where, value) => {
          const block = rawHeader({ size: 100 });
          block[where] = value;
          for (const tar of [Buffer.from(bytes), Buffer.concat([sealed(block), bytes])]) {
            const result = await collectTar(tar).catch((error: unknown) => error);
            if (result instanceof Error) expect(result).toMatchObject({ code: 'tar' });
          }
        },
      ),
    );
  });
});
