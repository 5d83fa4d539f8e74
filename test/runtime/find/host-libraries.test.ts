import { describe, expect, test } from 'vitest';
import { imagePath } from '../../../src/base/image-path.ts';
import { findHostFiles } from '../../../src/runtime/find/host-libraries.ts';
import { makeElf } from '../../support/runtime/make-elf.ts';
import { type Files, treeOf } from '../../support/runtime/make-tree.ts';

const interpreter = '/lib64/ld-linux-x86-64.so.2';
const base: Files = { [interpreter]: makeElf({ soname: 'ld-linux-x86-64.so.2' }) };

/** The host files of `/opt/g/sgx/loader`, each as `name <- origin`. */
async function find(files: Files): Promise<string[]> {
  const found = await findHostFiles(treeOf(files), imagePath('/opt/g/sgx/loader'));
  return found.map(({ name, origin }) => `${name} <- ${origin}`);
}

function loader(needed: readonly string[], more: object = {}): Files {
  return { ...base, '/opt/g/sgx/loader': makeElf({ interpreter, needed, ...more }) };
}

const library = (soname: string, needed: readonly string[] = [], more: object = {}) =>
  makeElf({ soname, needed, ...more });

describe('where libraries are found', () => {
  test('a static loader needs nothing', async () => {
    expect(await find({ '/opt/g/sgx/loader': makeElf() })).toEqual([]);
  });

  test('all that is needed, directly or not, once, under the name that is asked for', async () => {
    const files = {
      ...loader(['liba.so.1', 'libb.so.1']),
      '/usr/lib/x86_64-linux-gnu/liba.so.1': { link: 'liba.so.1.2.3' },
      '/usr/lib/x86_64-linux-gnu/liba.so.1.2.3': library('liba.so.1', ['libc.so.6', 'libb.so.1']),
      '/lib/x86_64-linux-gnu/libb.so.1': library('libb.so.1', ['libc.so.6', 'liba.so.1']),
      '/usr/lib64/libc.so.6': library('libc.so.6', ['ld-linux-x86-64.so.2']),
    };
    expect(await find(files)).toEqual([
      `ld.so <- ${interpreter}`,
      'liba.so.1 <- /usr/lib/x86_64-linux-gnu/liba.so.1.2.3',
      'libb.so.1 <- /lib/x86_64-linux-gnu/libb.so.1',
      'libc.so.6 <- /usr/lib64/libc.so.6',
    ]);
  });

  test('libraries of another machine are skipped', async () => {
    const files = {
      ...loader(['liba.so.1']),
      '/lib/x86_64-linux-gnu/liba.so.1': library('liba.so.1', [], { is32Bit: true }),
      '/usr/lib/x86_64-linux-gnu/liba.so.1': 'INPUT ( liba.so.2 )\n',
      '/usr/lib/liba.so.1': library('liba.so.1'),
    };
    expect((await find(files)).at(-1)).toBe('liba.so.1 <- /usr/lib/liba.so.1');
  });

  test('/etc/ld.so.conf comes before the usual directories; includes, comments and patterns count', async () => {
    const files = {
      ...loader(['liba.so.1', 'libb.so.1', 'libc.so.1']),
      '/etc/ld.so.conf':
        '# libraries\ninclude ld.so.conf.d/*.conf\ninclude /etc/gone/*.conf\nhwcap 0 nosegneg\n/srv/last\n',
      '/etc/ld.so.conf.d/20-b.conf': '/srv/b # two\n',
      '/etc/ld.so.conf.d/10-a.conf': '/srv/a=libc6\n\ninclude /etc/ld.so.conf\n',
      '/etc/ld.so.conf.d/README': '/srv/readme\n',
      '/srv/a/liba.so.1': library('liba.so.1'),
      '/srv/b/liba.so.1': library('liba.so.1'),
      '/srv/b/libb.so.1': library('libb.so.1'),
      '/srv/last/libc.so.1': library('libc.so.1'),
      '/usr/lib/liba.so.1': library('liba.so.1'),
    };
    expect((await find(files)).slice(1)).toEqual([
      'liba.so.1 <- /srv/a/liba.so.1',
      'libb.so.1 <- /srv/b/libb.so.1',
      'libc.so.1 <- /srv/last/libc.so.1',
    ]);
  });

  test('files of ld.so.conf that include each other are read once', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [
        `/etc/ld.so.conf.d/${i}.conf`,
        `include /etc/ld.so.conf.d/*\n/srv/${i}\n`,
      ]),
    );
    const files = {
      ...loader(['liba.so.1']),
      ...many,
      '/usr/etc/ld.so.conf': 'include /etc/ld.so.conf.d/*.conf\n',
      '/srv/7/liba.so.1': library('liba.so.1'),
    };
    expect((await find(files)).at(-1)).toBe('liba.so.1 <- /srv/7/liba.so.1');
  });

  test.each(['$ORIGIN/../own', `$${'{ORIGIN}'}/../own`, '/gone:$ORIGIN/../own:/x/$LIB'])(
    'RUNPATH %s comes before the configured directories',
    async (runpath) => {
      const files = {
        ...loader(['liba.so.1'], { runpath }),
        '/usr/lib/liba.so.1': library('liba.so.1'),
        '/opt/g/own/liba.so.1': library('liba.so.1'),
      };
      expect((await find(files)).at(-1)).toBe('liba.so.1 <- /opt/g/own/liba.so.1');
    },
  );

  test('RPATH holds for what the libraries need, RUNPATH does not', async () => {
    const rest = {
      '/own/liba.so.1': library('liba.so.1', ['libb.so.1']),
      '/own/libb.so.1': library('libb.so.1'),
    };
    expect((await find({ ...loader(['liba.so.1'], { rpath: '/own' }), ...rest })).at(-1)).toBe(
      'libb.so.1 <- /own/libb.so.1',
    );
    await expect(find({ ...loader(['liba.so.1'], { runpath: '/own' }), ...rest })).rejects.toThrow(
      /^\/own\/liba\.so\.1: needs libb\.so\.1/,
    );
  });

  test('RPATH is dead where there is a RUNPATH', async () => {
    const files = {
      ...loader(['liba.so.1'], { rpath: '/old', runpath: '/new' }),
      '/old/liba.so.1': library('liba.so.1', [], { payload: 'old' }),
      '/new/liba.so.1': library('liba.so.1'),
    };
    expect((await find(files)).at(-1)).toBe('liba.so.1 <- /new/liba.so.1');
  });

  test("musl's interpreter is its C library, whatever name is asked for", async () => {
    const musl = '/lib/ld-musl-x86_64.so.1';
    const files = {
      '/opt/g/sgx/loader': makeElf({
        interpreter: musl,
        needed: ['libprotobuf-c.so.1', 'libc.musl-x86_64.so.1', 'libpthread.so.0'],
      }),
      [musl]: library('libc.musl-x86_64.so.1'),
      '/usr/lib/libprotobuf-c.so.1': library('libprotobuf-c.so.1', ['libc.so']),
    };
    expect(await find(files)).toEqual([
      `ld.so <- ${musl}`,
      'libprotobuf-c.so.1 <- /usr/lib/libprotobuf-c.so.1',
    ]);
  });

  test("musl's own path file replaces its usual directories", async () => {
    const musl = '/lib/ld-musl-x86_64.so.1';
    const files = {
      '/opt/g/sgx/loader': makeElf({ interpreter: musl, needed: ['liba.so'] }),
      [musl]: library('libc.so'),
      '/etc/ld-musl-x86_64.path': '/srv/one:/srv/two\n/srv/three\n',
      '/lib/liba.so': library('liba.so'),
      '/srv/three/liba.so': library('liba.so'),
    };
    expect((await find(files)).at(-1)).toBe('liba.so <- /srv/three/liba.so');
  });
});

describe('what cannot be found is named', () => {
  const needsA = loader(['liba.so.1']);
  const bad: readonly (readonly [string, Files, RegExp])[] = [
    [
      'a library',
      needsA,
      /^\/opt\/g\/sgx\/loader: needs liba\.so\.1, which the runtime's own tree does not have; looked in .*\/usr\/lib$/,
    ],
    [
      'a library of a library',
      { ...needsA, '/lib/liba.so.1': library('liba.so.1', ['libz.so.1']) },
      /^\/lib\/liba\.so\.1: needs libz\.so\.1/,
    ],
    [
      'a library that is only there for another machine',
      { ...needsA, '/lib/liba.so.1': makeElf({ is32Bit: true }) },
      /needs liba\.so\.1/,
    ],
    ['a dead link', { ...needsA, '/lib/liba.so.1': { link: 'liba.so.1.0' } }, /needs liba\.so\.1/],
    ['a loop of links', { ...needsA, '/lib/liba.so.1': { link: 'liba.so.1' } }, /needs liba\.so\.1/],
    [
      'the interpreter',
      { '/opt/g/sgx/loader': makeElf({ interpreter, needed: [] }) },
      /^\/opt\/g\/sgx\/loader: needs \/lib64\/ld-linux-x86-64\.so\.2, which/,
    ],
    [
      'a library by its path',
      loader(['/usr/lib/liba.so.1']),
      /needs a library by its path, \/usr\/lib\/liba\.so\.1/,
    ],
  ];

  test.each(bad)('%s', async (_name, files, message) => {
    await expect(find(files)).rejects.toMatchObject({
      code: 'runtime',
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
  });

  test.each([
    ['a damaged library', { ...needsA, '/lib/liba.so.1': library('liba.so.1').subarray(0, 200) }],
    ['a loader that is no program', { ...base, '/opt/g/sgx/loader': '#!/bin/sh\n' }],
    ['a damaged interpreter', { ...needsA, [interpreter]: 'ld.so' }],
  ] as const)('%s is an elf error', async (_name, files) => {
    await expect(find(files)).rejects.toMatchObject({ code: 'elf' });
  });
});
