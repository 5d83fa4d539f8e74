import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Digest, digestOf, digestOfHex } from '../../src/base/digest.ts';
import { type ImagePath, imagePath } from '../../src/base/image-path.ts';
import { libraryDataKinds } from '../../src/elf/library-data.ts';
import type { LayerIndex } from '../../src/scan/layer-index.ts';
import { decodeLayerIndex, encodeLayerIndex, layerIndexFormat } from '../../src/scan/layer-index-codec.ts';
import { scanLayer } from '../../src/scan/scan-layer.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';
import { layerFrom, tarWith } from '../support/scan/made-layers.ts';

const diffId: Digest = digestOf('layer');

const byteString = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const path = byteString.map(imagePath);
const id = fc.oneof(fc.nat(70_000), fc.maxSafeInteger());
const ownership = { mode: fc.nat(0o7777), uid: id, gid: id };
const sha256 = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const program = fc.oneof(
  fc.record(
    { kind: fc.constant('script' as const), interpreter: byteString, argument: byteString },
    { requiredKeys: ['kind', 'interpreter'] },
  ),
  fc.record(
    {
      kind: fc.constant('elf' as const),
      machine: fc.nat(65535),
      interpreter: byteString,
      definedVersions: fc.array(byteString),
      libraryData: fc.record(Object.fromEntries(libraryDataKinds.map((kind) => [kind, path])), {
        requiredKeys: [],
      }),
    },
    { requiredKeys: ['kind', 'machine'] },
  ),
);
const fileEntry = fc.record(
  {
    kind: fc.constant('file' as const),
    path,
    ...ownership,
    sizeBytes: fc.maxSafeNat(),
    sha256,
    program,
    content: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  },
  { requiredKeys: ['kind', 'path', 'mode', 'uid', 'gid', 'sizeBytes', 'sha256'] },
);
const entry: fc.Arbitrary<LayerEntry> = fc.oneof(
  fileEntry,
  fc.record({ kind: fc.constant('directory' as const), path, ...ownership }),
  fc.record({ kind: fc.constant('symlink' as const), path, ...ownership, target: byteString }),
  fc.record({ kind: fc.constant('hardlink' as const), path, target: path }),
  fc.record({
    kind: fc.constant('special' as const),
    path,
    ...ownership,
    type: fc.constantFrom('fifo' as const, 'character-device' as const, 'block-device' as const),
  }),
  fc.record({ kind: fc.constantFrom('whiteout' as const, 'opaque' as const), path }),
) as fc.Arbitrary<LayerEntry>;
const layerIndex: fc.Arbitrary<LayerIndex> = fc.record({
  diffId: sha256.map(digestOfHex),
  sizeBytes: fc.maxSafeNat(),
  entries: fc.array(entry),
});

/** One entry of each kind, with everything that an entry can have. */
const sampleEntries: readonly LayerEntry[] = [
  { kind: 'directory', path: imagePath('/etc'), mode: 0o755, uid: 0, gid: 0 },
  {
    kind: 'file',
    path: imagePath('/etc/passwd'),
    mode: 0o4644,
    uid: 1000,
    gid: -7,
    sizeBytes: 5,
    sha256: createHash('sha256').update('root:').digest('hex'),
    content: Buffer.from('root:'),
  },
  {
    kind: 'file',
    path: imagePath('/etc/run'),
    mode: 0o755,
    uid: 0,
    gid: 2 ** 40,
    sizeBytes: 2 ** 45,
    sha256: 'ab'.repeat(32),
    program: { kind: 'script', interpreter: '/bin/\xffsh', argument: '-e x' },
  },
  {
    kind: 'file',
    path: imagePath('/bin/ls'),
    mode: 0o755,
    uid: 0,
    gid: 0,
    sizeBytes: 0,
    sha256: 'cd'.repeat(32),
    program: { kind: 'elf', machine: 62, interpreter: '/lib64/ld.so' },
  },
  {
    kind: 'file',
    path: imagePath('/lib/libc.so.6'),
    mode: 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: 1,
    sha256: 'ef'.repeat(32),
    program: {
      kind: 'elf',
      machine: 62,
      definedVersions: ['GLIBC_2.2.5'],
      libraryData: { 'local time': imagePath('/etc/localtime'), messages: imagePath('/usr/share/locale') },
    },
  },
  { kind: 'symlink', path: imagePath('/bin/l'), mode: 0o777, uid: 0, gid: 0, target: '../\x80' },
  { kind: 'hardlink', path: imagePath('/bin/m'), target: imagePath('/bin/ls') },
  { kind: 'special', path: imagePath('/dev/f'), mode: 0o600, uid: 0, gid: 0, type: 'fifo' },
  { kind: 'special', path: imagePath('/dev/c'), mode: 0o600, uid: 0, gid: 0, type: 'character-device' },
  { kind: 'special', path: imagePath('/dev/b'), mode: 0o600, uid: 0, gid: 0, type: 'block-device' },
  { kind: 'whiteout', path: imagePath('/gone') },
  { kind: 'opaque', path: imagePath('/') },
];
const sample: LayerIndex = { diffId, sizeBytes: 10240, entries: sampleEntries };

describe('encodeLayerIndex', () => {
  it('is undone by decodeLayerIndex, for all entries that there can be', () => {
    fc.assert(
      fc.property(layerIndex, (index) => {
        expect(decodeLayerIndex(encodeLayerIndex(index))).toEqual(index);
      }),
    );
  });

  it('keeps every kind of entry exactly, and ignored keys', () => {
    expect(decodeLayerIndex(encodeLayerIndex(sample))).toStrictEqual(sample);
    const withKeys = { ...sample, ignoredKeys: ['path', '\xff'] };
    expect(decodeLayerIndex(encodeLayerIndex(withKeys))).toStrictEqual(withKeys);
  });

  it('keeps what a scan of a layer found out, programs and contents included', async () => {
    const layer = layerFrom(
      await tarWith([
        ['etc/passwd', 'root:x:0:0::/:\n'],
        ['bin/run', '#!/bin/sh -e\n', 0o755],
        ['bin/\u00e9', { link: 'run' }],
        ['usr/.wh.gone', ''],
        ['usr/.wh..wh..opq', ''],
      ]),
    );
    const index = await scanLayer(layer, { subject: 'test' });
    expect(decodeLayerIndex(encodeLayerIndex(index))).toStrictEqual(index);
  });

  it('changes only together with the name of its format, which cached indexes are found by', () => {
    const bytes = createHash('sha256').update(encodeLayerIndex(sample)).digest('hex').slice(0, 16);
    expect([layerIndexFormat, bytes]).toEqual(['4-32627de7', '77aae61cfc746104']);
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 53])('refuses %d as a size', (sizeBytes) => {
    expect(() => encodeLayerIndex({ ...sample, sizeBytes })).toThrow(RangeError);
  });

  it.each(['', 'ab', 'zz'.repeat(32), 'ab'.repeat(33)])('refuses %j as a SHA-256', (text) => {
    const file = { ...sampleEntries[1], sha256: text } as LayerEntry;
    expect(() => encodeLayerIndex({ ...sample, entries: [file] })).toThrow(RangeError);
  });

  it('takes under 60 bytes per file, at 40,000 files', () => {
    const entries = Array.from({ length: 40_000 }, (_, i): LayerEntry => {
      const path =
        `/usr/lib/python3/dist-packages/package${Math.floor(i / 40)}/module${i % 40}.py` as ImagePath;
      const hex = createHash('sha256').update(path).digest('hex');
      return { kind: 'file', path, mode: 0o644, uid: 0, gid: 0, sizeBytes: i * 37, sha256: hex };
    });
    const bytes = encodeLayerIndex({ ...sample, entries });
    expect(bytes.length / entries.length).toBeLessThan(60);
    expect(decodeLayerIndex(bytes).entries).toHaveLength(entries.length);
  });
});

describe('decodeLayerIndex', () => {
  const bytes = encodeLayerIndex(sample);

  it('refuses bytes that are cut short, wherever', () => {
    for (let end = 0; end < bytes.length; end++) {
      expect(() => decodeLayerIndex(bytes.subarray(0, end)), String(end)).toThrow(/layer index/);
    }
  });

  it('refuses bytes after the last entry', () => {
    expect(() => decodeLayerIndex(Buffer.concat([bytes, Buffer.of(0)]))).toThrow(/after the last entry/);
  });

  it('any bytes are an index or a cache error, in bounded memory', () => {
    const head = bytes.subarray(0, 32);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (rest) => {
        try {
          decodeLayerIndex(Buffer.concat([head, rest]));
        } catch (error) {
          expect(error).toMatchObject({ code: 'cache' });
        }
      }),
    );
  });

  it.each([
    ['an unknown kind of entry', [9, 0, 1, 47]],
    ['a path that shares more than there is', [7, 1, 0]],
    ['an unknown form of program', [0x10, 0, 1, 47, 0, 0, 0, 0, ...new Array(32).fill(1), 9]],
    ['a number beyond 2^53', [7, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0]],
  ])('refuses %s', (_, entryBytes) => {
    const file = Buffer.from([...bytes.subarray(0, 32), 0, 1, ...entryBytes]);
    expect(() => decodeLayerIndex(file)).toThrow(/cannot be decoded/);
  });

  it('keeps no other bytes alive through the contents that it gives', () => {
    const [, passwd] = decodeLayerIndex(bytes).entries;
    expect(passwd?.kind === 'file' && passwd.content?.buffer).not.toBe(bytes.buffer);
  });
});
