import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GscError } from '../../../src/base/error.ts';
import { readCpio } from '../../../src/runtime/package/read-cpio.ts';
import type { TarEntry } from '../../../src/tar/tar-entry.ts';
import { piecesOf } from '../../support/tar/collect-tar.ts';
import { inScratch, run } from '../../support/tar/foreign-tool.ts';
import { hasNeededTool } from '../../support/tool.ts';

interface Made {
  readonly name: string;
  readonly mode?: number;
  readonly content?: string;
  readonly inode?: number;
  readonly links?: number;
  /** In place of the content's. */
  readonly size?: number;
}

const hex = (value: number) => value.toString(16).padStart(8, '0');
const padded = (text: string) => text + '\0'.repeat(-text.length & 3);

function entry({
  name,
  mode = 0o100644,
  content = '',
  inode = 1,
  links = 1,
  size = content.length,
}: Made): string {
  const fields = [inode, mode, 1, 2, links, 3, size, 0, 0, 0, 0, name.length + 1, 0];
  return padded(`070701${fields.map(hex).join('')}${name}\0`) + padded(content);
}

const trailer = entry({ name: 'TRAILER!!!', mode: 0 });
const archive = (...entries: readonly Made[]) => Buffer.from(entries.map(entry).join('') + trailer, 'latin1');

async function listed(bytes: Buffer, pieceBytes = 65_536) {
  const shown: { entry: TarEntry; content: string }[] = [];
  const visitor = {
    entry: (shownEntry: TarEntry) => void shown.push({ entry: shownEntry, content: '' }),
    data: (piece: Buffer) => {
      const last = shown.at(-1);
      if (last) last.content += piece.toString('latin1');
    },
    end: () => undefined,
  };
  await readCpio(piecesOf(bytes, pieceBytes), visitor, 'x.rpm');
  return shown.map(({ entry: { name, type, mode, linkName }, content }) =>
    [type, name, mode.toString(8), type === 'file' ? content : linkName].join(' '),
  );
}

async function failure(bytes: Buffer): Promise<GscError> {
  const error: unknown = await listed(bytes).then(
    () => new Error('it was read'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof GscError)) throw error;
  return error;
}

describe('entries', () => {
  const several = archive(
    { name: './usr', mode: 0o40755, links: 2 },
    { name: './usr/a', content: 'hello' },
    { name: './usr/b', mode: 0o120777, content: 'a' },
    { name: './usr/empty' },
    { name: './usr/pipe', mode: 0o10600 },
  );
  const expected = [
    'directory ./usr 755 ',
    'file ./usr/a 644 hello',
    'symlink ./usr/b 777 a',
    'file ./usr/empty 644 ',
    'fifo ./usr/pipe 600 ',
  ];

  test.each([1, 3, 65_536])('are shown as a tar shows them, in pieces of %i', async (pieceBytes) => {
    expect(await listed(several, pieceBytes)).toEqual(expected);
  });

  test('with several names: the last has the content, the others are hard links to it', async () => {
    const linked = archive(
      { name: 'a', inode: 7, links: 3 },
      { name: 'other', inode: 8, content: 'x' },
      { name: 'b', inode: 7, links: 3 },
      { name: 'c', inode: 7, links: 3, content: 'data' },
    );
    expect(await listed(linked)).toEqual([
      'file other 644 x',
      'file c 644 data',
      'hardlink a 644 c',
      'hardlink b 644 c',
    ]);
  });

  test('with several names and no content are empty', async () => {
    const linked = archive({ name: 'a', inode: 7, links: 2 }, { name: 'b', inode: 7, links: 2 });
    expect(await listed(linked)).toEqual(['file b 644 ', 'hardlink a 644 b']);
  });

  test.skipIf(!hasNeededTool('cpio'))('are those that GNU cpio packs', async () => {
    await inScratch(async (directory) => {
      mkdirSync(join(directory, 'd'), { mode: 0o755 });
      writeFileSync(join(directory, 'd/file'), 'content\n'.repeat(1000), { mode: 0o644 });
      linkSync(join(directory, 'd/file'), join(directory, 'd/second'));
      symlinkSync('file', join(directory, 'd/link'));
      const names = Buffer.from('d\nd/file\nd/link\nd/second\n');
      const bytes = run('cpio', ['--create', '--quiet', '--format=newc', '--directory', directory], names);
      expect(await listed(bytes)).toEqual([
        'directory d 755 ',
        'symlink d/link 777 file',
        `file d/second 644 ${'content\n'.repeat(1000)}`,
        'hardlink d/file 644 d/second',
      ]);
    });
  });
});

describe('refused with the place', () => {
  const text = (bytes: Buffer) => bytes.toString('latin1');
  test.each<[string, Buffer, RegExp]>([
    ['nothing', Buffer.alloc(0), /at byte 0: the archive is cut short/],
    [
      'another format',
      Buffer.from('070707'.repeat(50)),
      /at byte 0: expected a cpio archive of the new format, got "070707"/,
    ],
    [
      'a header that is no hex',
      Buffer.from(text(archive({ name: 'a' })).replace('000081a4', '00008xyz')),
      /a header is damaged/,
    ],
    [
      'no trailer',
      archive({ name: 'a', content: 'x' }).subarray(0, -124),
      /at byte 116: the archive is cut short/,
    ],
    ['content that is cut short', Buffer.from(entry({ name: 'a', content: 'x', size: 9 })), /cut short/],
    ['a name with a NUL', archive({ name: 'a\0b' }), /a name does not end where it says/],
    [
      'a name without an end',
      archive({ name: 'x'.repeat(5000) }),
      /expected a name of up to 4096 bytes, got 5001/,
    ],
    [
      'a type that nobody knows',
      archive({ name: 'a', mode: 0o160000 }),
      /a has the mode 160000, of an unknown type/,
    ],
    [
      'a link whose target is endless',
      archive({ name: 'a', mode: 0o120777, size: 5000 }),
      /a target that is too long/,
    ],
    [
      'a hard link to nothing',
      archive({ name: 'a', inode: 7, links: 2 }),
      /a is a hard link to a file that does not follow/,
    ],
  ])('%s', async (_, bytes, message) => {
    const error = await failure(bytes);
    expect(error.code).toBe('tar');
    expect(error.message).toMatch(/^x\.rpm: at byte \d+: /);
    expect(error.message).toMatch(message);
  });
});
