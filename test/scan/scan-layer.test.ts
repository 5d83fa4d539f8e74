import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/base/digest.ts';
import { scanLayer } from '../../src/scan/scan-layer.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';
import { gzipped, layerFrom, type MadeEntry, sha256Of, tarWith } from '../support/scan/made-layers.ts';
import { rawEntry, rawPax, rawTar } from '../support/tar/raw-tar.ts';

const options = { subject: 'test' };

async function entriesOf(entries: readonly MadeEntry[]): Promise<readonly LayerEntry[]> {
  return (await scanLayer(layerFrom(await tarWith(entries)), options)).entries;
}

describe('scanLayer', () => {
  it('lists files with their SHA-256, in the order of the tar', async () => {
    const entries = await entriesOf([
      ['b', 'two', 0o755],
      ['dir/', null, 0o700],
      ['a', ''],
    ]);
    expect(entries).toEqual([
      { kind: 'file', path: '/b', mode: 0o755, uid: 0, gid: 0, sizeBytes: 3, sha256: sha256Of('two') },
      { kind: 'directory', path: '/dir', mode: 0o700, uid: 0, gid: 0 },
      { kind: 'file', path: '/a', mode: 0o644, uid: 0, gid: 0, sizeBytes: 0, sha256: sha256Of('') },
    ]);
  });

  it('lists links', async () => {
    const entries = await entriesOf([
      ['file', 'x'],
      ['soft', { link: '../some/where' }],
      ['hard', { hard: './file' }],
    ]);
    expect(entries.slice(1)).toMatchObject([
      { kind: 'symlink', path: '/soft', target: '../some/where' },
      { kind: 'hardlink', path: '/hard', target: '/file' },
    ]);
  });

  it.each([
    ['./a/./b', '/a/b'],
    ['/absolute', '/absolute'],
    ['a/../../../etc/x', '/etc/x'],
    ['a//b', '/a/b'],
    ['.wh.a/b', '/.wh.a/b'],
  ])('cleans the name %s to %s', async (name, path) => {
    expect(await entriesOf([[name, 'x']])).toMatchObject([{ kind: 'file', path }]);
  });

  it('the root may have an entry', async () => {
    expect(await entriesOf([['./', null, 0o711]])).toMatchObject([
      { kind: 'directory', path: '/', mode: 0o711 },
    ]);
  });

  it('whiteouts and opaque markers become entries', async () => {
    const entries = await entriesOf([
      ['d/.wh.gone', ''],
      ['d/.wh..wh..opq', ''],
      ['.wh.top', ''],
      ['.wh..hidden', ''],
    ]);
    expect(entries).toEqual([
      { kind: 'whiteout', path: '/d/gone' },
      { kind: 'opaque', path: '/d' },
      { kind: 'whiteout', path: '/top' },
      { kind: 'whiteout', path: '/.hidden' },
    ]);
  });

  it("AUFS' own names are whiteouts like others, and what is below them is listed", async () => {
    const entries = await entriesOf([
      ['.wh..wh.aufs', ''],
      ['.wh..wh.plnk/', null],
      ['.wh..wh.plnk/12.34', 'x'],
      ['linked', { hard: '.wh..wh.plnk/12.34' }],
      ['d/.wh..wh..opaque/', null],
      ['d/.wh..wh..opq/x', 'y'],
    ]);
    expect(entries).toMatchObject([
      { kind: 'whiteout', path: '/.wh.aufs' },
      { kind: 'whiteout', path: '/.wh.plnk' },
      { kind: 'file', path: '/.wh..wh.plnk/12.34' },
      { kind: 'hardlink', path: '/linked', target: '/.wh..wh.plnk/12.34' },
      { kind: 'whiteout', path: '/d/.wh..opaque' },
      { kind: 'file', path: '/d/.wh..wh..opq/x' },
    ]);
  });

  it('keys of global PAX headers that would change entries are listed, others are not', async () => {
    const tar = rawTar(
      rawPax({ comment: 'c', mtime: '3', path: 'evil', uid: '7' }, 'g'),
      rawPax({ path: 'evil', size: '5' }, 'g'),
      rawEntry({ name: 'a' }, 'abc'),
    );
    const index = await scanLayer(layerFrom(tar), options);
    expect(index.ignoredKeys).toEqual(['path', 'size', 'uid']);
    expect(index.entries).toMatchObject([{ path: '/a', uid: 0, sizeBytes: 3 }]);
    const comment = rawTar(rawPax({ comment: 'c', mtime: '3' }, 'g'), rawEntry({ name: 'a' }));
    expect(await scanLayer(layerFrom(comment), options)).not.toHaveProperty('ignoredKeys');
  });

  it.each(['.wh.', 'd/.wh..', 'd/.wh...'])(
    'the whiteout %s, which names nothing, is an error',
    async (name) => {
      await expect(entriesOf([[name, '']])).rejects.toThrow(/does not name what it removes/);
    },
  );

  it('keeps the content of the few small files that graminizing reads', async () => {
    const entries = await entriesOf([
      ['etc/passwd', 'root:x:0:0::/:/bin/sh\n'],
      ['etc/ld.so.conf.d/a.conf', '/opt/lib\n'],
      ['etc/group', Buffer.alloc((1 << 20) + 1)],
      ['etc/other', 'x'],
      ['home/etc/passwd', 'x'],
    ]);
    expect(entries.map((entry) => 'content' in entry && entry.content?.toString())).toEqual([
      'root:x:0:0::/:/bin/sh\n',
      '/opt/lib\n',
      false,
      false,
      false,
    ]);
  });

  it('names how programs start', async () => {
    const entries = await entriesOf([['s', '#!/bin/sh -e\n']]);
    expect(entries).toMatchObject([{ program: { kind: 'script', interpreter: '/bin/sh', argument: '-e' } }]);
  });

  it('gives the same index whatever the pieces and the compression', async () => {
    const tar = await tarWith([
      ['big', Buffer.alloc(300_000, 7)],
      ['etc/passwd', 'root:x:0:0::/:/bin/sh\n'],
      ['s', `#!/bin/sh ${'x'.repeat(300)}\n`],
    ]);
    const index = await scanLayer(layerFrom(tar), options);
    expect(index.sizeBytes).toBe(tar.length);
    expect(index.diffId).toBe(digestOf(tar));
    for (const pieceBytes of [1, 7, 511, 4096, 1 << 20]) {
      const layer = pieceBytes === 7 ? gzipped(tar, { pieceBytes }) : layerFrom(tar, { pieceBytes });
      expect(await scanLayer(layer, options)).toEqual(index);
    }
  });

  it('tells how many of the compressed bytes are being read', async () => {
    const layer = gzipped(await tarWith([['a', 'x']]), { pieceBytes: 10 });
    let readBytes = 0;
    const onRead = (sizeBytes: number) => {
      readBytes += sizeBytes;
    };
    await scanLayer(layer, { ...options, onRead });
    expect(readBytes).toBe(layer.descriptor.sizeBytes);
  });

  it('a layer with another diffId is refused, with both digests', async () => {
    const tar = await tarWith([['a', 'x']]);
    const other = digestOf('other');
    for (const layer of [layerFrom(tar), gzipped(tar)]) {
      await expect(scanLayer({ ...layer, diffId: other }, options)).rejects.toMatchObject({
        code: 'blob',
        message: expect.stringContaining(`expected ${other}, got ${digestOf(tar)}`),
      });
    }
  });

  it('a compressed layer whose diffId is its own digest is refused', async () => {
    const layer = gzipped(await tarWith([['a', 'x']]));
    await expect(scanLayer({ ...layer, diffId: layer.descriptor.digest }, options)).rejects.toThrow(
      /a different digest/,
    );
  });

  it('any flipped byte of a blob is an error', async () => {
    const tar = await tarWith([['a', 'content']]);
    const layer = layerFrom(tar);
    for (const at of [0, 100, 512, 515, tar.length - 1]) {
      const stored = Buffer.from(tar);
      stored[at] = (stored[at] ?? 0) ^ 1;
      const damaged = { ...layerFrom(tar, { stored }), diffId: layer.diffId };
      await expect(scanLayer(damaged, options)).rejects.toThrow();
    }
  });

  it('a blob that is cut short is an error', async () => {
    const tar = await tarWith([['a', 'content']]);
    const layer = layerFrom(tar);
    const cut = { ...layerFrom(tar, { stored: tar.subarray(0, 700) }), diffId: layer.diffId };
    await expect(scanLayer(cut, options)).rejects.toThrow();
  });

  it('ends on request', async () => {
    const controller = new AbortController();
    controller.abort();
    const layer = layerFrom(await tarWith([['a', 'x']]));
    await expect(scanLayer(layer, { ...options, signal: controller.signal })).rejects.toMatchObject({
      code: 'aborted',
    });
  });

  it("keeps the versions that glibc's own libraries define, and those of no other file", async () => {
    // The one that this process has loaded.
    const path = /\/\S*\/libc\.so\.6$/m.exec(readFileSync('/proc/self/maps', 'utf8'))?.[0];
    const libc = readFileSync(path ?? expect.fail('Node does not run on glibc'));
    const entries = await entriesOf([
      ['lib/libc.so.6', libc],
      ['lib/libc-2.31.so', libc],
      ['lib/libother.so.6', libc],
      ['cut/libc.so.6', libc.subarray(0, 100_000)],
      ['text/libc.so.6', 'GROUP ( /lib/libc.so.6 )'],
    ]);
    const versions = entries.map(
      (entry) => entry.kind === 'file' && entry.program?.kind === 'elf' && entry.program.definedVersions,
    );
    expect(versions[0]).toEqual(expect.arrayContaining(['GLIBC_2.2.5', 'GLIBC_2.34']));
    expect(versions[1]).toEqual(versions[0]);
    expect(versions.slice(2)).toEqual([undefined, false, false]);
  });
});
