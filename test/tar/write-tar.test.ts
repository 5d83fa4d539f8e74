import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/base/digest.ts';
import { type TarInput, tarBytes, tarEnd, tarHeader, tarPadding } from '../../src/tar/write-tar.ts';
import { collectTar } from '../support/tar/collect-tar.ts';

const plain = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };
const file = (name: string, more: object = {}): TarInput => ({
  ...plain,
  kind: 'file',
  name,
  content: Buffer.alloc(0),
  ...more,
});

const name = fc
  .uint8Array({ minLength: 1, maxLength: 400 })
  .map((bytes) => Buffer.from(bytes).toString('latin1').replaceAll('\0', 'n'));
const time = fc.oneof(
  fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  fc.integer({ min: -4e9, max: 4e9 }).map((quarters) => quarters / 4),
);
const common = {
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
  gid: fc.integer({ min: 0, max: 2 ** 32 - 2 }),
  mtimeSeconds: time,
};
const input: fc.Arbitrary<TarInput> = fc.oneof(
  fc.record({
    ...common,
    kind: fc.constant('file' as const),
    name,
    content: fc.uint8Array({ maxLength: 1200 }).map((b) => Buffer.from(b)),
  }),
  fc.record({ ...common, kind: fc.constant('directory' as const), name }),
  fc.record({
    ...common,
    kind: fc.constantFrom('symlink' as const, 'hardlink' as const),
    name,
    linkName: name,
  }),
);

describe('tarBytes', () => {
  it('gives back what was written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(input, { maxLength: 5 }), async (entries) => {
        const read = await collectTar(tarBytes(entries));
        expect(read.length).toBe(entries.length);
        read.forEach(({ entry, content }, i) => {
          const { kind, name, mode, uid, gid, mtimeSeconds, ...rest } = entries[i] as TarInput;
          const fullName = kind === 'directory' && !name.endsWith('/') ? `${name}/` : name;
          expect(entry).toMatchObject({ type: kind, name: fullName, mode, uid, gid, mtimeSeconds });
          expect(entry.linkName).toBe('linkName' in rest ? rest.linkName : '');
          expect(content).toEqual('content' in rest ? rest.content : Buffer.alloc(0));
        });
      }),
      { numRuns: 300 },
    );
  });

  it('has these very bytes, whatever the machine', () => {
    const tar = tarBytes([
      { ...plain, kind: 'directory', name: 'gramine', mode: 0o755, mtimeSeconds: 1_700_000_000 },
      file(`gramine/${'x'.repeat(200)}`, { content: Buffer.from('hello'), mtimeSeconds: 0.25 }),
    ]);
    expect(tar.length).toBe(7 * 512);
    expect(digestOf(tar)).toBe('sha256:686b981e7909e11af0adfbc53971ed7703c4b1fbf7c60fb0a86f82b3699c6fd7');
  });

  it.each([
    ['100 bytes of name', 'n'.repeat(100), 512],
    ['155 bytes of directory and 100 of name', `${'d'.repeat(155)}/${'n'.repeat(100)}`, 512],
    ['101 bytes without a slash', 'n'.repeat(101), 1536],
    ['156 bytes of directory', `${'d'.repeat(156)}/n`, 1536],
    ['a leading slash that is the only one', `/${'n'.repeat(120)}`, 1536],
  ])('%s: a header of the size that it needs', (_, longName, sizeBytes) => {
    expect(tarHeader({ ...plain, kind: 'file', name: longName, sizeBytes: 0 }).length).toBe(sizeBytes);
  });

  it('a directory name of 100 bytes and its slash needs no PAX if it can be split', async () => {
    const directory = `${'d'.repeat(50)}/${'e'.repeat(49)}`;
    expect(tarBytes([{ ...plain, kind: 'directory', name: directory }]).length).toBe(1536);
  });

  it('PAX values that are not UTF-8 are declared binary', () => {
    const header = tarHeader({ ...plain, kind: 'file', name: '\xff'.repeat(101), sizeBytes: 0 });
    expect(header.toString('latin1')).toContain('21 hdrcharset=BINARY\n111 path=\xff');
  });

  it.each([
    [2 ** 33 - 1, 512],
    [2 ** 33, 1536],
    [Number.MAX_SAFE_INTEGER, 1536],
  ])('a member of %i bytes may be streamed', async (sizeBytes, headerBytes) => {
    const header = tarHeader({ ...plain, kind: 'file', name: 'big', sizeBytes });
    expect(header.length).toBe(headerBytes);
    await expect(collectTar(header)).rejects.toThrow(
      sizeBytes === Number.MAX_SAFE_INTEGER
        ? /cut short/
        : `expected ${sizeBytes + tarPadding(sizeBytes).length}`,
    );
  });

  it('padding fills up a block, and the end is two blocks', () => {
    expect([0, 1, 511, 512, 513].map((size) => tarPadding(size).length)).toEqual([0, 511, 1, 0, 511]);
    expect(tarEnd()).toEqual(Buffer.alloc(1024));
  });

  it.each([
    ['an empty name', file('')],
    ['a NUL in a name', file('a\0b')],
    ['a name that is not in bytes', file('\u20ac')],
    ['an empty link', { ...plain, kind: 'symlink', name: 'a', linkName: '' }],
    ['a mode of more than 12 bits', file('a', { mode: 0o100644 })],
    ['a negative uid', file('a', { uid: -1 })],
    ['a gid with a fraction', file('a', { gid: 1.5 })],
    ['no time', file('a', { mtimeSeconds: Number.NaN })],
  ])('%s: a RangeError', (_, entry) => {
    expect(() => tarBytes([entry as TarInput])).toThrow(RangeError);
  });
});
