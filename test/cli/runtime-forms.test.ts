import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeApp } from '../support/cli/made-files.ts';
import { writeOciLayout } from '../support/images/oci-layout.ts';
import { packLayer } from '../support/images/recipe.ts';
import { standinRuntime } from '../support/images/standin-runtime.ts';
import { makeDebianPackage, makeRpmPackage } from '../support/runtime/make-package.ts';
import { testKey } from '../support/signature/test-key.ts';
import { hasNeededTool } from '../support/tool.ts';

const canRun = ['cc', 'dpkg-deb', 'rpmbuild', 'tar'].map(hasNeededTool).every(Boolean);

let gsc: GscHere;
const at = (...path: readonly string[]) => join(gsc.directory, ...path);
const packageDirectory = 'usr/lib/x86_64-linux-gnu/gramine';
const libraries = 'libs';

/** Builds and signs with these runtimes; the same app every time. */
async function built(sources: readonly string[], more: readonly string[] = []) {
  const runtimes = [...more, ...sources.flatMap((source) => ['--runtime', source])];
  const options = ['--key', 'key.pem', '--runtime-version', '1.9', '--json', '-o', 'oci:out', '--force'];
  const result = await gsc(['build', ...runtimes, ...options, 'oci:app']);
  expect(result.code, result.stderr).toBe(0);
  const { digest, mr_enclave: mrEnclave } = JSON.parse(result.stdout);
  return { digest, mrEnclave };
}

beforeAll(async () => {
  if (!canRun) return;
  gsc = gscInProcess();
  const { root } = await standinRuntime();
  cpSync(root, at('root'), { recursive: true, verbatimSymlinks: true });
  mkdirSync(at('image'));
  cpSync(root, at('image/layer'), { recursive: true, verbatimSymlinks: true });
  await writeOciLayout(at('layout'), [await packLayer(at('image/layer'))], {
    config: {},
    compression: 'gzip',
  });
  execFileSync('tar', ['-cf', at('runtime.tar'), '-C', at('layout'), '.']);
  cpSync(at('root'), at(libraries), { recursive: true, verbatimSymlinks: true });
  rmSync(at(libraries, packageDirectory), { recursive: true });
  cpSync(at('root', packageDirectory), at('gramine-only', packageDirectory), {
    recursive: true,
    verbatimSymlinks: true,
  });
  await writeApp(at('app'));
  copyFileSync(await testKey(), at('key.pem'));
}, 120_000);

describe.skipIf(!canRun)('the same runtime in every form gives the same image and the same MRENCLAVE', () => {
  let expected: Awaited<ReturnType<typeof built>>;
  beforeAll(async () => {
    expected = await built(['root']);
  });

  test('the directory does', () => {
    expect(expected).toEqual({
      digest: expect.stringMatching(/^sha256:/),
      mrEnclave: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test.each([['oci:layout'], ['oci-archive:runtime.tar'], ['./root']])('%s', async (source) => {
    expect(await built([source])).toEqual(expected);
  });

  test.each(['xz', 'gzip', 'zstd'])('a Debian package, compressed with %s', async (compression) => {
    const facts = { name: 'gramine', version: '1.9', compression };
    const file = await makeDebianPackage(at('root'), at(`deb-${compression}`), facts);
    expect(await built([file])).toEqual(expected);
  });

  test.each(['w2.xzdio', 'w3.zstdio', 'w6.gzdio'])(
    'an rpm package, compressed with %s',
    async (compression) => {
      const facts = { name: 'gramine', version: '1.9', compression };
      expect(await built([await makeRpmPackage(at('root'), at(`rpm-${compression}`), facts)])).toEqual(
        expected,
      );
    },
  );

  test('the package directory alone, with a root that has the libraries', async () => {
    expect(await built([`root/${packageDirectory}`, 'oci:layout'])).toEqual(expected);
  });

  test('packages one by one, in any order, or as a directory of packages', async () => {
    const gramine = await makeDebianPackage(at('gramine-only'), at('d1'), {
      name: 'gramine',
      version: '1.9',
    });
    const rest = await makeRpmPackage(at(libraries), at('d2'), { name: 'libs', version: '1' });
    expect(await built([gramine, rest])).toEqual(expected);
    expect(await built([rest, gramine])).toEqual(expected);
    mkdirSync(at('packages'));
    for (const file of [gramine, rest]) cpSync(file, at('packages', file.split('/').at(-1) ?? ''));
    expect(readdirSync(at('packages')).length).toBe(2);
    expect(await built(['packages'])).toEqual(expected);
  });

  test('a list in a configuration, whose paths are relative to its own directory', async () => {
    mkdirSync(at('elsewhere'));
    writeFileSync(at('elsewhere/gsc.yaml'), `Gramine:\n  Image: [../gramine-only, ../${libraries}]\n`);
    expect(await built([], ['-c', 'elsewhere/gsc.yaml'])).toEqual(expected);
  });
});

describe.skipIf(!canRun)('a runtime that cannot be taken', () => {
  const fails = async (...sources: readonly string[]) => {
    const runtimes = sources.flatMap((source) => ['--runtime', source]);
    const { code, stderr } = await gsc(['build', ...runtimes, '-o', 'oci:none', 'oci:app']);
    expect(code).toBe(1);
    return stderr;
  };

  test("Gramine's package alone: the missing library is named, and what to do", async () => {
    const file = await makeDebianPackage(at('gramine-only'), at('d3'), { name: 'gramine', version: '1.9' });
    const stderr = await fails(file);
    expect(stderr).toMatch(/sgx\/loader: needs \S+, which the runtime's own tree does not have/);
    expect(stderr).toMatch(/\nhint: give one more --runtime that has it/);
  });

  test('the version of the package counts where no file tells it', async () => {
    const facts = { name: 'gramine', version: '1.3-1' };
    const file = await makeDebianPackage(at('gramine-only'), at('d4'), facts);
    rmSync(at('no-launcher'), { recursive: true, force: true });
    cpSync(at(libraries), at('no-launcher'), { recursive: true, verbatimSymlinks: true });
    rmSync(at('no-launcher/usr/bin'), { recursive: true });
    expect(await fails(file, 'no-launcher')).toMatch(
      /version of the package: expected a Gramine version from 1\.4 on.*1\.3/,
    );
  });

  test.each([
    [
      'a package that is not there',
      'none.deb',
      /none\.deb: the package cannot be read: there is no such file/,
    ],
    [
      'a file that is no package',
      'key.pem',
      /key\.pem: expected a Debian or rpm package\nhint: .*oci-archive:FILE/,
    ],
    [
      'an archive without its transport',
      'runtime.tar',
      /expected a Debian or rpm package\nhint: .*oci-archive:FILE/,
    ],
    ['a path that is not there', './nowhere', /\.\/nowhere: .*there is no such file or directory/],
  ])('%s', async (_, source, message) => {
    expect(await fails(source)).toMatch(message);
  });
});
