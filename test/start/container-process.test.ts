import { describe, expect, it } from 'vitest';
import type { RunConfig } from '../../src/image/config.ts';
import { findStart } from '../../src/start/container-process.ts';
import type { LayerEntry, ProgramFacts } from '../../src/tree/entry.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { directory, fifo, file, symlink } from '../support/tree/layer-stack.ts';

const glibc = '/lib64/ld-linux-x86-64.so.2';
const musl = '/lib/ld-musl-x86_64.so.1';

function program(path: string, program: ProgramFacts | undefined, mode = 0o755): LayerEntry {
  return { ...file(path, 'x', mode), ...(program && { program }) };
}

function elf(path: string, interpreter?: string, machine = 62): LayerEntry {
  return program(path, { kind: 'elf', machine, ...(interpreter && { interpreter }) });
}

function script(path: string, interpreter: string): LayerEntry {
  return program(path, { kind: 'script', interpreter });
}

function start(run: RunConfig | null, entries: readonly LayerEntry[]) {
  const config = { config: run, rootfs: { type: 'layers' as const } };
  return findStart(config, mergeLayers([entries]), 'test');
}

/** The start of an image whose program is there, for rules about something else. */
function startOfApp(run: RunConfig, ...more: LayerEntry[]) {
  return start({ Entrypoint: ['/app'], ...run }, [elf('/app'), ...more]);
}

describe('argv', () => {
  const entries = [elf('/a'), elf('/b')];

  it.each<[string, RunConfig, string[]]>([
    ['ENTRYPOINT and CMD', { Entrypoint: ['/a', '1'], Cmd: ['2', '3'] }, ['/a', '1', '2', '3']],
    ['ENTRYPOINT alone', { Entrypoint: ['/a', '1'], Cmd: null }, ['/a', '1']],
    ['CMD alone', { Cmd: ['/b', '2'] }, ['/b', '2']],
    ['an empty ENTRYPOINT', { Entrypoint: [], Cmd: ['/b'] }, ['/b']],
    ['empty words after the first', { Entrypoint: ['/a', ''] }, ['/a', '']],
  ])('is made of %s', (_, run, argv) => {
    expect(start(run, entries).argv).toEqual(argv);
  });

  it.each<[string, RunConfig | null]>([
    ['no config', null],
    ['neither', {}],
    ['null for both', { Entrypoint: null, Cmd: null }],
    ['empty lists', { Entrypoint: [], Cmd: [] }],
  ])('cannot be made of %s', (_, run) => {
    expect(() => start(run, entries)).toThrow(
      expect.objectContaining({ code: 'entrypoint', hint: expect.any(String) }),
    );
  });
});

describe('what is where the engine and Gramine have their own file systems', () => {
  const hidden = (path: string) =>
    `${path} (hidden: container engines and the library OS have their own /${path.split('/')[1]})`;

  it.each(['/proc/x', '/dev/x', '/sys/fs/x', '/proc/./x'])('the program %s is not found there', (path) => {
    const clean = path.replace('/./', '/');
    expect(() => start({ Cmd: [path] }, [elf(clean)])).toThrow(
      expect.objectContaining({
        code: 'entrypoint',
        message: expect.stringContaining(' (hidden: container engines'),
      }),
    );
  });

  it('a link that leads there or is there does not help', () => {
    const links = [elf('/proc/x'), elf('/x'), symlink('/l', 'proc/x'), symlink('/dev/l', '../x')];
    expect(() => start({ Cmd: ['/proc/x'] }, links)).toThrow(
      expect.objectContaining({ hint: 'put the program into another directory of the image' }),
    );
    expect(() => start({ Cmd: ['/l'] }, links)).toThrow(/looked at \/l \(hidden: .* their own \/proc/);
    expect(() => start({ Cmd: ['/dev/l'] }, links)).toThrow(hidden('/dev/l'));
    expect(() => start({ Cmd: ['./l'], WorkingDir: '/dev' }, links)).toThrow(
      /\.\/l \(hidden: .* their own \/dev/,
    );
  });

  it('PATH goes on to what is there', () => {
    const run = { Cmd: ['x'], Env: ['PATH=/dev/bin:/bin'] };
    expect(start(run, [elf('/dev/bin/x'), elf('/bin/x')]).executable.path).toBe('/bin/x');
  });

  it('an interpreter or a loader there is an error', () => {
    const entries = [script('/s', '/sys/sh'), elf('/sys/sh'), elf('/p', '/dev/ld.so'), elf('/dev/ld.so')];
    for (const program of ['/s', '/p']) {
      expect(() => start({ Cmd: [program] }, entries)).toThrow(
        /which cannot be started: hidden: container engines/,
      );
    }
  });

  it('names that only begin alike are others', () => {
    expect(start({ Cmd: ['/process/x'] }, [elf('/process/x')]).executable.path).toBe('/process/x');
  });
});

describe('the executable', () => {
  it('is found in the PATH of the image, first directory first', () => {
    const run = { Cmd: ['x'], Env: ['PATH=/none:/opt/bin:/usr/bin'] };
    const found = start(run, [elf('/opt/bin/x'), elf('/usr/bin/x')]);
    expect(found.executable.path).toBe('/opt/bin/x');
    expect(found.argv).toEqual(['x']);
  });

  it('is found in the default PATH where the image has none', () => {
    expect(start({ Cmd: ['x'] }, [elf('/usr/local/bin/x'), elf('/bin/x')]).executable.path).toBe(
      '/usr/local/bin/x',
    );
  });

  it('skips directories and files that are not executable', () => {
    const entries = [directory('/bin/x'), program('/usr/bin/x', undefined, 0o644), elf('/opt/x')];
    expect(start({ Cmd: ['x'], Env: ['PATH=/bin:/usr/bin:/opt'] }, entries).executable.path).toBe('/opt/x');
  });

  it('with a slash is relative to the working directory', () => {
    expect(start({ Cmd: ['./x'], WorkingDir: '/srv' }, [elf('/srv/x')]).executable.path).toBe('/srv/x');
    expect(start({ Cmd: ['bin/x'], WorkingDir: '/srv' }, [elf('/srv/bin/x')]).executable.path).toBe(
      '/srv/bin/x',
    );
  });

  it.each([
    ['an empty part', 'PATH=/bin:', '/srv/x', './x'],
    ['a relative part', 'PATH=bin:/usr/bin', '/srv/bin/x', 'bin/x'],
  ])('that %s of PATH finds is refused, as runc does', (_, Env, path, shown) => {
    const run = { Cmd: ['x'], WorkingDir: '/srv', Env: [Env] };
    const refused = () => start(run, [elf(path), elf('/usr/bin/x')]);
    expect(refused).toThrow(`test: PATH finds the program "x" as ${shown} in the working directory /srv`);
    expect(start(run, [elf('/usr/bin/y'), elf('/bin/x'), elf('/usr/bin/x')]).executable.path).toMatch(
      /bin\/x$/,
    );
  });

  it('is found in no directory of an empty PATH', () => {
    const run = { Cmd: ['x'], WorkingDir: '/srv', Env: ['PATH='] };
    expect(() => start(run, [elf('/srv/x')])).toThrow('looked at nothing, as PATH is empty');
  });

  it.each([
    ['its path', 'l/run', '/d/l/run', '/opt/run'],
    ['PATH', 'run', '/d/l/run', '/opt/run'],
    ['a path that is not clean', '/d/.//l/run', '/d/l/run', '/opt/run'],
    ['a path with .. behind a link', '/d/l/../opt/run', '/opt/run', '/opt/run'],
  ])('has the name under which it was found, by %s', (_, word, name, path) => {
    const run = { Cmd: [word], WorkingDir: '/d', Env: ['PATH=/d/l'] };
    const found = start(run, [elf('/opt/run'), symlink('/d/l', '/opt')]);
    expect(found.executable).toMatchObject({ name, path });
  });

  it('has its real path, all links resolved', () => {
    const entries = [
      elf('/usr/lib/jvm/17/bin/java'),
      symlink('/usr/bin/java', '/etc/alt/java'),
      symlink('/etc/alt/java', '/usr/lib/jvm/17/bin/java'),
    ];
    expect(start({ Cmd: ['java'] }, entries).executable.path).toBe('/usr/lib/jvm/17/bin/java');
  });

  it('that is not found is an error that says where it looked, and why not', () => {
    const entries = [directory('/bin/x'), program('/opt/x', undefined, 0o600), symlink('/usr/bin/x', 'gone')];
    const run = { Cmd: ['x'], Env: ['PATH=/bin:/opt:/usr/bin:/sbin'] };
    expect(() => start(run, entries)).toThrow(
      'test: the program "x" was not found; looked at /bin/x (a directory), /opt/x (not executable), ' +
        '/usr/bin/x (there is no gone in /usr/bin), /sbin/x (there is no sbin in /)',
    );
  });

  it.each<[string, RunConfig, string]>([
    ['under its path', { Cmd: ['/opt/x'] }, '/opt/x'],
    ['behind a link', { Cmd: ['/x'] }, '/opt/x'],
    ['in PATH', { Cmd: ['x'], Env: ['PATH=/none:/opt'] }, '/opt/x'],
    ['as an interpreter', { Cmd: ['/run'] }, '/opt/x'],
  ])('that is not executable, %s, needs chmod +x in the Dockerfile', (_, run, path) => {
    const entries = [program('/opt/x', undefined, 0o644), symlink('/x', 'opt/x'), script('/run', '/x')];
    expect(() => start(run, entries)).toThrow(
      expect.objectContaining({ hint: `add to the Dockerfile: RUN chmod +x ${path}` }),
    );
  });

  it.each([
    ['an empty word', ''],
    ['a missing path', '/nope'],
    ['a directory', '/'],
    ['a fifo', '/pipe'],
  ])('cannot be %s', (_, word) => {
    expect(() => start({ Cmd: [word] }, [fifo('/pipe')])).toThrow(/was not found; looked at/);
  });
});

describe('the program', () => {
  it('of a script is its interpreter', () => {
    const { chain } = start({ Cmd: ['/s'] }, [
      script('/s', '/bin/sh'),
      elf('/usr/bin/dash'),
      symlink('/bin', 'usr/bin'),
      symlink('/usr/bin/sh', 'dash'),
    ]);
    expect(chain.steps.map(({ path }) => path)).toEqual(['/s', '/usr/bin/dash']);
    expect(chain.loader).toBeUndefined();
  });

  it('of a script with a relative interpreter is found from the working directory', () => {
    const { chain } = start({ Cmd: ['/s'], WorkingDir: '/w' }, [script('/s', 'i'), elf('/w/i')]);
    expect(chain.steps[1]?.path).toBe('/w/i');
  });

  it('has its loader looked up', () => {
    const entries = [
      elf('/app', glibc),
      symlink('/lib64', 'usr/lib64'),
      elf('/usr/lib64/ld-linux-x86-64.so.2'),
    ];
    expect(start({ Cmd: ['/app'] }, entries).chain.loader).toMatchObject({
      name: glibc,
      executable: { path: '/usr/lib64/ld-linux-x86-64.so.2' },
    });
  });

  it('may be started through five scripts, not through six', () => {
    const scripts = Array.from({ length: 6 }, (_, i) => script(`/s${i}`, i === 0 ? '/app' : `/s${i - 1}`));
    expect(start({ Cmd: ['/s4'] }, [elf('/app'), ...scripts]).chain.steps).toHaveLength(6);
    expect(() => start({ Cmd: ['/s5'] }, [elf('/app'), ...scripts])).toThrow(/more than 5 scripts/);
  });

  it.each([
    ['of no known format', [program('/app', undefined)], 'entrypoint', /neither an ELF file nor a script/],
    [
      'for another machine',
      [elf('/app', undefined, 183)],
      'platform',
      /expected a program for x86-64, got one for arm64/,
    ],
    ['for an unknown machine', [elf('/app', undefined, 999)], 'platform', /ELF machine 999/],
    [
      'without its interpreter',
      [script('/app', '/bin/sh')],
      'entrypoint',
      /needs the interpreter \/bin\/sh.*no bin/,
    ],
    [
      'with an interpreter that is not executable',
      [script('/app', '/i'), file('/i')],
      'entrypoint',
      /not executable/,
    ],
    ['without its loader', [elf('/app', glibc)], 'entrypoint', /needs the interpreter \/lib64\/ld-linux/],
    ['whose interpreter is itself', [script('/app', '/app')], 'entrypoint', /more than 5 scripts/],
    [
      'for another C library',
      [elf('/app', '/lib/ld-uClibc.so.0'), elf('/lib/ld-uClibc.so.0')],
      'entrypoint',
      /glibc or musl/,
    ],
  ] as [string, LayerEntry[], string, RegExp][])('%s is an error', (_, entries, code, message) => {
    expect(() => start({ Cmd: ['/app'] }, entries)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});

describe('the working directory', () => {
  it.each<[string, string | null | undefined, string]>([
    ['absent', undefined, '/'],
    ['null', null, '/'],
    ['empty', '', '/'],
    ['not clean', '/srv/./x/../', '/srv'],
  ])('%s', (_, text, path) => {
    const found = startOfApp({ WorkingDir: text }, directory('/srv'), directory('/srv/x'));
    expect(found.workingDirectory).toEqual({ path, realPath: path, exists: true });
  });

  it('cannot be relative: no container starts then', () => {
    expect(() => startOfApp({ WorkingDir: 'srv' }, directory('/srv'))).toThrow(/"srv" is not absolute/);
  });

  it('keeps its name and knows its real path', () => {
    const found = startOfApp({ WorkingDir: '/w' }, directory('/srv'), symlink('/w', 'srv'));
    expect(found.workingDirectory).toEqual({ path: '/w', realPath: '/srv', exists: true });
  });

  it('that is not there is said to be missing, as engines make it', () => {
    expect(startOfApp({ WorkingDir: '/new' }).workingDirectory).toEqual({
      path: '/new',
      realPath: '/new',
      exists: false,
    });
  });

  it.each(['/app', '/app/x', '/loop'])('%s is an error', (path) => {
    expect(() => startOfApp({ WorkingDir: path }, symlink('/loop', 'loop'))).toThrow(
      /WORKDIR .* is not a directory/,
    );
  });
});

describe('the user', () => {
  const files = [
    file(
      '/etc/passwd',
      'root:x:0:0:root:/root:/bin/sh\n\n# comment\nweb:x:33:34:web:/var/www:/bin/sh\n77:x:5:6::/five:\nbroken:x:a:b\n+::::::\nhuge:x:4294967294:0::/:\n',
    ),
    file('/etc/group', 'root:x:0:\nwww:x:35:web\n88:x:9:\n'),
  ];

  it.each([
    ['', 0, 0, '/root'],
    ['root', 0, 0, '/root'],
    ['web', 33, 34, '/var/www'],
    ['33', 33, 34, '/var/www'],
    ['web:www', 33, 35, '/var/www'],
    ['web:0', 33, 0, '/var/www'],
    ['33:www', 33, 35, '/var/www'],
    ['1234', 1234, 0, '/'],
    ['1234:5678', 1234, 5678, '/'],
    ['77', 77, 0, '/'],
    ['web:88', 33, 88, '/var/www'],
    [':www', 0, 35, '/root'],
    ['web:', 33, 34, '/var/www'],
    ['0033', 33, 34, '/var/www'],
    ['2147483647', 2147483647, 0, '/'],
  ])('%j is uid %i, gid %i, home %s', (spec, uid, gid, home) => {
    expect(startOfApp({ User: spec }, ...files).user).toMatchObject({ uid, gid, home });
  });

  it.each([
    ['web', [35]],
    ['33', [35]],
    ['web:0', []],
    ['1234', []],
    ['', []],
  ])('%j has the supplementary groups %j', (spec, gids) => {
    const { supplementaryGroups } = startOfApp({ User: spec }, ...files).user;
    expect(supplementaryGroups.map(({ gid }) => gid)).toEqual(gids);
  });

  it('without a home in its account has an empty one, as from runc', () => {
    const passwd = file('/etc/passwd', 'web:x:33:34:::/bin/sh\n');
    expect(startOfApp({ User: 'web' }, passwd).user.home).toBe('');
  });

  it('by number needs no files', () => {
    expect(startOfApp({ User: '12:34' }).user).toMatchObject({ uid: 12, gid: 34, home: '/' });
    expect(startOfApp({ User: null }).user).toMatchObject({ uid: 0, gid: 0, home: '/' });
  });

  it.each([
    ['wbe', /\/etc\/passwd has no user "wbe" \(there is web\)/],
    ['nobody', /has no user "nobody"$/],
    ['web:ww', /\/etc\/group has no group "ww" \(there is www\)/],
    ['broken', /has no user "broken"/],
    ['2147483648', /from 0 to 2147483647, got 2147483648/],
    ['-1', /got -1/],
    ['0:4294967296', /a group id/],
    ['huge', /a user id from 0 to 2147483647, got 4294967294/],
  ])('%s is an error', (spec, message) => {
    expect(() => startOfApp({ User: spec }, ...files)).toThrow(
      expect.objectContaining({ code: 'user', message: expect.stringMatching(message) }),
    );
  });

  it('cannot be looked up in a file whose content was not kept', () => {
    const { content: _, ...unread } = file('/etc/passwd', 'x');
    expect(() => startOfApp({ User: '5' }, unread)).toThrow(/was not kept/);
  });
});

describe('the environment', () => {
  const read = (...entries: string[]) => startOfApp({ Env: entries }).environment;

  it('keeps the order, later values win, and any text is a value', () => {
    const { variables, notes } = read('A=1', 'B=x=y', 'A=2', 'C=', 'D=line\nline', 'E=ü', 'PATH=/bin');
    expect(variables).toEqual([
      ['A', '2'],
      ['B', 'x=y'],
      ['C', ''],
      ['D', 'line\nline'],
      ['E', 'ü'],
      ['PATH', '/bin'],
    ]);
    expect(notes).toEqual([]);
  });

  it('is empty where there is none', () => {
    expect(startOfApp({ Env: null }).environment).toEqual({ variables: [], notes: [] });
  });

  it('drops an entry without "=", and says so', () => {
    const { variables, notes } = read('X=1', 'LONELY');
    expect(variables).toEqual([['X', '1']]);
    expect(notes).toEqual([expect.stringMatching(/has no "="/)]);
  });

  it.each([
    ['no name', '=x', /"=x" has no name/],
    ['a NUL', 'A=\0', /holds a NUL/],
  ])('refuses an entry with %s: no container starts with it', (_, entry, message) => {
    expect(() => read('X=1', entry)).toThrow(message);
  });

  it.each(['A=caf\ufffd', 'A=\ud800'])('reports what was not UTF-8', (entry) => {
    const { variables, notes } = read(entry);
    expect(variables[0]?.[1]).toMatch(/\ufffd$/);
    expect(notes).toEqual([expect.stringMatching(/A was not valid UTF-8/)]);
  });
});

describe('the libraries', () => {
  const loader = [
    elf('/usr/lib64/ld-linux-x86-64.so.2'),
    symlink('/lib64', 'usr/lib64'),
    symlink('/lib', 'usr/lib'),
    directory('/usr/lib/x86_64-linux-gnu'),
  ];
  const libraries = (...entries: LayerEntry[]) =>
    start({ Cmd: ['/app'] }, [elf('/app', glibc), ...loader, ...entries]).libraries;

  it('of a glibc program are in the default directories under their real names, without repeats', () => {
    expect(libraries()).toEqual({
      libc: 'glibc',
      directories: ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib'],
      notes: [],
    });
  });

  it('are first in the directories of ld.so.conf that exist, with all that it includes', () => {
    const found = libraries(
      directory('/opt/one'),
      directory('/opt/two'),
      directory('/opt/three'),
      directory('/opt/four'),
      file(
        '/etc/ld.so.conf',
        '# comment\ninclude /etc/ld.so.conf.d/*.conf\n/opt/three=libc6 # old\n  /opt/missing\nhwcap 1 nosegneg\nrelative\n',
      ),
      file('/etc/ld.so.conf.d/b.conf', '/opt/one\r\n'),
      file('/etc/ld.so.conf.d/a.conf', '/opt/two\ninclude more\n'),
      file('/etc/ld.so.conf.d/more', '/opt/four\ninclude a.conf\n'),
      file('/etc/ld.so.conf.d/ignored.bak', '/usr'),
      file('/etc/ld.so.conf.d/.hidden.conf', '/usr'),
    );
    expect(found.directories.slice(0, 4)).toEqual(['/opt/two', '/opt/four', '/opt/one', '/opt/three']);
    expect(found.notes).toEqual([]);
  });

  it.each([
    ['[ab].conf', ['/opt/a', '/opt/b']],
    ['[!ab].conf', ['/opt/c']],
    ['?.conf', ['/opt/a', '/opt/b', '/opt/c']],
    ['[z-a].conf', []],
    ['[.conf', []],
    ['(.conf', []],
  ])('patterns such as %s work', (pattern, directories) => {
    const found = libraries(
      ...['a', 'b', 'c'].flatMap((name) => [
        directory(`/opt/${name}`),
        file(`/etc/x/${name}.conf`, `/opt/${name}`),
      ]),
      file('/etc/ld.so.conf', `include /etc/x/${pattern}`),
    );
    expect(found.directories.filter((path) => path.startsWith('/opt'))).toEqual(directories);
  });

  it('of an included file whose content was not kept are unknown, which is noted', () => {
    const { content: _, ...unread } = file('/opt/ld.conf', 'x');
    expect(libraries(file('/etc/ld.so.conf', 'include /opt/ld.conf'), unread).notes).toEqual([
      '/opt/ld.conf names library directories, but its content was not kept',
    ]);
  });

  it('of a glibc elsewhere are beside its loader too', () => {
    const path = '/nix/store/abc-glibc/lib/ld-linux-x86-64.so.2';
    const found = start({ Cmd: ['/app'] }, [elf('/app', path), elf(path)]).libraries;
    expect(found).toMatchObject({ libc: 'glibc', directories: ['/nix/store/abc-glibc/lib'] });
  });

  it('of a loader with its own name are known by its target', () => {
    const found = start({ Cmd: ['/app'] }, [
      elf('/app', '/l/loader'),
      symlink('/l/loader', '/r/ld-2.31.so'),
      elf('/r/ld-2.31.so'),
    ]);
    expect(found.libraries).toMatchObject({ libc: 'glibc', directories: ['/l'] });
  });

  it('of a musl program are beside its loader alone', () => {
    const found = start({ Cmd: ['/app'] }, [elf('/app', musl), elf(musl), directory('/usr/lib')]).libraries;
    expect(found).toEqual({ libc: 'musl', directories: ['/lib'], notes: [] });
  });

  it('of a static program are none', () => {
    expect(startOfApp({}).libraries).toEqual({ libc: 'static', directories: [], notes: [] });
  });

  it('of a script are those of its interpreter', () => {
    const found = start({ Cmd: ['/s'] }, [script('/s', '/bin/sh'), elf('/bin/sh', musl), elf(musl)]);
    expect(found.libraries.libc).toBe('musl');
  });
});
