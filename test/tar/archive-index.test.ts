import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type ArchiveEntry, indexArchive } from '../../src/tar/archive-index.ts';
import { formatPax } from '../../src/tar/pax.ts';
import { tarBytes, tarHeader, tarPadding } from '../../src/tar/write-tar.ts';
import { run } from '../support/store/sample.ts';
import { testWithTool } from '../support/tool.ts';

const scratch = mkdtempSync(join(tmpdir(), 'gsc-index-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const attributes = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };
const content = Buffer.from('content');
const plain = tarBytes([{ kind: 'file', name: 'a', content, ...attributes }]);

async function index(bytes: Buffer): Promise<readonly ArchiveEntry[]> {
  const path = join(scratch, 'x.tar');
  writeFileSync(path, bytes);
  return withFile(path, (file) => indexArchive(file, 'x.tar'));
}

async function withFile<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

/** An extension header of type `flag` with the records, as the bytes before an entry. */
function extension(flag: string, bytes: Buffer): Buffer {
  const header = tarHeader({ kind: 'file', name: 'ext', sizeBytes: bytes.length, ...attributes });
  header.write(flag, 156, 'latin1');
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([header, bytes, tarPadding(bytes.length)]);
}

function pax(records: Record<string, string>): Buffer {
  return formatPax(new Map(Object.entries(records)));
}

describe('the index of an archive', () => {
  testWithTool('tar', 'finds every file, link and content that GNU tar packed, in every format', async () => {
    const directory = join(scratch, 'tree');
    const long = `${'d'.repeat(90)}/${'e'.repeat(90)}/${'f'.repeat(120)}`;
    mkdirSync(join(directory, long, '..'), { recursive: true });
    writeFileSync(join(directory, long), 'long');
    writeFileSync(join(directory, 'ünï'), 'utf-8');
    writeFileSync(join(directory, 'empty'), '');
    symlinkSync(long, join(directory, 'link'));
    run('ln', join(directory, long), join(directory, 'z-hard'));
    const name = (text: string) => Buffer.from(text).toString('latin1');
    for (const format of ['gnu', 'posix', 'oldgnu']) {
      const path = join(scratch, `${format}.tar`);
      run('tar', '-C', directory, '--sort=name', `--format=${format}`, '-cf', path, '.');
      await withFile(path, async (file) => {
        const entries = await indexArchive(file, path);
        expect(entries.map((entry) => entry.name).sort(), format).toEqual(
          ['./empty', './link', `./${long}`, './z-hard', name('./ünï')].sort(),
        );
        expect(entries).toContainEqual({ kind: 'symlink', name: './link', target: long });
        expect(entries).toContainEqual({ kind: 'hardlink', name: './z-hard', target: `./${long}` });
        for (const [wanted, text] of [
          [`./${long}`, 'long'],
          [name('./ünï'), 'utf-8'],
        ] as const) {
          const entry = entries.find((found) => found.name === wanted);
          if (entry?.kind !== 'file') throw new Error(`${wanted} is no file`);
          const { buffer } = await file.read(Buffer.alloc(entry.sizeBytes), 0, entry.sizeBytes, entry.offset);
          expect(buffer.toString()).toBe(text);
        }
      });
    }
  });

  test('believes the PAX records of the entry before its header', async () => {
    const records = pax({ path: 'other', size: '7', comment: 'x' });
    expect(await index(Buffer.concat([extension('x', records), plain]))).toEqual([
      { kind: 'file', name: 'other', offset: 1536, sizeBytes: 7 },
    ]);
  });

  test('skips comments for the whole archive', async () => {
    expect(await index(Buffer.concat([extension('g', pax({ comment: 'x' })), plain]))).toMatchObject([
      { name: 'a' },
    ]);
  });

  test('ends at the first block of zeros, or where the file ends', async () => {
    expect(await index(plain.subarray(0, 1024))).toHaveLength(1);
    expect(await index(Buffer.concat([plain, Buffer.from('tail')]))).toHaveLength(1);
    expect(await index(Buffer.alloc(1024))).toEqual([]);
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['less than a header', plain.subarray(0, 511)],
    ['content cut short', plain.subarray(0, 515)],
    ['a damaged header', Buffer.concat([Buffer.from('x'), plain.subarray(1)])],
    ['names for all entries', Buffer.concat([extension('g', pax({ path: 'x' })), plain])],
    ['a size that is no number', Buffer.concat([extension('x', pax({ size: '-1' })), plain])],
    ['a size beyond the end', Buffer.concat([extension('x', pax({ size: '99999999' })), plain])],
    ['a sparse file', Buffer.concat([extension('x', pax({ 'GNU.sparse.major': '1' })), plain])],
    ["GNU's old sparse file", extension('S', content)],
    ['records that are none', Buffer.concat([extension('x', Buffer.from('junk')), plain])],
    ['a huge extension', extension('L', Buffer.alloc(2 ** 20 + 1))],
  ])('refuses %s with the offset', async (_, bytes) => {
    await expect(index(bytes)).rejects.toMatchObject({
      code: 'tar',
      message: expect.stringContaining('at byte'),
    });
  });
});
