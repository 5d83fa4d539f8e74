import { describe, expect, it } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { exclusionRules } from '../../src/trust/exclusion-rules.ts';
import { type SelectOptions, selectTrustedFiles } from '../../src/trust/trusted-files.ts';
import { cpuSeconds } from '../support/cpu-time.ts';
import { directory, fifo, file, symlink } from '../support/tree/layer-stack.ts';

interface Choice {
  readonly trust?: readonly string[];
  readonly exclude?: readonly string[];
}

function select(entries: readonly LayerEntry[], choice: Choice = {}) {
  const options: SelectOptions = {
    subject: 'test',
    trust: (choice.trust ?? []).map(imagePath),
    exclude: (choice.exclude ?? []).map(imagePath),
  };
  return selectTrustedFiles(mergeLayers([entries]), options);
}

function trustedPaths(entries: readonly LayerEntry[], choice?: Choice): readonly string[] {
  return select(entries, choice).trusted.map(({ path, via }) =>
    via === undefined ? path : `${path} = ${via}`,
  );
}

function mountLines(entries: readonly LayerEntry[], choice?: Choice): readonly string[] {
  return select(entries, choice).mounts.map(({ path, target }) => `${path} -> ${target}`);
}

/** Enough files below a directory that a link to it becomes a mount. */
function manyFiles(below: string): LayerEntry[] {
  return Array.from({ length: 9 }, (_, i) => file(`${below}/f${i}`, `${below}${i}`));
}

describe('files', () => {
  it('every regular file is trusted, with hash and size, in the order of components', () => {
    const { trusted } = select([file('/b-c', '1'), file('/b/x', '22'), file('/a')]);
    expect(trusted).toEqual([
      { path: '/a', sha256: file('/a').sha256, sizeBytes: 0 },
      { path: '/b/x', sha256: file('/b', '22').sha256, sizeBytes: 2 },
      { path: '/b-c', sha256: file('/b', '1').sha256, sizeBytes: 1 },
    ]);
  });

  it('directories, devices and fifos are not trusted files', () => {
    expect(trustedPaths([directory('/d'), fifo('/f')])).toEqual([]);
  });

  it('a name that is not UTF-8 is left out, with its reason', () => {
    const { trusted, excluded } = select([file('/caf\xc3\xa9'), file('/caf\xe9')]);
    expect(trusted.map(({ path }) => path)).toEqual(['/caf\xc3\xa9']);
    expect(excluded).toMatchObject([{ path: '/caf\xe9', rule: 'names', reason: /UTF-8/ }]);
  });
});

describe('exclusion', () => {
  it.each([
    '/boot/vmlinuz',
    '/dev/null',
    '/proc/x',
    '/sys/x',
    '/var/lib/dpkg/status',
    '/etc/rc5.d/S01x',
    '/etc/rcS.d/S01x',
    '/etc/mtab',
    '/etc/shadow',
    '/etc/shadow-',
    '/etc/gshadow',
    '/etc/gshadow-',
    '/etc/.pwd.lock',
    '/etc/security/limits.conf',
    '/.dockerenv',
    '/.dockerinit',
    '/etc/hosts',
    '/etc/hostname',
    '/etc/resolv.conf',
    '/run/.containerenv',
    '/gramine/runtime/libsysdb.so',
    '/gramine/host/ld.so',
    '/gramine/app_files/entrypoint.manifest',
  ])('leaves out %s, with a reason', (path) => {
    const { trusted, excluded, exclusions } = select([file(path, 'abc')]);
    expect(trusted).toEqual([]);
    expect(excluded).toMatchObject([{ path, sizeBytes: 3 }]);
    expect(exclusionRules.map(({ pattern }) => pattern)).toContain(excluded[0]?.rule);
    expect(exclusions).toMatchObject([{ count: 1, sizeBytes: 3 }]);
    expect(exclusions[0]?.reason.length).toBeGreaterThan(5);
  });

  it.each([
    '/bootstrap',
    '/etc/rc.d/x',
    '/etc/rc10.d/x',
    '/etc/hosts.allow',
    '/usr/etc/shadow',
    '/variable',
    '/home/var/x',
    '/gramine/app/prog',
    '/gramine/hosts',
    '/gramine/meson_build_output/lib/x',
    '/gramine/app_files.txt',
  ])('keeps %s', (path) => {
    expect(trustedPaths([file(path)])).toEqual([path]);
  });

  it('a path to trust overrides the rule, below it as well, and nothing else', () => {
    const files = [file('/var/www/index.html'), file('/var/log/x')];
    expect(trustedPaths(files, { trust: ['/var/www'] })).toEqual(['/var/www/index.html']);
  });

  it('trusting all does not override the rules', () => {
    expect(trustedPaths([file('/etc/shadow'), file('/a')], { trust: ['/', '/etc'] })).toEqual(['/a']);
  });

  it('trusting the very place of a rule overrides it', () => {
    expect(trustedPaths([file('/etc/hosts'), file('/var/x')], { trust: ['/etc/hosts', '/var'] })).toEqual([
      '/etc/hosts',
      '/var/x',
    ]);
  });

  it('a path to trust may be a link or be reached through one', () => {
    const files = [file('/var/data/x'), symlink('/data', 'var/data'), symlink('/d2', 'data')];
    expect(trustedPaths(files, { trust: ['/data'] })).toContain('/var/data/x');
    expect(trustedPaths(files, { trust: ['/d2/x'] })).toContain('/var/data/x');
  });

  it('a path to trust that the image lacks is an error', () => {
    expect(() => select([file('/a')], { trust: ['/nope'] })).toThrow(/--trust \/nope: there is no nope/);
  });

  it('a path to leave out goes with all below it', () => {
    const { trusted, excluded } = select([file('/a/b/c'), file('/a/d'), file('/ab')], { exclude: ['/a/b'] });
    expect(trusted.map(({ path }) => path)).toEqual(['/a/d', '/ab']);
    expect(excluded).toMatchObject([{ path: '/a/b/c', rule: '/a/b', reason: /--exclude/ }]);
  });

  it('of two options the longer path decides, of equal ones leaving out', () => {
    const files = [file('/a/b/c'), file('/a/d')];
    expect(trustedPaths(files, { exclude: ['/a'], trust: ['/a/b'] })).toEqual(['/a/b/c']);
    expect(trustedPaths(files, { exclude: ['/a'], trust: ['/a'] })).toEqual([]);
    expect(trustedPaths(files, { exclude: ['/'], trust: ['/a/b'] })).toEqual(['/a/b/c']);
  });

  it('characters of patterns mean themselves after a backslash, and brackets and parentheses always', () => {
    const files = [file('/a*'), file('/ab'), file('/a(')];
    expect(trustedPaths(files, { exclude: ['/a\\*', '/a('] })).toEqual(['/ab']);
  });

  it('a pattern to leave out goes with all that it matches, and all below', () => {
    const files = [file('/usr/lib/a.o'), file('/usr/lib/x.o/y'), file('/usr/lib/b'), file('/opt/a.o')];
    expect(trustedPaths(files, { exclude: ['/usr/**/*.o'] })).toEqual(['/opt/a.o', '/usr/lib/b']);
  });

  it('a pattern to trust overrides the rules where it matches, and nothing else', () => {
    const files = [file('/var/www/a.html'), file('/var/www/a.log'), file('/var/x.html')];
    expect(trustedPaths(files, { trust: ['/var/www/*.html'] })).toEqual(['/var/www/a.html']);
    expect(trustedPaths(files, { trust: ['/var/**/*.html'] })).toEqual(['/var/www/a.html', '/var/x.html']);
  });

  it('a wide pattern to trust does not override a more exact rule', () => {
    const files = [file('/etc/shadow'), file('/etc/shadow-'), file('/etc/hosts'), file('/etc/fstab')];
    expect(trustedPaths(files, { trust: ['/etc/*'] })).toEqual(['/etc/fstab']);
    expect(trustedPaths(files, { trust: ['/etc/**'] })).toEqual(['/etc/fstab']);
    expect(trustedPaths(files, { trust: ['/etc/shadow?'] })).toEqual(['/etc/fstab', '/etc/shadow-']);
  });

  it('of two options that match equally deep the more exact one decides', () => {
    const files = [file('/lib/a.o'), file('/lib/b.o')];
    expect(trustedPaths(files, { exclude: ['/**/*.o'], trust: ['/lib/a.o'] })).toEqual(['/lib/a.o']);
    expect(trustedPaths(files, { exclude: ['/lib/*'], trust: ['/lib/a*'] })).toEqual(['/lib/a.o']);
    expect(trustedPaths(files, { exclude: ['/lib/?.o'], trust: ['/lib/*.o'] })).toEqual([]);
    expect(trustedPaths(files, { exclude: ['/lib/**'], trust: ['/lib/a.o'] })).toEqual(['/lib/a.o']);
  });

  it('a pattern follows links before its first wildcard, and none after it', () => {
    const files = [
      ...manyFiles('/usr/lib'),
      symlink('/lib', 'usr/lib'),
      file('/var/d/x'),
      symlink('/srv/d', '/var/d'),
    ];
    expect(trustedPaths(files, { exclude: ['/lib/f*'] })).toEqual([]);
    expect(trustedPaths(files, { trust: ['/srv/*'] })).not.toContain('/var/d/x');
    expect(trustedPaths(files, { trust: ['/srv/d/*'] })).toContain('/var/d/x');
  });

  it('a pattern to trust that matches nothing is an error, also through a dead link', () => {
    expect(() => select([file('/var/a')], { trust: ['/var/b*'] })).toThrow(/\/var\/b\*: .* matches nothing/);
    expect(() => select([symlink('/a', 'gone')], { trust: ['/a/*'] })).toThrow(/matches nothing/);
  });

  it('a pattern that is the name of a file gets a hint how to write it', () => {
    const attempt = () => select([file('/var/[id].js')], { trust: ['/var/[id].js'] });
    expect(attempt).toThrow(
      expect.objectContaining({ code: 'not-found', hint: expect.stringMatching(/backslash/) }),
    );
    expect(trustedPaths([file('/var/[id].js')], { trust: ['/var/\\[id].js'] })).toEqual(['/var/[id].js']);
  });

  it('a required file is trusted whatever the rules and options say', () => {
    const options = { subject: 'test', exclude: ['/var/x*', '/var/x'], required: [imagePath('/var/x')] };
    const tree = mergeLayers([[file('/var/x'), file('/var/xy')]]);
    const { trusted, notes } = selectTrustedFiles(tree, options);
    expect(trusted.map(({ path }) => path)).toEqual(['/var/x']);
    expect(notes).toEqual(['--exclude /var/x ignored: the program cannot start without it']);
    expect(selectTrustedFiles(tree, { ...options, exclude: [] }).notes).toEqual([]);
  });

  it('leaving out a link takes that name away and not its target', () => {
    const files = [file('/a', 'x'), symlink('/l', 'a')];
    expect(trustedPaths(files, { exclude: ['/l'] })).toEqual(['/a']);
  });

  it('a path to leave out may go through a link', () => {
    const files = [...manyFiles('/usr/lib'), symlink('/lib', 'usr/lib')];
    expect(trustedPaths(files, { exclude: ['/lib/f0'] })).not.toContain('/usr/lib/f0');
  });

  it('leaving out what is not there is noted', () => {
    expect(select([file('/a')], { exclude: ['/nope', '/b*', '/nope/*'] }).notes).toEqual([
      '--exclude /nope: the image does not have it',
      '--exclude /b*: the image does not have it',
      '--exclude /nope/*: the image does not have it',
    ]);
  });
});

describe('links to files', () => {
  it('are trusted under their own name, with the hash of the target', () => {
    const { trusted } = select([file('/usr/bin/x', '1'), symlink('/a', 'usr/bin/x')]);
    expect(trusted[0]).toEqual({
      path: '/a',
      sha256: file('/x', '1').sha256,
      sizeBytes: 1,
      via: '/usr/bin/x',
    });
  });

  it('may be absolute and lead through other links', () => {
    const entries = [file('/usr/x', '1'), symlink('/a', '/b'), symlink('/b', '/c/x'), symlink('/c', 'usr')];
    expect(trustedPaths(entries)).toEqual(['/a = /usr/x', '/b = /usr/x', '/c/x = /usr/x', '/usr/x']);
  });

  it.each([
    ['to an excluded file', symlink('/a', 'var/x'), 'to-excluded-place'],
    ['to what is not there in an excluded place', symlink('/a', '/proc/self/fd/1'), 'to-excluded-place'],
    ['in an excluded place', symlink('/var/run', '/run'), 'in-excluded-place'],
    ['that dangle', symlink('/a', 'nowhere'), 'dangling'],
    ['that go round', symlink('/a', 'a'), 'loop'],
    ['to a fifo', symlink('/a', 'pipe'), 'special'],
    ['with a name that is not UTF-8', symlink('/\xff', 'ok'), 'unwritable-name'],
  ])('%s are ignored, with a reason', (_, link, kind) => {
    const { trusted, ignoredLinks } = select([
      file('/var/x'),
      file('/ok'),
      fifo('/pipe'),
      directory('/run'),
      link,
    ]);
    expect(trusted.map(({ path }) => path)).toEqual(['/ok']);
    expect(ignoredLinks).toMatchObject([{ kind, path: link.path }]);
    expect(ignoredLinks[0]?.reason.length).toBeGreaterThan(5);
  });

  it('to an excluded file that the user trusts are trusted', () => {
    const files = [file('/var/x'), symlink('/a', 'var/x')];
    expect(trustedPaths(files, { trust: ['/var/x'] })).toEqual(['/a = /var/x', '/var/x']);
  });
});

describe('links to directories', () => {
  it('become mounts where they lead to many files', () => {
    const entries = [...manyFiles('/usr/lib'), symlink('/lib', 'usr/lib')];
    expect(mountLines(entries)).toEqual(['/lib -> /usr/lib']);
    expect(trustedPaths(entries)).toHaveLength(9);
  });

  it('have their few files listed under both names', () => {
    const entries = [file('/usr/share/a/x', '1'), symlink('/usr/share/b', 'a')];
    expect(mountLines(entries)).toEqual([]);
    expect(trustedPaths(entries)).toEqual(['/usr/share/a/x', '/usr/share/b/x = /usr/share/a/x']);
  });

  it('lead to the end of a chain of links', () => {
    const entries = [...manyFiles('/opt/v1'), symlink('/opt/latest', 'v1'), symlink('/app', '/opt/latest')];
    expect(mountLines(entries)).toEqual(['/app -> /opt/v1', '/opt/latest -> /opt/v1']);
  });

  it('inside what another link leads to are mounted under the longer name as well', () => {
    const entries = [
      ...manyFiles('/usr/lib/nginx/modules'),
      ...manyFiles('/usr/share/nginx'),
      symlink('/usr/share/nginx/modules', '/usr/lib/nginx/modules'),
      symlink('/share', 'usr/share'),
    ];
    expect(mountLines(entries)).toEqual([
      '/share -> /usr/share',
      '/share/nginx/modules -> /usr/lib/nginx/modules',
      '/usr/share/nginx/modules -> /usr/lib/nginx/modules',
    ]);
  });

  it('inside a directory without its own files are reached through a link to that directory', () => {
    const entries = [...manyFiles('/real'), symlink('/links/real', '/real'), symlink('/l', 'links')];
    expect(mountLines(entries)).toEqual(['/l/real -> /real', '/links/real -> /real']);
  });

  it('list links to files reached through them under their own hash', () => {
    const entries = [file('/d/x', '1'), symlink('/d/y', 'x'), symlink('/l', 'd')];
    expect(trustedPaths(entries)).toEqual(['/d/x', '/d/y = /d/x', '/l/x = /d/x', '/l/y = /d/x']);
  });

  it.each([
    ['to its own directory', symlink('/usr/bin/X11', '.'), '/usr/bin/X11 -> /usr/bin'],
    ['to a parent', symlink('/usr/bin/up', '..'), '/usr/bin/up -> /usr'],
    ['to the root', symlink('/usr/bin/host', '/'), '/usr/bin/host -> /'],
    ['at the root to the root', symlink('/host', '.'), '/host -> /'],
  ])('%s are one mount and not followed further', (_, link, mount) => {
    expect(mountLines([...manyFiles('/usr/bin'), link])).toEqual([mount]);
  });

  it('in a loop are each followed once', () => {
    const entries = [...manyFiles('/a'), ...manyFiles('/b'), symlink('/a/b', '/b'), symlink('/b/a', '/a')];
    expect(mountLines(entries)).toEqual(['/a/b -> /b', '/b/a -> /a']);
  });

  it('that multiply are bounded, and what is left out is noted', () => {
    const levels = Array.from({ length: 6 }, (_, level) => [
      ...manyFiles(`/l${level}`),
      ...Array.from({ length: 6 }, (_, i) => symlink(`/l${level}/to${i}`, `/l${level + 1}`)),
    ]).flat();
    const { mounts, notes } = select([...levels, ...manyFiles('/l6')]);
    expect(mounts).toHaveLength(36 + 500);
    expect(notes[0]).toMatch(/^\d+ directories can be reached through several links/);
  });

  it('that multiply beyond counting are bounded as well', () => {
    const many = Array.from({ length: 1000 }, (_, i) => [
      symlink(`/a/l${i}`, '/b'),
      symlink(`/b/l${i}`, '/c'),
    ]);
    const { trusted, mounts, notes } = select([...many.flat(), file('/c/f')]);
    expect(mounts).toEqual([]);
    expect(trusted).toHaveLength(2500 + 1 - 1000);
    expect(notes[0]).toMatch(/^49500 and more directories can be reached through several links/);
  });

  it('to excluded places are ignored', () => {
    const { mounts, trusted, ignoredLinks } = select([
      ...manyFiles('/var/lib/x'),
      symlink('/x', 'var/lib/x'),
    ]);
    expect([mounts, trusted]).toEqual([[], []]);
    expect(ignoredLinks).toMatchObject([{ kind: 'to-excluded-place', path: '/x' }]);
  });

  it('to a place with excluded parts reach only the rest', () => {
    const entries = [file('/etc/a'), file('/etc/shadow'), symlink('/conf', 'etc')];
    expect(trustedPaths(entries)).toEqual(['/conf/a = /etc/a', '/etc/a']);
  });

  it('to directories without files need nothing', () => {
    expect(select([directory('/d'), symlink('/l', 'd')])).toMatchObject({
      mounts: [],
      trusted: [],
      notes: [],
    });
  });

  it('never make a mount of the root or an unsorted list', () => {
    const entries = [
      ...manyFiles('/z'),
      file('/m/x'),
      symlink('/a', 'm'),
      symlink('/y', 'm'),
      symlink('/n', '/'),
    ];
    const { mounts, trusted } = select(entries);
    expect(mounts.map(({ path }) => path)).not.toContain('/');
    const keys = trusted.map(({ path }) => path.replaceAll('/', '\0'));
    expect(keys).toEqual([...keys].sort());
  });
});

describe('selectTrustedFiles', () => {
  it('takes 100,000 files in little time', { timeout: 60_000 }, async () => {
    const entries = Array.from({ length: 100_000 }, (_, i) => ({
      ...file('/x'),
      path: imagePath(`/usr/d${i % 500}/f${i}`),
    }));
    const tree = mergeLayers([[...entries, symlink('/lib', 'usr')]]);
    const seconds = await cpuSeconds(() => {
      expect(selectTrustedFiles(tree, { subject: 'test' }).trusted).toHaveLength(100_000);
    });
    expect(seconds).toBeLessThan(20);
  });
});
