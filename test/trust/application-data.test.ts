import { describe, expect, it } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { findApplicationData } from '../../src/trust/application-data.ts';
import { selectTrustedFiles } from '../../src/trust/trusted-files.ts';
import { directory, file, symlink } from '../support/tree/layer-stack.ts';

interface Choice {
  readonly argv?: readonly string[];
  readonly workingDirectory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly trust?: readonly string[];
  readonly exclude?: readonly string[];
  readonly level?: 'full' | 'lean';
}

function find(entries: readonly LayerEntry[], choice: Choice = {}) {
  const tree = mergeLayers([entries]);
  const path = imagePath(choice.workingDirectory ?? '/');
  const selection = selectTrustedFiles(tree, { subject: 'test', ...choice });
  return findApplicationData({
    tree,
    selection,
    start: {
      argv: choice.argv ?? ['/app'],
      workingDirectory: { path, realPath: path, exists: true },
      environment: { variables: Object.entries(choice.environment ?? {}), notes: [] },
    },
  });
}

describe('findApplicationData', () => {
  it('names content of applications below /var, one place for each', () => {
    const files = ['www/html/a', 'www/html/b', 'lib/app/x', 'opt/tool/x', 'task/handler.py'];
    const found = find(files.map((name) => file(`/var/${name}`, name)));
    expect(found.map(({ place, fileCount }) => `${fileCount} ${place}`)).toEqual([
      '1 /var/lib/app',
      '1 /var/opt/tool',
      '1 /var/task',
      '2 /var/www',
    ]);
    expect(found[3]).toMatchObject({ signs: [{ kind: 'place' }], sizeBytes: 20 });
  });

  it('names links to trusted content, which nothing reaches through them, unless they are trusted or left out', () => {
    const entries = [
      file('/opt/site/a', 'a'),
      file('/opt/site/b', 'bb'),
      symlink('/var/www/html', '/opt/site'),
      symlink('/var/lib/app/conf', '/opt/site/a'),
      symlink('/var/lib/app/lost', '/none'),
      symlink('/var/lib/dbus/id', '/opt/site/a'),
      symlink('/var/log/app', '/opt/site'),
    ];
    const target = (to: string) => [{ kind: 'target', to }];
    expect(find(entries)).toEqual([
      { place: '/var/lib/app/conf', signs: target('/opt/site/a'), fileCount: 1, sizeBytes: 1 },
      { place: '/var/www/html', signs: target('/opt/site'), fileCount: 2, sizeBytes: 3 },
    ]);
    expect(find(entries, { trust: ['/var/www'], exclude: ['/var/lib/app'] })).toEqual([]);
  });

  it.each([
    '/var/lib/dpkg/status',
    '/var/lib/shells.state',
    '/var/cache/app/x',
    '/var/log/app.log',
    '/var/spool/app/x',
    '/var/backups/x',
    '/var/local/x',
    '/etc/shadow',
    '/etc/hosts',
    '/boot/vmlinuz',
  ])('skips %s', (path) => {
    expect(find([file(path)])).toEqual([]);
  });

  it('skips what a service owns and changes, unless the start names it', () => {
    const entries = [
      { ...directory('/var/lib/pg'), uid: 5 } as LayerEntry,
      file('/var/lib/pg/data'),
      file('/var/lib/pg/run.sh'),
    ];
    expect(find(entries, { environment: { PGDATA: '/var/lib/pg' } })).toEqual([]);
    expect(find(entries, { argv: ['sh', '/var/lib/pg/run.sh'] })).toMatchObject([
      { place: '/var/lib/pg/run.sh', signs: [{ kind: 'argument', index: 1 }] },
    ]);
  });

  it('skips what is trusted by an option, and what the user leaves out', () => {
    const entries = [file('/var/www/a'), file('/srv/a')];
    expect(find(entries, { trust: ['/var/www'] })).toEqual([]);
    expect(find(entries, { exclude: ['/srv', '/var/www'], argv: ['/srv/a'] })).toEqual([]);
  });

  it('names a working directory that is left out', () => {
    const entries = [file('/var/lib/app/site/a'), file('/var/cache/app/x')];
    expect(find(entries, { workingDirectory: '/var/cache/app' })).toMatchObject([
      { place: '/var/cache/app', signs: [{ kind: 'working-directory' }], fileCount: 1 },
      { place: '/var/lib/app' },
    ]);
    expect(find([directory('/var/x')], { workingDirectory: '/var/x' })).toEqual([]);
    expect(find([file('/var/tmp/x')], { workingDirectory: '/' })).toEqual([]);
  });

  it.each([
    ['a path', ['sh', '/var/cache/x/run']],
    ['a relative path', ['sh', 'run']],
    ['a part of a command line', ['sh', '-c', 'exec "/var/cache/x/run" --now']],
    ['a part of an option', ['sh', '--file=/var/cache/x/run']],
    ['a link', ['sh', '/link']],
  ])('names a file that an argument names as %s', (_, argv) => {
    const entries = [
      file('/var/cache/x/run'),
      file('/var/cache/x/other'),
      symlink('/link', 'var/cache/x/run'),
    ];
    const found = find(entries, { argv, workingDirectory: '/var/cache/x' });
    const signs = found.flatMap((data) => data.signs);
    expect(signs).toContainEqual({ kind: 'argument', index: argv.length - 1 });
  });

  it('names one place for what is in each other', () => {
    const entries = [file('/var/www/html/run.php'), file('/var/www/x')];
    expect(find(entries, { argv: ['php', 'run.php'], workingDirectory: '/var/www/html' })).toMatchObject([
      {
        place: '/var/www',
        signs: [{ kind: 'working-directory' }, { kind: 'argument', index: 1 }, { kind: 'place' }],
        fileCount: 2,
      },
    ]);
  });

  it('names directories and files in variables', () => {
    const entries = [file('/var/cache/lib/a.py'), file('/usr/lib/x')];
    const environment = { PYTHONPATH: '/usr/lib:/var/cache/lib', URL: 'http://host/var/cache/lib' };
    expect(find(entries, { environment })).toMatchObject([
      { place: '/var/cache/lib', signs: [{ kind: 'variable', name: 'PYTHONPATH' }] },
    ]);
  });

  it('does not propose a directory of which only a part is left out', () => {
    const entries = [file('/etc/shadow'), file('/etc/passwd')];
    expect(find(entries, { environment: { CONFIG: '/etc' }, workingDirectory: '/etc' })).toEqual([]);
  });

  it('names what links in trusted places lead to, in places of the distribution too', () => {
    const entries = [
      file('/var/lib/ca-certificates/bundle.pem'),
      file('/var/lib/misc/x'),
      symlink('/etc/ssl/ca.pem', '/var/lib/ca-certificates/bundle.pem'),
      symlink('/etc/misc', '/var/lib/misc'),
      symlink('/etc/mtab2', '/proc/mounts'),
    ];
    expect(find(entries)).toMatchObject([
      { place: '/var/lib/misc', signs: [{ kind: 'link', from: '/etc/misc' }] },
      {
        place: '/var/lib/ca-certificates',
        signs: [{ kind: 'link', from: '/etc/ssl/ca.pem' }, { kind: 'place' }],
      },
    ]);
  });

  it('names what the level lean leaves out only where the start names it', () => {
    const entries = [file('/usr/share/doc/x/examples/run.py'), file('/usr/share/doc/y')];
    expect(find(entries, { level: 'lean' })).toEqual([]);
    expect(
      find(entries, { level: 'lean', argv: ['python3', '/usr/share/doc/x/examples/run.py'] }),
    ).toMatchObject([{ place: '/usr/share/doc/x/examples/run.py' }]);
  });
});
