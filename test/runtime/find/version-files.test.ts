import { describe, expect, test } from 'vitest';
import { GscError } from '../../../src/base/error.ts';
import { findRuntime } from '../../../src/runtime/find/find-runtime.ts';
import { parseRuntimeVersion } from '../../../src/runtime/version.ts';
import { type Files, hostLibraries, packageFiles, treeOf } from '../../support/runtime/make-tree.ts';

const packaged = '/usr/lib/x86_64-linux-gnu/gramine';
const built = '/gramine/meson_build_output/lib/x86_64-linux-gnu/gramine';

function find(files: Files, directory = packaged, given?: string) {
  const { tree, readFiles } = treeOf({ ...hostLibraries, ...packageFiles(directory), ...files });
  const version = given === undefined ? {} : { version: parseRuntimeVersion(given) };
  return findRuntime(tree, readFiles, { subject: 'the-image', ...version });
}

const dpkgStatus = `Package: bash
Status: install ok installed
Version: 5.2

Package: gramine-ratls-dcap
Status: install ok installed
Version: 1.4

Package: gramine
Status: install ok installed
Priority: optional
Version: 1.6.2
Description: A lightweight usermode guest OS
 Package: gramine

Package: zlib1g
Status: install ok installed
Version: 1.2
`;

const stated: readonly (readonly [string, string, Files, string])[] = [
  ['the SGX launcher', packaged, { '/usr/bin/gramine-sgx': "echo 'Gramine 1.9 (abc)'\n" }, '1.9'],
  ['the direct launcher', packaged, { '/usr/bin/gramine-direct': 'echo "Gramine 1.8 (abc)"\n' }, '1.8'],
  ['a variable of the launcher', packaged, { '/usr/bin/gramine-sgx': "X=1\nVERSION='1.7'\n" }, '1.7'],
  [
    'a launcher below another prefix',
    built,
    { '/gramine/meson_build_output/bin/gramine-sgx': 'echo Gramine 1.8~rc2 "(abc)"\n' },
    '1.8~rc2',
  ],
  [
    "the Python package's version",
    packaged,
    { '/usr/lib/python3/dist-packages/graminelibos/__init__.py': "'''x'''\n\n__version__ = '1.5'\n" },
    '1.5',
  ],
  [
    'dist-info',
    built,
    {
      '/gramine/meson_build_output/lib/python3.11/site-packages/graminelibos.dist-info/METADATA':
        'Metadata-Version: 2.1\nName: graminelibos\nVersion: 1.4\n',
    },
    '1.4',
  ],
  [
    'pkg-config files of RA-TLS',
    built,
    {
      '/gramine/meson_build_output/lib/x86_64-linux-gnu/pkgconfig/ra_tls_gramine.pc':
        'Name: ra_tls_gramine\nVersion: 1.9post~UNRELEASED\n',
    },
    '1.9post~UNRELEASED',
  ],
  ['dpkg', packaged, { '/var/lib/dpkg/status': dpkgStatus }, '1.6.2'],
];

describe('a version is read from', () => {
  test.each(stated)('%s', async (_name, directory, files, expected) => {
    const { version, warnings } = await find(files, directory);
    expect(version).toEqual(parseRuntimeVersion(expected));
    expect(warnings).toEqual([]);
  });

  test('a launcher before anything else', async () => {
    const files = { '/var/lib/dpkg/status': dpkgStatus, '/usr/bin/gramine-sgx': 'echo Gramine 1.9' };
    expect((await find(files)).version.text).toBe('1.9');
  });

  test('a launcher that is a link', async () => {
    const files = {
      '/usr/bin/gramine-sgx': { link: '/etc/alternatives/g' },
      '/etc/alternatives/g': 'Gramine 1.9',
    };
    expect((await find(files)).version.text).toBe('1.9');
  });
});

describe('a version is not read from', () => {
  const misleading: readonly (readonly [string, string, Files])[] = [
    ['nothing', packaged, {}],
    ['a launcher of another prefix', packaged, { '/usr/local/bin/gramine-sgx': 'Gramine 1.9' }],
    ['a launcher that does not say', packaged, { '/usr/bin/gramine-sgx': '#!/bin/sh\nSGX=1\n' }],
    ['a launcher that is a dead link', packaged, { '/usr/bin/gramine-sgx': { link: '/gone' } }],
    [
      "Mbed TLS's pkg-config file",
      built,
      { '/gramine/meson_build_output/lib/pkgconfig/mbedtls_gramine.pc': 'Version: 3.6' },
    ],
    ['dpkg, for a build by hand', built, { '/var/lib/dpkg/status': dpkgStatus }],
    [
      'a package that was removed',
      packaged,
      { '/var/lib/dpkg/status': 'Package: gramine\nStatus: deinstall ok config-files\nVersion: 1.9\n' },
    ],
    [
      'Python sources that were not configured',
      packaged,
      { '/usr/lib/python3/dist-packages/graminelibos/__init__.py': "__version__ = '@VERSION@'\n" },
    ],
  ];

  test.each(misleading)('%s; it must be given', async (_name, directory, files) => {
    const error: unknown = await find(files, directory).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(GscError);
    expect((error as GscError).code).toBe('runtime');
    expect((error as GscError).message).toContain(
      `no file states the version of the runtime in ${directory}`,
    );
    expect((error as GscError).hint).toContain('--runtime-version');
    expect((await find(files, directory, '1.7')).version.release).toBe('1.7');
  });
});

test('a given version wins, and is reported if the files say another release', async () => {
  const files = { '/usr/bin/gramine-sgx': 'Gramine 1.8' };
  const { version, warnings } = await find(files, packaged, 'v1.9');
  expect(version.release).toBe('1.9');
  expect(warnings).toEqual(['version 1.9 was requested, but /usr/bin/gramine-sgx says 1.8']);
});

test('a patch release of the given release is not a difference', async () => {
  const files = { '/usr/bin/gramine-sgx': 'Gramine 1.6.2' };
  expect((await find(files, packaged, '1.6')).warnings).toEqual([]);
});

test('a version that is too old is refused with the file that says it, unless one is given', async () => {
  const files = { '/usr/bin/gramine-sgx': 'Gramine 1.3.1' };
  const error: unknown = await find(files).catch((reason: unknown) => reason);
  expect((error as GscError).message).toBe(
    'the-image: /usr/bin/gramine-sgx: expected a Gramine version from 1.4 on, or master, got "1.3.1"',
  );
  const { warnings } = await find(files, packaged, '1.9');
  expect(warnings).toEqual(['version 1.9 was requested, but /usr/bin/gramine-sgx says 1.3.1']);
});

describe('the text of a version', () => {
  test.each([
    ['1.4', '1.4'],
    ['v1.6.2', '1.6'],
    [' 1.9\n', '1.9'],
    ['1.9-1', '1.9'],
    ['1.9post~UNRELEASED', 'master'],
    ['1.10', 'master'],
    ['2.0', 'master'],
    ['master', 'master'],
  ])('%o follows the rules of %s', (text, release) => {
    expect(parseRuntimeVersion(text).release).toBe(release);
  });

  test.each(['', '1', '1.', '.9', '1.3', '0.9', 'latest', '1.9x', 'v', '-1.9', '1,9'])(
    '%o is refused',
    (text) => {
      expect(() => parseRuntimeVersion(text)).toThrow(
        /expected a Gramine version from 1\.4 on, or master, got/,
      );
    },
  );
});
