import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GscError } from '../../../src/base/error.ts';
import { readDebianPackage, startsAsDebianPackage } from '../../../src/runtime/package/debian-package.ts';
import type { PackageContent } from '../../../src/runtime/package/package-content.ts';
import { readRpmPackage, startsAsRpmPackage } from '../../../src/runtime/package/rpm-package.ts';
import { makeDebianPackage, makeRpmPackage } from '../../support/runtime/make-package.ts';
import { hasNeededTool } from '../../support/tool.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gsc-packages-'));
  const root = join(folder, 'root');
  mkdirSync(join(root, 'usr/lib/x'), { recursive: true });
  writeFileSync(join(root, 'usr/lib/x/large'), Buffer.alloc(3_000_000, 'large '));
  writeFileSync(join(root, 'usr/lib/x/small'), 'small');
  writeFileSync(join(root, 'usr/lib/x/empty'), '');
  linkSync(join(root, 'usr/lib/x/small'), join(root, 'usr/lib/x/twin'));
  symlinkSync('small', join(root, 'usr/lib/x/link'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
const next = () => join(folder, String(count++));

function facts({ name, version, contents, entries }: PackageContent): unknown {
  const texts = [...contents].map(([path, bytes]) => [
    path,
    bytes.length > 100 ? bytes.length : bytes.toString(),
  ]);
  return {
    name,
    version,
    contents: Object.fromEntries(texts),
    links: entries.flatMap((entry) => (entry.kind === 'symlink' ? [`${entry.path} -> ${entry.target}`] : [])),
  };
}

const expected = {
  contents: {
    '/usr/lib/x/large': 3_000_000,
    '/usr/lib/x/small': 'small',
    '/usr/lib/x/empty': '',
    '/usr/lib/x/twin': 'small',
  },
  links: ['/usr/lib/x/link -> small'],
};

async function failure(reading: Promise<unknown>): Promise<GscError> {
  const error: unknown = await reading.then(
    () => new Error('it was read'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof GscError)) throw error;
  return error;
}

describe.skipIf(!hasNeededTool('dpkg-deb'))('Debian packages', () => {
  const make = async (more: { version?: string; architecture?: string; compression?: string } = {}) =>
    readFileSync(
      await makeDebianPackage(join(folder, 'root'), next(), { name: 'gramine', version: '1.9-1', ...more }),
    );

  test.each(['xz', 'gzip', 'zstd', 'none'])(
    'that dpkg-deb made with %s are unpacked',
    async (compression) => {
      const bytes = await make({ compression });
      expect(startsAsDebianPackage(bytes)).toBe(true);
      expect(facts(await readDebianPackage(bytes, 'x.deb'))).toEqual({
        name: 'gramine',
        version: '1.9',
        ...expected,
      });
    },
  );

  test.each([
    ['1.9', '1.9'],
    ['2:1.6.2-3~bpo12', '1.6.2'],
    ['1.9post~UNRELEASED', '1.9post~UNRELEASED'],
  ])('of version %s hold %s', async (version, upstream) => {
    expect((await readDebianPackage(await make({ version }), 'x.deb')).version).toBe(upstream);
  });

  test('for all machines are taken, for another one refused', async () => {
    expect((await readDebianPackage(await make({ architecture: 'all' }), 'x.deb')).name).toBe('gramine');
    const error = await failure(readDebianPackage(await make({ architecture: 'arm64' }), 'x.deb'));
    expect(error).toMatchObject({
      code: 'platform',
      message: 'x.deb: expected a package for amd64 or all, got one for "arm64"',
    });
  });

  test('that are cut short or damaged are refused, wherever it is', async () => {
    const bytes = await make();
    for (const length of [8, 100, 1000, bytes.length - 100]) {
      expect(['archive', 'tar']).toContain(
        (await failure(readDebianPackage(bytes.subarray(0, length), 'x.deb'))).code,
      );
    }
    const flipped = Buffer.from(bytes);
    flipped[bytes.length - 600] = (flipped[bytes.length - 600] as number) ^ 1;
    const error = await failure(readDebianPackage(flipped, 'x.deb'));
    expect(error.message).toMatch(/^x\.deb: data\.tar\.xz: the compressed data are damaged/);
  });

  test('that lack a part are refused, and the part is named', async () => {
    const directory = next();
    mkdirSync(directory);
    writeFileSync(join(directory, 'x.deb'), await make({ compression: 'none' }));
    const without = (...args: readonly string[]) => {
      execFileSync('ar', [...args], { cwd: directory });
      return failure(readDebianPackage(readFileSync(join(directory, 'x.deb')), 'x.deb'));
    };
    expect((await without('d', 'x.deb', 'data.tar')).message).toBe(
      'x.deb: not a Debian package: it has no data.tar, only debian-binary, control.tar',
    );
    expect((await without('d', 'x.deb', 'control.tar')).message).toMatch(
      /it has no control\.tar, only debian-binary$/,
    );
    expect((await without('d', 'x.deb', 'debian-binary')).message).toMatch(
      /does not begin with debian-binary/,
    );
  });
});

describe.skipIf(!hasNeededTool('rpmbuild'))('rpm packages', () => {
  const make = async (more: { architecture?: string; compression?: string } = {}) =>
    readFileSync(
      await makeRpmPackage(join(folder, 'root'), next(), { name: 'gramine', version: '1.9', ...more }),
    );

  test.each([
    ['xz', 'w2.xzdio'],
    ['bzip2', 'w9.bzdio'],
    ['gzip', 'w6.gzdio'],
    ['zstd', 'w3.zstdio'],
    ['nothing', 'w.ufdio'],
  ])('that rpmbuild compressed with %s are unpacked', async (_, compression) => {
    const bytes = await make({ compression });
    expect(startsAsRpmPackage(bytes)).toBe(true);
    const unpacked = await readRpmPackage(bytes, 'x.rpm');
    expect(facts(unpacked)).toEqual({ name: 'gramine', version: '1.9', ...expected });
  });

  test('that are compressed with lzma, as before 2010, are refused', async () => {
    const error = await failure(readRpmPackage(await make({ compression: 'w2.lzdio' }), 'x.rpm'));
    expect(error.code).toBe('tar');
  });

  test('for all machines are taken, for another one refused', async () => {
    expect((await readRpmPackage(await make({ architecture: 'noarch' }), 'x.rpm')).name).toBe('gramine');
    const error = await failure(readRpmPackage(await make({ architecture: 'aarch64' }), 'x.rpm'));
    expect(error).toMatchObject({
      code: 'platform',
      message: 'x.rpm: expected a package for x86_64 or noarch, got one for "aarch64"',
    });
  });

  test('whose content was changed are refused by its digest', async () => {
    const bytes = await make();
    const flipped = Buffer.from(bytes);
    flipped[bytes.length - 50] = (flipped[bytes.length - 50] as number) ^ 1;
    const error = await failure(readRpmPackage(flipped, 'x.rpm'));
    expect(error.code).toBe('blob');
    expect(error.message).toMatch(
      /^x\.rpm: the content has a different digest: expected sha256:[0-9a-f]{64}, got sha256:/,
    );
  });

  test('that are cut short are refused, wherever it is', async () => {
    const bytes = await make();
    for (const length of [4, 95, 100, 300, 1500, bytes.length - 1]) {
      const error = await failure(readRpmPackage(bytes.subarray(0, length), 'x.rpm'));
      expect(['archive', 'blob'], String(length)).toContain(error.code);
      expect(error.message).toMatch(/^x\.rpm: /);
    }
  });
});

describe('what is not a package', () => {
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a tar', Buffer.alloc(10_240)],
    ['a string', Buffer.from('hello, world\n'.repeat(20))],
  ])('%s is refused', async (_, bytes) => {
    expect([startsAsDebianPackage(bytes), startsAsRpmPackage(bytes)]).toEqual([false, false]);
    expect((await failure(readDebianPackage(bytes, 'x'))).code).toBe('archive');
    expect((await failure(readRpmPackage(bytes, 'x'))).code).toBe('archive');
  });
});
