import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, type TestContext, test } from 'vitest';
import { collectScript } from '../../../src/runtime/recipe/collect-script.ts';
import type { Family } from '../../../src/runtime/version.ts';
import { needs } from '../../support/end-to-end/stage.ts';
import { standinRuntime } from '../../support/images/standin-runtime.ts';
import { scratchDirectory } from '../../support/store/scratch.ts';

describe('collect-runtime.sh', () => {
  test('takes the parts, the launcher and the loader with its libraries, links followed, and nothing else', async (context) => {
    const { installed, out } = await installedStandin(context);
    writeFileSync(join(installed, 'include.h'), '');
    writeFileSync(join(installed, 'lib/x86_64-linux-gnu/gramine/libpal.a'), '');
    const said = collect('gramine', installed, out);
    expect([said.status, said.stderr]).toEqual([0, '']);
    const files = filesBelow(join(out, installed));
    expect(files).toContain('/bin/gramine-sgx');
    expect(files).toContain('/lib/x86_64-linux-gnu/gramine/sgx/loader');
    expect(files).toContain('/lib/x86_64-linux-gnu/gramine/runtime/glibc/libra_tls_attest.so');
    expect(files.filter((file) => /\.(h|a|md)$/.test(file))).toEqual([]);
    const host = filesBelow(out).filter((file) => !file.startsWith(installed));
    expect(host.some((file) => file.endsWith('/ld-linux-x86-64.so.2'))).toBe(true);
    expect(host.some((file) => file.endsWith('/libc.so.6'))).toBe(true);
  });

  test('leaves the bytes alone unless asked to strip, and then those that are loaded', async (context) => {
    needs(context, 'cc strip');
    const { installed, out } = await installedStandin(context);
    const libpal = join(installed, 'lib/x86_64-linux-gnu/gramine/sgx/libpal.so');
    collect('gramine', installed, out);
    expect(readFileSync(join(out, libpal)).equals(readFileSync(libpal))).toBe(true);
    rmSync(out, { recursive: true });
    const said = collect('gramine', installed, out, 'strip');
    expect([said.status, said.stderr]).toEqual([0, '']);
    expect(loadedBytes(join(out, libpal))).toEqual(loadedBytes(libpal));
  });

  test.for([
    ['libsysdb.so', /there is no libsysdb\.so below/],
    ['sgx/libpal.so', /there is no .*sgx\/libpal\.so/],
    ['direct/loader', /there is no .*direct\/loader/],
    ['sgx/loader', /there is no .*sgx\/loader/],
  ] as const)('without %s it fails and says so', async ([part, message], context) => {
    const { installed, out } = await installedStandin(context);
    rmSync(join(installed, 'lib/x86_64-linux-gnu/gramine', part));
    const said = collect('gramine', installed, out);
    expect(said.status).toBe(1);
    expect(said.stderr).toMatch(message);
  });

  test('fails where the loader lacks a library', async (context) => {
    const { installed, out } = await installedStandin(context);
    const loader = join(installed, 'lib/x86_64-linux-gnu/gramine/sgx/loader');
    const needing = readFileSync(loader, 'latin1').replace('libprotobuf-c.so.1', 'libprotobuf-x.so.1');
    writeFileSync(loader, needing, 'latin1');
    const said = collect('gramine', installed, out);
    expect(said.status).toBe(1);
    expect(said.stderr).toMatch(/libprotobuf-x\.so\.1 => not found[\s\S]*lacks libraries/);
  });

  test('of Graphene takes Runtime/, links followed', async (context) => {
    const { installed, out } = await installedStandin(context);
    const runtime = join(installed, '../graphene/Runtime');
    const built = join(installed, 'lib/x86_64-linux-gnu/gramine');
    mkdirSync(runtime, { recursive: true });
    for (const [name, target] of [
      ['libsysdb.so', 'libsysdb.so'],
      ['libpal-Linux.so', 'direct/libpal.so'],
      ['libpal-Linux-SGX.so', 'sgx/libpal.so'],
      ['pal-Linux', 'direct/loader'],
      ['pal-Linux-SGX', 'sgx/loader'],
      ['libc.so.6', 'runtime/glibc/libc.so.6'],
    ] as const)
      symlinkSync(join(built, target), join(runtime, name));
    const said = collect('graphene', runtime, out);
    expect([said.status, said.stderr]).toEqual([0, '']);
    expect(filesBelow(join(out, runtime))).toEqual([
      '/libc.so.6',
      '/libpal-Linux-SGX.so',
      '/libpal-Linux.so',
      '/libsysdb.so',
      '/pal-Linux',
      '/pal-Linux-SGX',
    ]);
  });
});

/** The stand-in, installed below its own prefix; its library for the loader lies where ldd finds it. */
async function installedStandin(
  context: TestContext,
): Promise<{ readonly installed: string; readonly out: string }> {
  needs(context, 'cc');
  const directory = scratchDirectory();
  const installed = join(directory, 'prefix');
  cpSync(join((await standinRuntime()).root, 'usr'), installed, { recursive: true, verbatimSymlinks: true });
  libraryPath = join(installed, 'lib/x86_64-linux-gnu');
  // The stand-in carries the C library of this machine beside it: ldd shall take the machine's own.
  rmSync(join(libraryPath, 'libc.so.6'));
  return { installed, out: join(directory, 'out') };
}

let libraryPath = '';

function collect(family: Family, installed: string, out: string, ...more: readonly string[]) {
  return spawnSync('sh', ['-s', installed, out, ...more], {
    input: collectScript(family),
    encoding: 'utf8',
    env: { PATH: process.env.PATH, LD_LIBRARY_PATH: libraryPath },
  });
}

/** Paths of all regular files, each with a slash before it, sorted. */
function filesBelow(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(directory, name)).isFile())
    .map((name) => `/${name}`)
    .sort();
}

/** What program headers load, as readelf shows it, and those bytes. */
function loadedBytes(file: string): readonly string[] {
  const listed = spawnSync('readelf', ['-lW', file], { encoding: 'utf8' }).stdout;
  const content = readFileSync(file);
  return [...listed.matchAll(/^ +LOAD +(0x\w+) (0x\w+) \S+ (0x\w+) (0x\w+) (.*)$/gm)].map(
    ([, offset, address, fileSize, memorySize, rest]) =>
      `${address} ${memorySize} ${rest} ${content
        .subarray(Number(offset), Number(offset) + Number(fileSize))
        .subarray(Number(offset) === 0 ? 64 : 0)
        .toString('hex')}`,
  );
}
