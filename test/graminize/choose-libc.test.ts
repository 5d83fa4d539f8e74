import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ImagePath } from '../../src/base/image-path.ts';
import { chooseLibc, type LibcWish } from '../../src/graminize/choose-libc.ts';
import { collectBytes } from '../../src/image/verified-stream.ts';
import { findRuntime } from '../../src/runtime/find/find-runtime.ts';
import { scanRootDirectory } from '../../src/scan/scan-root-directory.ts';
import { findStart } from '../../src/start/container-process.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { standinRuntime } from '../support/images/standin-runtime.ts';
import { hasTool } from '../support/tool.ts';

const canCompile = hasTool('cc');
if (!canCompile && process.env.CI) throw new Error('cc is needed for these tests');
if (!canCompile) process.stderr.write('SKIPPED: the choice of the C library: cc is not installed\n');
const testIfCompiled = test.skipIf(!canCompile);

let folder: string;
let image: string;
/** The newest version that this machine's C library, which is the image's, defines: 36 of GLIBC_2.36. */
let newest: number;

beforeAll(() => {
  if (!canCompile) return;
  folder = mkdtempSync(join(tmpdir(), 'choose-libc-'));
  image = join(folder, 'image');
  const cLibrary = realpathSync(libraryOfCompiler('libc.so.6'));
  const versions = readFileSync(cLibrary, 'latin1').match(/GLIBC_2\.(\d+)(?=\0)/g) ?? [];
  newest = Math.max(...versions.map((name) => Number(name.slice('GLIBC_2.'.length))));
  put(cLibrary, '/usr/lib/x86_64-linux-gnu/libc.so.6');
  put(realpathSync(libraryOfCompiler('libm.so.6')), '/usr/lib/x86_64-linux-gnu/libm.so.6');
  put(realpathSync(libraryOfCompiler('ld-linux-x86-64.so.2')), '/lib64/ld-linux-x86-64.so.2');
  compile('int main(void) { return 0; }', '/app/plain');
  // A library that asks for what only the newest glibc of this image has, found through the program's RUNPATH.
  demandNewest('/app/lib/libnew.so');
  compile('int demand(void); int main(void) { return demand(); }', '/app/uses-new', [
    '-L',
    join(image, 'app/lib'),
    '-lnew',
    '-Wl,--allow-shlib-undefined',
    '-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib',
  ]);
  compile('int main(void) { return 0; }', '/app/lacks-library', [
    '-Wl,--no-as-needed',
    '-Wl,--allow-shlib-undefined',
    '-L',
    join(image, 'app/lib'),
    '-lnew',
  ]);
  compile('int main(void) { return 0; }', '/app/static', ['-static']);
});
afterAll(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

function libraryOfCompiler(name: string): string {
  return execFileSync('cc', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
}

function put(from: string, path: string): void {
  mkdirSync(dirname(join(image, path)), { recursive: true });
  cpSync(from, join(image, path));
}

function compile(source: string, path: string, flags: readonly string[] = []): void {
  mkdirSync(dirname(join(image, path)), { recursive: true });
  execFileSync('cc', ['-x', 'c', '-', '-x', 'none', '-o', join(image, path), ...flags], { input: source });
}

/** Links against a stub with the newest version's name: no function of this glibc has to be known. */
function demandNewest(path: string): void {
  const stub = join(folder, 'stub');
  mkdirSync(stub, { recursive: true });
  writeFileSync(join(stub, 'versions'), `GLIBC_2.${newest} { global: newest_of_all; };\n`);
  const flags = ['-shared', '-fPIC', '-nostdlib', '-x', 'c', '-'];
  execFileSync(
    'cc',
    [...flags, '-Wl,-soname,libc.so.6', `-Wl,--version-script,${stub}/versions`, '-o', `${stub}/libc.so.6`],
    { input: 'int newest_of_all(void) { return 0; }' },
  );
  const file = join(image, path);
  mkdirSync(dirname(file), { recursive: true });
  execFileSync('cc', [...flags, '-o', file, '-x', 'none', `${stub}/libc.so.6`], {
    input: 'int newest_of_all(void); int demand(void) { return newest_of_all(); }',
  });
}

/** The stand-in runtime with a libc.so.6 that defines the versions from 2.2.5 up to `last` (as 35 for GLIBC_2.35). */
async function runtimeUpTo(last: number | undefined) {
  const directory = join(folder, `runtime-${last}`);
  const standIn = await standinRuntime();
  cpSync(standIn.root, directory, { recursive: true, verbatimSymlinks: true });
  const glibc = join(directory, 'usr/lib/x86_64-linux-gnu/gramine/runtime/glibc');
  if (last === undefined) {
    // A build of Gramine for musl only.
    cpSync(glibc, join(dirname(glibc), 'musl'), { recursive: true, verbatimSymlinks: true });
    rmSync(glibc, { recursive: true });
  } else {
    const standInMap = readFileSync(
      new URL('../../runtime-standin/runtime/libc.map', import.meta.url),
      'utf8',
    );
    const names = standInMap.match(/^GLIBC_[\w.]+/gm) ?? [];
    const kept = names.filter((name) => !(Number(/^GLIBC_2\.(\d+)/.exec(name)?.[1]) > last));
    const map = join(folder, `map-${last}`);
    writeFileSync(map, kept.map((name) => `${name} { };\n`).join(''));
    execFileSync(
      'cc',
      [
        '-shared',
        '-nostdlib',
        '-Wl,-soname,libc.so.6',
        `-Wl,--version-script,${map}`,
        '-x',
        'c',
        '-',
        '-o',
      ].concat(join(glibc, 'libc.so.6')),
      { input: '' },
    );
  }
  const { tree, readFiles } = await open(directory);
  return findRuntime(tree, readFiles, { subject: 'doctored runtime' });
}

async function open(directory: string) {
  const root = await scanRootDirectory(directory);
  const tree = mergeLayers([root.entries]);
  let reads = 0;
  const readFiles = async (paths: readonly ImagePath[]) => {
    reads += 1;
    const contents = new Map<ImagePath, Buffer>();
    for (const path of paths) contents.set(path, await collectBytes(root.open(path)));
    return contents;
  };
  return { tree, readFiles, reads: () => reads };
}

async function choose(program: string, last: number | undefined, wish: LibcWish = 'auto') {
  const { tree, readFiles, reads } = await open(image);
  const config = { config: { Entrypoint: [program] }, rootfs: { type: 'layers' as const } };
  const start = findStart(config, tree, 'test');
  const runtime = await runtimeUpTo(last);
  const decision = await chooseLibc(wish, { start, tree, runtime, readFiles });
  return { ...decision, reads: reads() };
}

testIfCompiled(
  "the runtime's glibc is taken where it is as new as the image's, without reading a file",
  async () => {
    expect(await choose('/app/uses-new', newest)).toEqual({
      choice: 'runtime',
      reason: "it has every symbol version of the image's glibc",
      notes: [],
      reads: 0,
    });
  },
);

testIfCompiled(
  "the image's is taken where the program demands what the runtime's lacks, and that is named",
  async () => {
    expect(await choose('/app/plain', 33)).toMatchObject({
      choice: 'image',
      reason: "/app/plain needs GLIBC_2.34 of libc.so.6, which the runtime's lacks",
    });
  },
);

testIfCompiled("the image's is taken where a library that the program needs demands it", async () => {
  expect(await choose('/app/uses-new', newest - 1)).toMatchObject({
    choice: 'image',
    reason: `/app/lib/libnew.so needs GLIBC_2.${newest} of libc.so.6, which the runtime's lacks`,
  });
});

testIfCompiled("the runtime's older glibc is taken where nothing demands more, with a warning", async () => {
  const decision = await choose('/app/plain', newest - 1);
  expect(decision).toMatchObject({
    choice: 'runtime',
    reason: 'it has every symbol version that the program and its libraries need',
  });
  expect(decision.notes.join()).toContain(`libc.so.6 defines GLIBC_2.${newest}`);
});

testIfCompiled('a library that the image lacks does not stand in the way', async () => {
  expect((await choose('/app/lacks-library', newest - 1)).choice).toBe('runtime');
});

testIfCompiled('static programs bring their own', async () => {
  expect(await choose('/app/static', 33)).toMatchObject({ choice: 'image', reason: 'the program is static' });
});

testIfCompiled("the image's is taken where the runtime has no glibc", async () => {
  expect(await choose('/app/plain', undefined)).toMatchObject({
    choice: 'image',
    reason: 'the runtime has no glibc',
  });
});

testIfCompiled('what is asked for is taken', async () => {
  expect(await choose('/app/plain', 33, 'runtime')).toMatchObject({ choice: 'runtime', reads: 0 });
  expect(await choose('/app/plain', newest, 'image')).toMatchObject({ choice: 'image', reads: 0 });
});
