import { describe, expect, test } from 'vitest';
import { GscError } from '../../../src/base/error.ts';
import { parseElf } from '../../../src/elf/elf.ts';
import { interpreterOf } from '../../../src/elf/elf-dynamic.ts';
import { findRuntime } from '../../../src/runtime/find/find-runtime.ts';
import {
  libpalContent,
  type Runtime,
  runtimeDigest,
  runtimeDirectories,
  runtimeFacts,
  runtimeFiles,
} from '../../../src/runtime/runtime.ts';
import type { ReadFiles } from '../../../src/runtime/tree-source.ts';
import { parseRuntimeVersion } from '../../../src/runtime/version.ts';
import { makeElf } from '../../support/runtime/make-elf.ts';
import {
  type Files,
  hostLibraries,
  installation,
  packageFiles,
  treeOf,
  without,
} from '../../support/runtime/make-tree.ts';

const debian = '/usr/lib/x86_64-linux-gnu/gramine';

function find(files: Files, version?: string): Promise<Runtime> {
  const { tree, readFiles } = treeOf(files);
  const given = version === undefined ? {} : { version: parseRuntimeVersion(version) };
  return findRuntime(tree, readFiles, { subject: 'the-image', ...given });
}

async function failure(files: Files, version?: string): Promise<GscError> {
  const error: unknown = await find(files, version).then(
    () => new Error('a runtime was found'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof GscError)) throw error;
  return error;
}

describe('the patches that a runtime was built with', () => {
  const marked = (...parts: readonly string[]): Files => {
    const files = installation();
    const more = parts.map((part) => {
      const path = `${debian}/${part}`;
      return [path, Buffer.concat([files[path] as Buffer, Buffer.from('gsc patch: linear-parse\0')])];
    });
    return { ...files, ...Object.fromEntries(more) };
  };

  test.each([
    ['none', [], []],
    ['library OS and PAL', ['libsysdb.so', 'sgx/libpal.so'], ['linear-parse']],
    ['the library OS alone: the PAL parses too', ['libsysdb.so'], []],
    ['the PAL alone', ['sgx/libpal.so', 'direct/libpal.so'], []],
  ])('are those whose marks are in %s', async (_name, parts, patches) => {
    expect((await find(marked(...parts))).patches).toEqual(patches);
  });

  test('are those of its image as well, each once', async () => {
    const { tree, readFiles } = treeOf(marked('libsysdb.so', 'sgx/libpal.so'));
    const options = { subject: 'x', patches: ['mine.patch', 'linear-parse'] };
    expect((await findRuntime(tree, readFiles, options)).patches).toEqual(['linear-parse', 'mine.patch']);
  });
});

describe('what is taken', () => {
  test('the package directory moves to /gramine/runtime, the host files to /gramine/host', async () => {
    const runtime = await find(installation());
    expect(runtimeFiles(runtime).map(({ path, mode }) => `${mode.toString(8)} ${path}`)).toEqual([
      '755 /gramine/host/ld.so',
      '644 /gramine/host/libc.so.6',
      '644 /gramine/host/libprotobuf-c.so.1',
      '644 /gramine/runtime/direct/libpal.so',
      '755 /gramine/runtime/direct/loader',
      '644 /gramine/runtime/libsysdb.so',
      '755 /gramine/runtime/runtime/glibc/ld-linux-x86-64.so.2',
      '644 /gramine/runtime/runtime/glibc/libc.so.6',
      '644 /gramine/runtime/sgx/libpal.so',
      '755 /gramine/runtime/sgx/loader',
    ]);
    expect(runtimeDirectories(runtime)).toEqual([
      '/gramine',
      '/gramine/host',
      '/gramine/runtime',
      '/gramine/runtime/direct',
      '/gramine/runtime/runtime',
      '/gramine/runtime/runtime/glibc',
      '/gramine/runtime/sgx',
    ]);
    expect(runtime.warnings).toEqual([]);
    expect(runtime.isStandIn).toBe(false);
    expect(runtime.sizeBytes).toBe(runtimeFiles(runtime).reduce((sum, file) => sum + file.content.length, 0));
  });

  test("the SGX loader gets its interpreter from /gramine/host; the direct loader and the libraries' bytes stay", async () => {
    const files = installation();
    const runtime = await find(files);
    const contentOf = (path: string) =>
      runtimeFiles(runtime).find((file) => file.path === path)?.content as Buffer;
    const loader = parseElf(contentOf('/gramine/runtime/sgx/loader'), 'loader');
    expect(interpreterOf(loader)?.path).toBe('/gramine/host/ld.so');
    expect(contentOf('/gramine/runtime/direct/loader')).toEqual(files[`${debian}/direct/loader`]);
    expect(libpalContent(runtime)).toEqual(files[`${debian}/sgx/libpal.so`]);
  });

  test('headers, archives, texts for linkers, start files, debug files and scripts are left out', async () => {
    const unwanted: Files = {
      [`${debian}/runtime/glibc/libc.a`]: '!<arch>\n',
      [`${debian}/runtime/glibc/crt1.o`]: makeElf(),
      [`${debian}/runtime/glibc/include/stdio.h`]: 'int puts(const char *);\n',
      [`${debian}/runtime/glibc/libc.so.6.debug`]: makeElf(),
      [`${debian}/runtime/glibc/.debug/libc.so.6`]: makeElf(),
      [`${debian}/runtime/glibc/libm.so`]: { link: 'libm.so.6' },
      [`${debian}/runtime/glibc/libm.so.6`]: makeElf({ soname: 'libm.so.6' }),
      [`${debian}/sgx/gdb_integration/sgx_gdb.so`]: makeElf(),
      [`${debian}/sgx/libpal.so.map`]: 'map\n',
      '/usr/lib/python3/dist-packages/graminelibos/x.so': makeElf(),
    };
    const runtime = await find({ ...installation(), ...unwanted });
    const expected = runtimeFiles(await find(installation())).map(({ path }) => path as string);
    expected.push('/gramine/runtime/runtime/glibc/libm.so.6');
    expect(runtimeFiles(runtime).map(({ path }) => path)).toEqual(expected.sort());
    expect(runtime.warnings).toEqual([]);
  });

  test('links of a C library to elsewhere become files: libraries for attestation come along', async () => {
    const attestation = makeElf({ soname: 'libra_tls_attest.so' });
    const runtime = await find({
      ...installation(),
      [`${debian}/runtime/glibc/libra_tls_attest.so`]: { link: '../../../libra_tls_attest.so' },
      '/usr/lib/x86_64-linux-gnu/libra_tls_attest.so': attestation,
    });
    const file = runtimeFiles(runtime).find(({ path }) =>
      path.endsWith('/runtime/glibc/libra_tls_attest.so'),
    );
    expect(file?.content).toEqual(attestation);
  });

  test('interpreters keep both of their names', async () => {
    const runtime = await find({
      ...installation(),
      [`${debian}/runtime/glibc/ld.so`]: { link: 'ld-linux-x86-64.so.2' },
      [`${debian}/runtime/musl/libc.so`]: makeElf({ soname: 'libc.so' }),
      [`${debian}/runtime/musl/ld-musl-x86_64.so.1`]: { link: 'libc.so' },
    });
    expect(runtime.cLibraries).toEqual(['glibc', 'musl']);
    const names = runtimeFiles(runtime).map(({ path, mode }) => `${mode.toString(8)} ${path}`);
    expect(names).toContain('755 /gramine/runtime/runtime/glibc/ld.so');
    expect(names).toContain('755 /gramine/runtime/runtime/musl/ld-musl-x86_64.so.1');
    expect(names).toContain('644 /gramine/runtime/runtime/musl/libc.so');
  });

  test('dead links, texts and files that are not ELF in a C library are left out and told', async () => {
    const runtime = await find({
      ...installation(),
      [`${debian}/runtime/glibc/libsecret_prov_attest.so`]: { link: '../../../libsecret_prov_attest.so' },
      [`${debian}/runtime/glibc/libnsl.so.1`]: 'GROUP ( /lib/libnsl.so.2 )\n',
    });
    expect(runtime.warnings).toEqual([
      "runtime/glibc/libsecret_prov_attest.so is a link to nothing in the runtime's tree; it is left out",
      'runtime/glibc/libnsl.so.1 is not an ELF file; it is left out',
    ]);
  });

  test('the facts for a manifest name the new places', async () => {
    const runtime = await find(installation());
    const facts = runtimeFacts(runtime);
    const sha256Of = (path: string) => runtimeFiles(runtime).find((file) => file.path === path)?.sha256;
    expect(facts.entrypoint).toEqual({
      uri: 'file:/gramine/runtime/libsysdb.so',
      sha256: sha256Of('/gramine/runtime/libsysdb.so'),
    });
    expect(facts.cLibraryDirectories).toEqual({ glibc: '/gramine/runtime/runtime/glibc' });
    expect(facts.trustedFiles.map(({ path }) => path)).toEqual([
      '/gramine/runtime/runtime/glibc/ld-linux-x86-64.so.2',
      '/gramine/runtime/runtime/glibc/libc.so.6',
    ]);
  });

  test('an image is asked for files twice: for the package, and for what its loader needs', async () => {
    const { tree, readFiles } = treeOf(installation());
    const asked: string[][] = [];
    const noteAndRead: ReadFiles = (paths) => {
      asked.push([...paths]);
      return readFiles(paths);
    };
    await findRuntime(tree, noteAndRead, { subject: 'x' });
    expect(asked.length).toBe(2);
    expect(new Set(asked.flat()).size).toBe(asked.flat().length);
  });

  test('more than 25 MB is reported, half a gigabyte is refused', async () => {
    const large = makeElf({ payload: 'x'.repeat(26_000_000) });
    const runtime = await find({ ...installation(), [`${debian}/runtime/glibc/libm.so.6`]: large });
    expect(runtime.warnings).toEqual([
      'the runtime has 26 MB, more than the usual 25: it may hold debug information',
    ]);
    const error = await failure({ ...installation(), [`${debian}/libsysdb.so`]: { claims: 600_000_000 } });
    expect(error.message).toMatch(/^the-image: expected a runtime of at most 512000000 bytes, got 6\d{8}$/);
    const library = await failure({
      ...installation(),
      '/usr/lib/x86_64-linux-gnu/libc.so.6': { claims: 300_000_000 },
    });
    expect(library.message).toBe(
      '/usr/lib/x86_64-linux-gnu/libc.so.6: expected at most 256000000 bytes, got 300000000',
    );
  });
});

describe('where it is', () => {
  const places = [
    '/usr/lib/x86_64-linux-gnu/gramine',
    '/usr/lib64/gramine',
    '/usr/local/lib/x86_64-linux-gnu/gramine',
    '/usr/local/lib64/gramine',
    '/gramine/meson_build_output/lib/x86_64-linux-gnu/gramine',
    '/gramine/meson_build_output/lib64/gramine',
    '/opt/intel/lib/gramine',
    '/srv/anything',
  ];

  test.each(places)('%s: the same files give the same layer', async (directory) => {
    const expected = await find(installation());
    const runtime = await find(installation(directory), '1.9');
    expect(runtime.origin).toBe(directory);
    expect(runtimeFiles(runtime)).toEqual(runtimeFiles(expected));
    expect(runtimeDigest(runtime)).toBe(runtimeDigest(expected));
  });

  test('the root itself may be the package directory', async () => {
    const runtime = await find({ ...packageFiles(''), ...hostLibraries }, '1.9');
    expect(runtime.origin).toBe('/');
    expect(runtimeDigest(runtime)).toBe(runtimeDigest(await find(installation())));
  });

  test('the root may be an install prefix', async () => {
    const runtime = await find(installation('/lib64/gramine'));
    expect(runtime.origin).toBe('/lib64/gramine');
    expect(runtime.version.text).toBe('1.9');
  });

  test('an RPM system has its libraries in /usr/lib64, reached through /lib64', async () => {
    const { '/lib64/ld-linux-x86-64.so.2': _, '/lib': __, ...libraries } = hostLibraries;
    const moved = Object.entries(libraries).map(([path, file]) => [
      path.replace('/usr/lib/x86_64-linux-gnu/', '/usr/lib64/'),
      file,
    ]);
    const files: Files = {
      ...packageFiles('/usr/lib64/gramine'),
      ...Object.fromEntries(moved),
      '/lib64': { link: 'usr/lib64' },
      '/usr/lib/python3.9/site-packages/graminelibos/__init__.py': "__version__ = '1.9'\n",
    };
    const runtime = await find(files);
    expect(runtime.version.text).toBe('1.9');
    expect(runtimeDigest(runtime)).toBe(runtimeDigest(await find(installation())));
  });

  test('a build for musl alone has no glibc', async () => {
    const files: Files = {
      ...without(installation(), `${debian}/runtime/glibc`),
      [`${debian}/runtime/musl/libc.so`]: makeElf({ soname: 'libc.so' }),
      [`${debian}/runtime/musl/ld-musl-x86_64.so.1`]: { link: 'libc.so' },
    };
    const runtime = await find(files);
    expect(runtime.cLibraries).toEqual(['musl']);
    expect(runtimeFacts(runtime).cLibraryDirectories).toEqual({ musl: '/gramine/runtime/runtime/musl' });
  });

  test("the project's own images have the package and dpkg's status, but perhaps no launcher that tells", async () => {
    const files: Files = {
      ...without(installation(), '/usr/bin'),
      '/usr/bin/gramine-sgx': '#!/usr/bin/env bash\nexec something "$@"\n',
      '/var/lib/dpkg/status': 'Package: gramine\nStatus: install ok installed\nVersion: 1.9\n',
    };
    expect((await find(files)).version.text).toBe('1.9');
  });

  test('a runtime taken from a graminized image is the same runtime', async () => {
    const first = await find(installation());
    const again = await find(
      Object.fromEntries(runtimeFiles(first).map(({ path, content }) => [path, content])),
      '1.9',
    );
    expect(again.origin).toBe('/gramine/runtime');
    expect(runtimeFiles(again)).toEqual(runtimeFiles(first));
    expect(runtimeDigest(again)).toBe(runtimeDigest(first));
  });

  test('of several, the best known place is taken and the others are reported', async () => {
    const files = {
      ...packageFiles('/a/gramine', 'other'),
      ...installation('/usr/local/lib64/gramine', '1.8'),
      ...packageFiles('/usr/lib64/gramine', 'best'),
      '/usr/bin/gramine-direct': 'echo Gramine 1.7',
    };
    const runtime = await find(files);
    expect(runtime.origin).toBe('/usr/lib64/gramine');
    expect(runtime.version.release).toBe('1.7');
    expect(runtime.warnings).toEqual([
      '/usr/local/lib64/gramine is a runtime too; /usr/lib64/gramine is used',
      '/a/gramine is a runtime too; /usr/lib64/gramine is used',
    ]);
  });

  test('one runtime under two names is one runtime', async () => {
    const files = { ...installation('/usr/lib/gramine'), '/usr/lib64': { link: 'lib' } };
    const runtime = await find(files);
    expect(runtime.origin).toBe('/usr/lib/gramine');
    expect(runtime.warnings).toEqual([]);
  });

  test('an incomplete one at a better place does not stand in the way', async () => {
    const incomplete = without(packageFiles('/usr/lib64/gramine'), '/usr/lib64/gramine/sgx');
    const runtime = await find({ ...installation('/usr/local/lib64/gramine'), ...incomplete });
    expect(runtime.origin).toBe('/usr/local/lib64/gramine');
  });

  test('parts may be links', async () => {
    const files = {
      ...without(installation(), `${debian}/runtime/glibc`),
      [`${debian}/runtime/glibc`]: { link: '/srv/glibc' },
      '/srv/glibc/libc.so.6': makeElf({ soname: 'libc.so.6' }),
    };
    const paths = runtimeFiles(await find(files)).map(({ path }) => path);
    expect(paths).toContain('/gramine/runtime/runtime/glibc/libc.so.6');
  });
});

describe('what is missing is named', () => {
  test('nothing like a runtime', async () => {
    const error = await failure({ '/bin/sh': makeElf() });
    expect(error.code).toBe('runtime');
    expect(error.message).toMatch(
      /^the-image: no Gramine runtime found: looked for libsysdb\.so, sgx\/loader, .*; nothing similar is there$/,
    );
    expect(error.hint).toBeDefined();
  });

  test.each([
    ['sgx', 'sgx/loader, sgx/libpal.so'],
    ['direct', 'direct/loader, direct/libpal.so'],
    ['libsysdb.so', 'libsysdb.so'],
    ['runtime', 'runtime/glibc or runtime/musl'],
  ])('a runtime without %s', async (part, named) => {
    const error = await failure(without(installation(), `${debian}/${part}`));
    expect(error.code).toBe('runtime');
    expect(error.message).toMatch(new RegExp(`the nearest is ${debian}, which lacks ${named}$`));
  });

  test('several parts at once', async () => {
    const error = await failure({ ...hostLibraries, [`${debian}/libsysdb.so`]: makeElf() });
    expect(error.message).toMatch(
      /which lacks sgx\/loader, sgx\/libpal\.so, direct\/loader, direct\/libpal\.so, runtime\/glibc or runtime\/musl$/,
    );
  });

  test('a C library whose directory is empty of shared objects', async () => {
    const files: Files = {
      ...without(installation(), `${debian}/runtime/glibc`),
      [`${debian}/runtime/glibc/libc.a`]: '!<arch>\n',
    };
    expect((await failure(files)).message).toMatch(/which lacks runtime\/glibc or runtime\/musl$/);
  });

  test.each([
    ['a link to nothing', { link: '/gone' }],
    ['a link to itself', { link: 'loader' }],
    ['a link to a directory', { link: '/usr' }],
  ])('a loader that is %s', async (_name, loader) => {
    const error = await failure({ ...installation(), [`${debian}/sgx/loader`]: loader });
    expect(error.message).toMatch(/which lacks sgx\/loader$/);
  });

  test.each(['libsysdb.so', 'sgx/libpal.so', 'direct/loader'])('a %s that is a text', async (part) => {
    const error = await failure({ ...installation(), [`${debian}/${part}`]: 'hello\n' });
    expect(error.code).toBe('runtime');
    expect(error.message).toBe(`${debian}/${part}: expected an ELF file`);
  });

  test.each([
    [
      'libsysdb.so',
      { '/graphene/Runtime/libpal-Linux-SGX.so': makeElf(), '/graphene/Runtime/libsysdb2.so': '' },
      /the Graphene in \/graphene\/Runtime lacks libsysdb\.so, pal-Linux-SGX, libc\.so\.6/,
    ],
    [
      'what tells the release',
      packageFiles('/usr/lib/x86_64-linux-gnu/graphene'),
      /no file tells the version of the Graphene in \/usr\/lib\/x86_64-linux-gnu\/graphene/,
    ],
  ])('a Graphene without %s', async (_name, files, message) => {
    const error = await failure({ ...files, ...hostLibraries });
    expect(error.code).toBe('runtime');
    expect(error.message).toMatch(message);
  });
});

describe('stand-in', () => {
  test('the mark in libsysdb.so tells a stand-in', async () => {
    const libos = makeElf({ payload: 'gsc runtime stand-in: not Gramine, no enclave' });
    const runtime = await find({ ...installation(), [`${debian}/libsysdb.so`]: libos });
    expect(runtime.isStandIn).toBe(true);
  });
});

test('the digest tells contents, modes and names apart', async () => {
  const digests = await Promise.all(
    [
      installation(),
      { ...installation(), [`${debian}/libsysdb.so`]: makeElf({ payload: 'x' }) },
      { ...installation(), [`${debian}/runtime/glibc/libx.so.1`]: makeElf() },
      { ...installation(), [`${debian}/runtime/glibc/libx.so.2`]: makeElf() },
    ].map(async (files) => runtimeDigest(await find(files))),
  );
  expect(new Set(digests).size).toBe(4);
});

describe('gramine-ratls', () => {
  const program = makeElf({ interpreter: '/lib64/ld-linux-x86-64.so.2', payload: 'ratls' });

  test.each([
    ['/usr/lib/x86_64-linux-gnu/gramine', '/usr/bin/gramine-ratls'],
    ['/opt/gramine/lib64/gramine', '/opt/gramine/bin/gramine-ratls'],
    ['/gramine/runtime', '/gramine/runtime/gramine-ratls'],
  ])(
    'of the installation in %s is found at %s, beside the files of every image',
    async (directory, place) => {
      const files = { ...installation(directory), [place]: program };
      const { raTls, files: all } = await find(files, '1.9');
      expect(raTls).toMatchObject({ path: '/gramine/runtime/gramine-ratls', mode: 0o755, content: program });
      expect(all).toEqual((await find(installation(directory), '1.9')).files);
    },
  );

  test('of another installation is not taken, and none is fine', async () => {
    const files = { ...installation(), '/opt/bin/gramine-ratls': program };
    expect((await find(files)).raTls).toBeUndefined();
  });

  test('that is not an ELF file is an error', async () => {
    const error = await failure({ ...installation(), '/usr/bin/gramine-ratls': '#!/bin/sh' });
    expect(error).toMatchObject({ code: 'runtime', subject: '/usr/bin/gramine-ratls' });
  });
});
