import { describe, expect, it } from 'vitest';
import { defaultTarLimits, readTar } from '../../src/tar/read-tar.ts';
import { collectTar, piecesOf } from '../support/tar/collect-tar.ts';
import { padded, rawEntry, rawHeader, rawPax, rawTar } from '../support/tar/raw-tar.ts';

const octal = (value: number) => `${value.toString(8).padStart(11, '0')}\0`;

/** A header of GNU's old form. */
const oldGnu = (stored: number, realSize: number, regions: readonly (readonly [number, number])[]) =>
  rawHeader({
    typeFlag: 'S',
    size: stored,
    patch: (block) => {
      block.write('ustar  \0', 257);
      regions.forEach(([offset, size], i) => {
        block.write(octal(offset) + octal(size), 386 + 24 * i);
      });
      block.write(octal(realSize), 483);
    },
  });

const pax01 = (map: string, size: string, stored: string) => [
  rawPax({ 'GNU.sparse.map': map, 'GNU.sparse.size': size, 'GNU.sparse.name': 'real' }),
  rawEntry({ name: 'GNUSparseFile/real' }, stored),
];

const pax10 = (map: string, realSize: string, stored: string) => {
  const data = Buffer.concat([padded(map), Buffer.from(stored)]);
  return [
    rawPax({
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.name': 'real',
      'GNU.sparse.realsize': realSize,
    }),
    rawEntry({ name: 'GNUSparseFile/real' }, data),
  ];
};

describe('sparse files', () => {
  it.each([
    [
      'old GNU',
      [
        oldGnu(4, 10, [
          [2, 3],
          [7, 1],
        ]),
        padded('abcd'),
      ],
    ],
    ['PAX 0.1', pax01('2,3,7,1', '10', 'abcd')],
    ['PAX 0.1 with empty regions', pax01('0,0,2,3,5,0,7,1,10,0', '10', 'abcd')],
    ['PAX 1.0', pax10('2\n2\n3\n7\n1\n', '10', 'abcd')],
  ])('%s: zeros stand where nothing is stored', async (_, parts) => {
    for (const pieceBytes of [1, 513, 65_536]) {
      const [file, ...others] = await collectTar(
        rawTar(...parts, rawEntry({ name: 'next' }, 'n')),
        pieceBytes,
      );
      expect(file?.content.toString('latin1')).toBe('\0\0abc\0\0d\0\0');
      expect(others.map(({ entry }) => entry.name)).toEqual(['next']);
    }
  });

  it('a file that is all hole has no stored bytes', async () => {
    const [file] = await collectTar(rawTar(...pax01('600000,0', '600000', '')));
    expect(file?.entry).toMatchObject({ name: 'real', sizeBytes: 600_000 });
    expect(file?.content.equals(Buffer.alloc(600_000))).toBe(true);
  });

  it.each([
    [
      'regions out of order',
      [
        oldGnu(4, 10, [
          [7, 1],
          [2, 3],
        ]),
        padded('abcd'),
      ],
      /not in order/,
    ],
    [
      'regions that overlap',
      [
        oldGnu(4, 10, [
          [2, 3],
          [4, 1],
        ]),
        padded('abcd'),
      ],
      /not in order/,
    ],
    ['a region beyond the end', [oldGnu(4, 10, [[7, 4]]), padded('abcd')], /reaches to 11, the file to 10/],
    [
      'fewer stored bytes than regions',
      [oldGnu(3, 10, [[2, 4]]), padded('abc')],
      /names 4 stored bytes, there are 3/,
    ],
    ['more stored bytes than regions', pax01('2,3', '10', 'abcd'), /names 3 stored bytes, there are 4/],
    ['an odd map', pax01('2,3,4', '10', 'abcd'), /odd number/],
    ['a map that is no list of numbers', pax01('2,x', '10', 'abcd'), /sparse map/],
    ['a negative offset', pax01('-2,4', '10', 'abcd'), /sparse map/],
    ['no size', [rawPax({ 'GNU.sparse.map': '0,1' }), rawEntry({}, 'a')], /without its size/],
    [
      'an unknown form',
      [rawPax({ 'GNU.sparse.major': '2', 'GNU.sparse.minor': '0' }), rawEntry({})],
      /form 2\.0/,
    ],
    ['a 1.0 map without numbers', pax10('x\n', '10', ''), /sparse map/],
    ['a 1.0 map without newlines', pax10('1'.repeat(512), '10', ''), /does not begin/],
    ['a 1.0 map longer than the data', pax10(`${'900\n'.repeat(2)}`, '10', ''), /sparse map/],
    ['an old GNU map in a ustar header', [rawEntry({ typeFlag: 'S' })], /a form other than/],
    ['a 1.0 map with an endless number', pax10(`2\n${'0'.repeat(600)}`, '10', ''), /too long/],
    [
      'a sparse directory',
      [rawPax({ 'GNU.sparse.map': '0,0', 'GNU.sparse.size': '1' }), rawEntry({ typeFlag: '5' })],
      /a sparse directory/,
    ],
    ['a NUL in the real name', [rawPax({ 'GNU.sparse.name': 'a\0b' }), rawEntry({})], /NUL/],
    ['a sparse map in a global header', [rawPax({ 'GNU.sparse.map': '0,0' }, 'g'), rawEntry({})], /global/],
    [
      '0.0 with sizes before offsets',
      [rawPax({ 'GNU.sparse.numbytes': '1', 'GNU.sparse.offset': '0' }), rawEntry({}, 'a')],
      /expected the PAX record GNU.sparse.offset/,
    ],
  ])('%s: an error', async (_, parts, message) => {
    await expect(collectTar(rawTar(...parts))).rejects.toMatchObject({
      code: 'tar',
      message: expect.stringMatching(message),
    });
  });

  it('a map that does not end is bounded', async () => {
    const endless = async function* () {
      yield Buffer.concat(pax10('999999999\n', '10', '').map((part) => part)).subarray(0, -512);
    };
    const visitor = { entry() {}, data() {}, end() {} };
    await expect(readTar(endless(), visitor, 'test')).rejects.toThrow(/cut short/);
    const header = rawHeader({ size: 2 ** 30 });
    const records = rawPax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '1' });
    const tar = Buffer.concat([records, header, Buffer.alloc(2 ** 20 + 512, '9999999999\n')]);
    await expect(collectTar(tar)).rejects.toThrow(/sparse map of more than 1048576 bytes/);
  });

  it('holes beyond the limit are refused before anything is shown', async () => {
    const terabyte = String(2 ** 40);
    const tar = rawTar(...pax01(`${terabyte},0`, terabyte, ''));
    const seen: unknown[] = [];
    const visitor = { entry: (entry: unknown) => void seen.push(entry), data() {}, end() {} };
    await expect(readTar(piecesOf(tar, 512), visitor, 'test')).rejects.toThrow(
      /holes .* more than 68719476736/,
    );
    expect(seen).toEqual([]);
  });

  it('the limit counts all holes of a tar together', async () => {
    const hole = pax01('100,0', '100', '');
    const limits = { ...defaultTarLimits, maxHoleBytes: 250 };
    expect(await collectTar(rawTar(...hole, ...hole), 512, limits)).toHaveLength(2);
    await expect(collectTar(rawTar(...hole, ...hole, ...hole), 512, limits)).rejects.toThrow(/holes/);
  });
});
