import { describe, expect, test } from 'vitest';
import { readLoaderConfig } from '../../src/start/loader-config.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { file } from '../support/tree/layer-stack.ts';

/** What /etc/ld.so.conf and the files that it includes say. */
function read(files: Readonly<Record<string, string>>) {
  const entries = Object.entries(files).map(([path, text]) => file(path, text));
  const { directories, notes } = readLoaderConfig(mergeLayers([entries]));
  return { directories: [...directories], notes: [...notes] };
}

describe('readLoaderConfig', () => {
  test('takes what is included in the place of the line, however deep, each file once', () => {
    const { directories } = read({
      '/etc/ld.so.conf': '/first\ninclude b.conf a.conf\n/last\ninclude a.conf\n',
      '/etc/a.conf': '/a1\ninclude c/*.conf\n/a2\n',
      '/etc/b.conf': 'include a.conf\n/b\n',
      '/etc/c/2.conf': '/c2\n',
      '/etc/c/1.conf': '/c1\ninclude /etc/ld.so.conf\n',
    });
    expect(directories).toEqual(['/first', '/a1', '/c1', '/c2', '/a2', '/b', '/last']);
  });

  test.each([
    ['/usr/lib', '/usr/lib'],
    ['/usr/lib # comment', '/usr/lib'],
    ['/usr/lib=libc6', '/usr/lib'],
    ['/usr/a=b/lib  = libc6', '/usr/a=b/lib'],
    ['/usr/a=b/lib', '/usr/a=b/lib'],
  ])('reads the line %j as %s', (line, directory) => {
    expect(read({ '/etc/ld.so.conf': line }).directories).toEqual([directory]);
  });

  test.each([
    ['[ab].conf', ['/a', '/b']],
    ['[!a].conf', ['/b', '/c']],
    ['?.conf', ['/a', '/b', '/c']],
    ['**', ['/a', '/b', '/c']],
    ['.*', ['/dot']],
    ['[c-a].conf', []],
    ['[.conf', []],
  ])('knows the pattern %s of glob(7)', (pattern, directories) => {
    const files = Object.fromEntries(['a', 'b', 'c'].map((name) => [`/etc/d/${name}.conf`, `/${name}\n`]));
    const found = read({ ...files, '/etc/d/.hidden': '/dot\n', '/etc/ld.so.conf': `include d/${pattern}\n` });
    expect(found.directories).toEqual(directories);
  });

  test('follows files that include each other without end', () => {
    const chain = Array.from({ length: 5000 }, (_, i) => [`/etc/d/${i}`, 'include /etc/d/*\n/x\n'] as const);
    const { directories } = read({ ...Object.fromEntries(chain), '/etc/ld.so.conf': 'include d/0\n/end\n' });
    expect(directories).toHaveLength(5001);
    expect(directories.at(-1)).toBe('/end');
  });

  test('follows a chain of 5,000 files', () => {
    const chain = Array.from(
      { length: 5000 },
      (_, i) => [`/etc/${i}`, `include ${i + 1}\n/d${i}\n`] as const,
    );
    const { directories } = read({ ...Object.fromEntries(chain), '/etc/ld.so.conf': 'include 0\n' });
    expect([directories.length, directories[0]]).toEqual([5000, '/d4999']);
  });

  test('patterns with wildcards are bounded in number and length, with a note', () => {
    const chain = Array.from(
      { length: 30 },
      (_, i) => [`/etc/${i}.x`, `include ${i + 1}.*\n/d${i}\n`] as const,
    );
    const { directories, notes } = read({ ...Object.fromEntries(chain), '/etc/ld.so.conf': 'include 0.*\n' });
    expect(directories).toHaveLength(20);
    expect(notes).toEqual([expect.stringContaining('more than 20 patterns')]);
    const long = read({ '/etc/ld.so.conf': `include ${'[a]'.repeat(1000)}\n/d\n` });
    expect([long.directories, long.notes.length]).toEqual([['/d'], 1]);
  });
});
