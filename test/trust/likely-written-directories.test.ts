import { describe, expect, it } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { likelyWrittenDirectories } from '../../src/trust/likely-written-directories.ts';
import { directory, file, symlink } from '../support/tree/layer-stack.ts';

interface Choice {
  readonly uid?: number;
  readonly gid?: number;
  readonly trusted?: readonly string[];
}

function places(entries: readonly LayerEntry[], { uid = 0, gid = 0, trusted = [] }: Choice = {}) {
  return likelyWrittenDirectories({
    tree: mergeLayers([entries]),
    user: { uid, gid },
    trusted: new Set(trusted.map(imagePath)),
  });
}

function lines(entries: readonly LayerEntry[], choice?: Choice): readonly string[] {
  return places(entries, choice).map(({ sign, path }) => `${sign} ${path}`);
}

function owned(path: string, uid: number, mode = 0o755, gid = uid): LayerEntry {
  return { ...directory(path, mode), uid, gid } as LayerEntry;
}

describe('likelyWrittenDirectories', () => {
  it('names directories of the user, and of a group of the user that may write', () => {
    const entries = [owned('/data', 1000), owned('/shared', 0, 0o775, 1000), owned('/read', 0, 0o755, 1000)];
    expect(lines(entries, { uid: 1000, gid: 1000 })).toEqual(['user /data', 'group /shared']);
  });

  it('skips what belongs to root when the user is root, and what the user may not write', () => {
    expect(lines([owned('/opt/x', 0), owned('/srv', 0, 0o775)])).toEqual([]);
    expect(lines([owned('/data', 1000, 0o555)], { uid: 1000, gid: 1000 })).toEqual([]);
  });

  it('names directories of service accounts, with the name of the account', () => {
    const passwd = file('/etc/passwd', 'redis:x:100:101::/:/bin/false\n');
    const entries = [passwd, owned('/srv/redis', 100), owned('/srv/x', 7)];
    expect(places(entries)).toMatchObject([
      { path: '/srv/redis', sign: 'service', uid: 100, owner: 'redis' },
      { path: '/srv/x', sign: 'service', uid: 7 },
    ]);
    expect(places(entries)[1]).not.toHaveProperty('owner');
  });

  it('does not take configuration of a service for a place to write to', () => {
    expect(lines([owned('/etc/redis', 100), owned('/etc/all', 0, 0o777)])).toEqual(['everybody /etc/all']);
  });

  it('names directories that are world-writable', () => {
    expect(lines([owned('/drop', 0, 0o1777), owned('/cgi', 0, 0o757)])).toEqual([
      'everybody /cgi',
      'everybody /drop',
    ]);
  });

  it('names the directories of applications in the well-known places, and no single files', () => {
    const entries = [
      ...['/var/log/nginx', '/var/lib/nginx/body', '/var/spool/postfix', '/var/cache/nginx'].map((path) =>
        directory(path),
      ),
      file('/var/log/app.log'),
    ];
    expect(lines(entries)).toEqual([
      'log /var/log/nginx',
      'state /var/lib/nginx',
      'spool /var/spool/postfix',
      'cache /var/cache/nginx',
    ]);
  });

  it.each([
    '/var/lib/dpkg',
    '/var/lib/apt/lists/partial',
    '/var/cache/debconf',
    '/var/log/apt',
    '/var/lib/rpm',
    '/var/lib/systemd/catalog',
    '/var/mail',
    '/var/local',
    '/var/spool/cron',
  ])('skips %s, a place of the distribution', (path) => {
    expect(lines([owned(path, 100, 0o777)])).toEqual([]);
  });

  it('names the topmost directory alone, with what it holds', () => {
    const entries = [owned('/data', 5), owned('/data/a', 5, 0o777), file('/data/a/x'), file('/data/y')];
    expect(places(entries)).toMatchObject([{ path: '/data', fileCount: 2, trustedCount: 0 }]);
  });

  it('names a directory with trusted files for the user alone, and what is below it without any', () => {
    const entries = [owned('/app', 9), file('/app/main.js'), owned('/app/src', 9), file('/app/src/a')];
    const trusted = ['/app/main.js', '/app/src/a'];
    const more = [owned('/app/uploads', 9), owned('/app/var/cache', 9)];
    expect(lines([...entries, ...more], { uid: 9, trusted })).toEqual([
      'user /app',
      'user /app/uploads',
      'user /app/var/cache',
    ]);
    expect(lines([...entries, ...more], { trusted })).toEqual([
      'service /app/uploads',
      'service /app/var/cache',
    ]);
    expect(places(entries, { uid: 9, trusted })[0]).toMatchObject({ fileCount: 2, trustedCount: 2 });
  });

  it.each(['/dev/stdout', '/dev/stderr', '/proc/self/fd/1', '/dev/fd/2'])(
    'names the directory of a link to %s first',
    (target) => {
      const entries = [directory('/var/lib/x'), symlink('/usr/local/logs/access', target), file('/usr/x')];
      expect(places(entries)).toMatchObject([
        {
          path: '/usr/local/logs',
          sign: 'standard-stream',
          streamLinks: [{ path: '/usr/local/logs/access', target }],
        },
        { path: '/var/lib/x', streamLinks: [] },
      ]);
    },
  );

  it.each(['stdout', '/dev/stdouts', '/dev/null', '/proc/self/fd/10', '/proc/self'])(
    'a link to %s leads to no standard stream',
    (target) => {
      expect(lines([symlink('/logs/access', target)])).toEqual([]);
    },
  );

  it('follows no links', () => {
    expect(lines([symlink('/var/log/x', '/data'), owned('/data', 5)])).toEqual(['service /data']);
  });
});
