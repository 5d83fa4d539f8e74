import { spawnSync } from 'node:child_process';
import { extract, pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { tarBytes } from '../../src/tar/write-tar.ts';
import { type Collected, collectTar } from '../support/tar/collect-tar.ts';
import { inScratch, run } from '../support/tar/foreign-tool.ts';
import { foreignTar, makeSparseFile, makeTree, noise } from '../support/tar/sample-tree.ts';
import { hasNeededTool } from '../support/tool.ts';

const byName = (entries: readonly Collected[]) =>
  new Map(entries.map((collected) => [collected.entry.name.replace(/\/$/, ''), collected]));

const makers = [
  ['tar', 'v7', ['-f', '-', '--format=v7'], false],
  ['tar', 'oldgnu', ['-f', '-', '--format=oldgnu'], true],
  ['tar', 'gnu', ['-f', '-', '--format=gnu'], true],
  ['tar', 'ustar', ['-f', '-', '--format=ustar'], false],
  ['tar', 'posix', ['-f', '-', '--format=posix'], true],
  [
    'tar',
    'posix with globals',
    ['-f', '-', '--format=posix', '--pax-option=globexthdr.name=g,comment=hello'],
    true,
  ],
  ['tar', 'gnu with a label', ['-f', '-', '--format=gnu', '--label=LABEL'], true],
  ['bsdtar', 'pax', ['-f', '-', '--format=pax'], true],
  ['bsdtar', 'ustar', ['-f', '-', '--format=ustar'], false],
  ['bsdtar', 'gnutar', ['-f', '-', '--format=gnutar'], true],
] as const;

describe.each(makers)('%s, %s', (tool, _, args, hasLongNames) => {
  it.runIf(hasNeededTool(tool))('is read as the tree that it was made from', async () => {
    await inScratch(async (directory) => {
      const expected = makeTree(directory, { hasLongNames });
      const entries = byName(await collectTar(foreignTar(tool, directory, [...args, 't'])));
      for (const [name, facts] of expected) {
        const found = entries.get(name);
        // Of two names of one file, the one that comes second is the link.
        if (found?.entry.type === 'hardlink' && name === 't/f513') continue;
        const { content, ...attributes } = facts;
        expect(found?.entry, name).toMatchObject(attributes);
        expect(found?.content.equals(content), name).toBe(true);
      }
      const pair = ['t/f513', 't/f513-again'].map((name) => entries.get(name));
      expect(pair.map((each) => each?.entry.type).sort()).toEqual(['file', 'hardlink']);
      expect(['t/f513', 't/f513-again']).toContain(pair.find((each) => each?.entry.linkName)?.entry.linkName);
      expect(pair.find((each) => each?.entry.type === 'file')?.content).toEqual(noise(513));
    });
  });
});

const sparseMakers = [
  ['tar', 'oldgnu', ['-f', '-', '--sparse', '--format=oldgnu']],
  ['tar', 'gnu', ['-f', '-', '--sparse', '--format=gnu']],
  ['tar', 'posix 0.0', ['-f', '-', '--sparse', '--format=posix', '--sparse-version=0.0']],
  ['tar', 'posix 0.1', ['-f', '-', '--sparse', '--format=posix', '--sparse-version=0.1']],
  ['tar', 'posix 1.0', ['-f', '-', '--sparse', '--format=posix', '--sparse-version=1.0']],
  ['bsdtar', 'pax', ['-f', '-', '--read-sparse', '--format=pax']],
] as const;

describe.each(sparseMakers)('sparse files of %s, %s', (tool, _, args) => {
  // 4 regions fit the old header, 25 its first extension block; 80 need several, and a map of several blocks in 1.0.
  it.runIf(hasNeededTool(tool)).each([0, 1, 4, 5, 25, 26, 80])('with %i stored parts', async (count) => {
    await inScratch(async (directory) => {
      const name = count === 80 ? `${'n'.repeat(120)}` : 'holes';
      const content = makeSparseFile(`${directory}/${name}`, count, 12_000_001);
      const tar = foreignTar(tool, directory, [...args, name]);
      expect(tar.length).toBeLessThan(1_000_000);
      for (const pieceBytes of [100, 65_536]) {
        const [found, ...others] = await collectTar(tar, pieceBytes);
        expect(others).toEqual([]);
        expect(found?.entry).toMatchObject({ name, type: 'file', sizeBytes: 12_000_001 });
        expect(found?.content.equals(content)).toBe(true);
      }
    });
  });
});

const attributes = { mode: 0o644, uid: 12, gid: 34, mtimeSeconds: 1_700_000_000 };
const written = [
  { ...attributes, kind: 'directory', name: 'd', mode: 0o750 },
  { ...attributes, kind: 'file', name: 'd/empty', content: Buffer.alloc(0) },
  {
    ...attributes,
    kind: 'file',
    name: 'd/full',
    content: noise(1000),
    uid: 3_000_000,
    mtimeSeconds: 1_700_000_000.5,
  },
  { ...attributes, kind: 'file', name: `d/${'p/'.repeat(100)}${'n'.repeat(180)}`, content: noise(1) },
  { ...attributes, kind: 'symlink', name: 'd/link', linkName: 'l'.repeat(250) },
  { ...attributes, kind: 'file', name: 'd/bytes-\xe9', content: noise(512) },
  { ...attributes, kind: 'hardlink', name: 'd/twin', linkName: 'd/full' },
] as const;

describe('what gsc writes', () => {
  it.runIf(hasNeededTool('tar'))(
    'is unpacked by GNU tar to the same bytes, and made into the same tar again',
    async () => {
      await inScratch(async (directory) => {
        run('tar', ['-x', '-p', '-f', '-', '-C', directory], tarBytes(written));
        const again = byName(
          await collectTar(foreignTar('tar', directory, ['-f', '-', '--format=posix', 'd'])),
        );
        for (const entry of written) {
          const found = again.get(entry.name)?.entry;
          if (found?.type === 'hardlink') continue;
          expect(found).toMatchObject({ mode: entry.kind === 'symlink' ? 0o777 : entry.mode });
          expect(found?.mtimeSeconds).toBe(entry.kind === 'hardlink' ? 1_700_000_000.5 : entry.mtimeSeconds);
          if (entry.kind === 'file') expect(again.get(entry.name)?.content).toEqual(entry.content);
        }
      });
    },
  );

  it.runIf(hasNeededTool('tar'))('is listed by GNU tar without a warning', () => {
    const args = ['-tv', '--numeric-owner', '--full-time', '-f', '-'];
    const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
    const { stdout, stderr, status } = spawnSync('tar', args, { input: tarBytes(written), env });
    expect([status, stderr.toString()]).toEqual([0, '']);
    const listing = stdout.toString('latin1');
    expect(listing.split('\n').slice(0, 3)).toEqual([
      'drwxr-x--- 12/34             0 2023-11-14 22:13:20 d/',
      '-rw-r--r-- 12/34             0 2023-11-14 22:13:20 d/empty',
      '-rw-r--r-- 3000000/34     1000 2023-11-14 22:13:20.5 d/full',
    ]);
  });

  it.runIf(hasNeededTool('bsdtar'))('is made over by bsdtar without a change of meaning', async () => {
    const ours = tarBytes(written);
    const theirs = run('bsdtar', ['-c', '--format=pax', '-f', '-', '@-'], ours);
    const strip = (entries: readonly Collected[]) =>
      entries.map(({ entry, content }) => ({
        ...entry,
        headerOffset: 0,
        content: content.toString('hex'),
      }));
    expect(strip(await collectTar(theirs))).toEqual(strip(await collectTar(ours)));
  });

  it('is read by tar-stream', async () => {
    const names: string[] = [];
    const reader = extract();
    reader.end(tarBytes(written.filter((entry) => !entry.name.includes('\xe9'))));
    for await (const entry of reader) {
      names.push(entry.header.name.replace(/\/$/, ''));
      entry.resume();
    }
    expect(names).toEqual(written.map((entry) => entry.name).filter((name) => !name.includes('\xe9')));
  });
});

describe('what tar-stream writes', () => {
  it('is read with the same names and contents', async () => {
    const packer = pack();
    const files = ['a', `${'d/'.repeat(120)}b`, '\u00e9'.repeat(80)];
    for (const name of files) packer.entry({ name, mtime: new Date(0) }, name);
    packer.finalize();
    const pieces: Buffer[] = [];
    for await (const piece of packer) pieces.push(piece as Buffer);
    const found = await collectTar(Buffer.concat(pieces));
    const texts = found.map(({ entry, content }) => [
      Buffer.from(entry.name, 'latin1').toString(),
      content.toString(),
    ]);
    expect(texts).toEqual(files.map((name) => [name, name]));
  });
});
