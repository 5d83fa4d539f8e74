import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GscError } from '../../../src/base/error.ts';
import { readArArchive } from '../../../src/runtime/package/ar-archive.ts';
import { inScratch, run } from '../../support/tar/foreign-tool.ts';
import { hasNeededTool } from '../../support/tool.ts';

function member(name: string, content: string, size = String(content.length)): string {
  const header = name.padEnd(16) + '0'.padEnd(12) + '0'.padEnd(6) + '0'.padEnd(6) + '100644'.padEnd(8);
  return `${header}${size.padEnd(10)}\`\n${content}${content.length % 2 ? '\n' : ''}`;
}

const archive = (...members: readonly string[]) => Buffer.from(`!<arch>\n${members.join('')}`, 'latin1');
const contentsOf = (bytes: Buffer) =>
  readArArchive(bytes, 'x.deb').map(({ name, content }) => [name, content.toString('latin1')]);

describe('members', () => {
  test('come in their order, odd ones without their padding', () => {
    const bytes = archive(member('debian-binary', '2.0\n'), member('a', 'odd'), member('b', 'even'));
    expect(contentsOf(bytes)).toEqual([
      ['debian-binary', '2.0\n'],
      ['a', 'odd'],
      ['b', 'even'],
    ]);
  });

  test('have no slash after their names', () => {
    expect(contentsOf(archive(member('control.tar.xz/', 'x')))).toEqual([['control.tar.xz', 'x']]);
  });

  test('none, and a last one without padding, are not errors', () => {
    expect(contentsOf(archive())).toEqual([]);
    expect(contentsOf(archive(member('a', 'odd')).subarray(0, -1))).toEqual([['a', 'odd']]);
  });

  test.skipIf(!hasNeededTool('ar'))('are those that ar packs', async () => {
    await inScratch((directory) => {
      for (const name of ['one', 'two'])
        writeFileSync(join(directory, name), `${name}\n`.repeat(name.length));
      const file = join(directory, 'x.a');
      run('ar', ['rcS', file, join(directory, 'one'), join(directory, 'two')]);
      expect(contentsOf(run('cat', [file])).map(([name]) => name)).toEqual(['one', 'two']);
    });
  });
});

describe('refused with the place', () => {
  test.each<[string, Buffer, RegExp]>([
    ['nothing', Buffer.alloc(0), /^x\.deb: at byte 0: expected an ar archive$/],
    ['another magic number', Buffer.from('!<thin>\n'), /at byte 0: expected an ar archive/],
    ['half a header', archive('debian-binary'), /at byte 8: the header of a member is cut short/],
    [
      'a header without its end',
      archive(member('a', 'x').replace('`', "'")),
      /at byte 8: expected the header/,
    ],
    ['content that is cut short', archive(member('a', 'xy', '3')), /a is cut short: expected 3 bytes, got 2/],
    ['a size that is no number', archive(member('a', 'xy', '2x')), /expected a size, got "2x"/],
    ['a negative size', archive(member('a', 'xy', '-2')), /expected a size, got "-2"/],
    ['an empty size', archive(member('a', 'xy', '')), /expected a size, got ""/],
    ['long names of System V', archive(member('//', 'x')), /expected a member with a short name/],
    ['long names of BSD', archive(member('#1/20', 'x')), /expected a member with a short name/],
    ['no name', archive(member('', 'x')), /expected a member with a short name, got ""/],
    [
      'an odd member without padding before the next',
      archive(member('a', 'odd').trimEnd(), member('b', 'x')),
      /at byte 72/,
    ],
  ])('%s', (_, bytes, message) => {
    expect(() => readArArchive(bytes, 'x.deb')).toThrow(message);
    expect(() => readArArchive(bytes, 'x.deb')).toThrow(GscError);
  });
});
