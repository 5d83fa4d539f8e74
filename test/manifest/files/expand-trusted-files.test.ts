import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GscError } from '../../../src/base/error.ts';
import { chrootFiles } from '../../../src/manifest/files/chroot-files.ts';
import { expandTrustedFiles } from '../../../src/manifest/files/expand-trusted-files.ts';
import { type FileAccess, hostFiles, pathlibForm } from '../../../src/manifest/files/file-access.ts';
import type { TomlTable, TomlValue } from '../../../src/manifest/toml/toml.ts';
import { valueAt } from '../../../src/manifest/toml/toml.ts';
import { parseRuntimeVersion } from '../../../src/runtime/version.ts';
import { skipWithoutVectors, unpackRootfs, vectors } from '../../support/manifest/genuine.ts';

type Entries = readonly (string | Readonly<Record<string, string>>)[];

async function expand(entries: Entries | TomlValue, files: FileAccess, version = '1.9') {
  const list = Array.isArray(entries)
    ? entries.map((entry) => (typeof entry === 'string' ? entry : new Map(Object.entries(entry))))
    : entries;
  const root = new Map([['sgx', new Map([['trusted_files', list as TomlValue]])]]);
  const expanded = await expandTrustedFiles(root, parseRuntimeVersion(version), files);
  return (valueAt(expanded, ['sgx', 'trusted_files']) as readonly TomlTable[]).map((entry) =>
    Object.fromEntries(entry),
  );
}

const uris = async (...call: Parameters<typeof expand>) => (await expand(...call)).map(({ uri }) => uri);

async function failure(...call: Parameters<typeof expand>): Promise<GscError> {
  const outcome = await expand(...call).catch((error: unknown) => error);
  if (outcome instanceof GscError) return outcome;
  throw new Error(`expected an error, got ${JSON.stringify(outcome)}`);
}

interface Probe {
  readonly name: string;
  readonly entries: Entries;
  readonly chroot: string | null;
  readonly ok: boolean;
  readonly error_class?: string;
  readonly result?: unknown;
}

describe.skipIf(skipWithoutVectors())('the genuine signer', () => {
  const probes: readonly Probe[] = skipWithoutVectors()
    ? []
    : JSON.parse(readFileSync(join(vectors, 'trusted-file-probes.json'), 'utf8'));
  let rootfs = '';
  beforeAll(() => {
    rootfs = unpackRootfs();
  });
  afterAll(() => rmSync(join(rootfs, '..'), { recursive: true }));

  for (const probe of probes) {
    it(`${probe.name}${probe.chroot ? ' (chroot)' : ''}: same result`, async () => {
      const files = probe.chroot ? chrootFiles(rootfs) : hostFiles(rootfs);
      if (probe.ok) {
        expect(await expand(probe.entries, files)).toEqual(probe.result);
        return;
      }
      const error = await failure(probe.entries, files);
      expect(error.code).toBe(probe.error_class === 'ManifestError' ? 'manifest' : 'not-found');
    });
  }

  it('has enough probes to say so', () => {
    expect(probes.length).toBeGreaterThan(20);
  });
});

describe('expansion', () => {
  let root = '';
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'gsc-trusted-'));
    for (const directory of ['d/sub', 'd/empty', 'etc', 'usr/lib'])
      mkdirSync(join(root, directory), { recursive: true });
    for (const file of [
      'd/b',
      'd/.a',
      'd/sub/z',
      'd/sub-x',
      'd/\u{ffff}',
      'd/\u{10000}',
      'etc/conf',
      'usr/lib/l.so',
    ]) {
      writeFileSync(join(root, file), file);
    }
    symlinkSync('sub', join(root, 'd/link-to-directory'));
    symlinkSync('nowhere', join(root, 'd/dangling'));
    symlinkSync('loop', join(root, 'd/loop'));
    symlinkSync('b', join(root, 'd/to-file'));
    symlinkSync('/etc/conf', join(root, 'abs'));
    symlinkSync('../../../../../etc', join(root, 'usr/up'));
    symlinkSync('/usr/lib', join(root, 'lib'));
    symlinkSync('one', join(root, 'two'));
    symlinkSync('two', join(root, 'one'));
    execFileSync('mkfifo', [join(root, 'd/fifo')]);
  });
  afterAll(() => rmSync(root, { recursive: true }));

  it('lists hidden files, sorts by code points, goes into a directory before its longer neighbours', async () => {
    expect(await uris(['file:d/'], hostFiles(root))).toEqual([
      'file:d/.a',
      'file:d/b',
      'file:d/sub/z',
      'file:d/sub-x',
      'file:d/to-file',
      'file:d/\u{ffff}',
      'file:d/\u{10000}',
    ]);
  });

  it('leaves out what is removed while its directory is listed', async () => {
    // The directory of open files lists the one through which it is read, which is closed by the time it is looked at.
    const files = hostFiles('/proc/self');
    const listed = await files.list(await files.find('fd'));
    expect(listed.filter(({ kind }) => kind !== 'file' && kind !== 'directory')).toEqual([]);
  });

  it('hashes the content, also of files larger than one piece', async () => {
    const content = Buffer.alloc(700_001, 'x');
    writeFileSync(join(root, 'large'), content);
    const [entry] = await expand(['file:large'], hostFiles(root));
    expect(entry?.sha256).toBe(createHash('sha256').update(content).digest('hex'));
  });

  it('normalises the names of children as pathlib does, keeps single files verbatim', async () => {
    const list = ['file:./usr//lib/', 'file:etc/../usr/lib/', 'file:.//etc/./conf'];
    expect(await uris(list, hostFiles(root))).toEqual([
      'file:usr/lib/l.so',
      'file:etc/../usr/lib/l.so',
      'file:.//etc/./conf',
    ]);
  });

  it('1.4 and 1.5 normalise single files too and keep the first hash', async () => {
    const twice = [
      'file:.//etc/./conf',
      { uri: 'file:etc/conf', sha256: '11' },
      { uri: 'file:./etc/conf', sha256: '22' },
    ];
    expect(await expand(twice, hostFiles(root), '1.5')).toEqual([{ uri: 'file:etc/conf', sha256: '11' }]);
    expect(await uris(['file:etc//conf', 'file:etc/conf'], hostFiles(root), '1.6')).toHaveLength(2);
    expect(await uris(['file:d/'], hostFiles(root), '1.4')).toHaveLength(7);
  });

  it('different hashes of one URI are an error that names both places', async () => {
    const error = await failure(
      [{ uri: 'file:etc/conf', sha256: '11' }, 'file:etc/conf', { uri: 'file:etc/conf', sha256: '22' }],
      hostFiles(root),
    );
    expect(error.code).toBe('manifest');
    expect(error.message).toMatch(/trusted_files\[2\].*trusted_files\[0\], 11, got 22/s);
  });

  it('a later hash takes the place of an earlier entry without one', async () => {
    const list = ['file:etc/conf', 'file:d/b', { uri: 'file:etc/conf', sha256: '33' }];
    expect((await expand(list, hostFiles(root)))[0]).toEqual({ uri: 'file:etc/conf', sha256: '33' });
  });

  it('the key keeps its place in the table', async () => {
    const sgx = new Map<string, TomlValue>([
      ['trusted_files', []],
      ['debug', true],
    ]);
    const expanded = await expandTrustedFiles(
      new Map([['sgx', sgx]]),
      parseRuntimeVersion('1.9'),
      hostFiles(root),
    );
    expect([...(expanded.get('sgx') as TomlTable).keys()]).toEqual(['trusted_files', 'debug']);
  });

  it('in a chroot, absolute links and links above the root stay inside', async () => {
    const files = chrootFiles(root);
    const conf = createHash('sha256').update('etc/conf').digest('hex');
    expect(await expand(['file:/abs', 'file:/usr/up/conf', 'file:/../../etc/conf'], files)).toEqual([
      { uri: 'file:/abs', sha256: conf },
      { uri: 'file:/usr/up/conf', sha256: conf },
      { uri: 'file:/../../etc/conf', sha256: conf },
    ]);
    expect(await uris(['file:/lib/', 'file:/lib/l.so'], files)).toEqual([
      'file:/usr/lib/l.so',
      'file:/lib/l.so',
    ]);
  });

  it('in a chroot, an absolute link in a listed directory counts only if the host has its target', async () => {
    mkdirSync(join(root, 'links'));
    symlinkSync('/etc/conf', join(root, 'links/only-inside'));
    symlinkSync(join(root, 'etc/conf'), join(root, 'links/only-on-host'));
    const files = chrootFiles(root);
    expect(await uris(['file:/links/only-inside'], files)).toEqual(['file:/links/only-inside']);
    const error = await failure(['file:/links/'], files);
    expect(error.code).toBe('not-found');
    rmSync(join(root, 'links/only-on-host'));
    expect(await uris(['file:/links/'], files)).toEqual([]);
  });

  it.each([
    ['an entry of another type', [5n], 'manifest'],
    ['a table without uri', [{ sha256: '11' }], 'manifest'],
    ['an unknown key', [{ uri: 'file:etc/conf', size: '1' }], 'manifest'],
    ['a URI of another scheme', ['dev:tty'], 'manifest'],
    ['a path without scheme', ['/etc/conf'], 'manifest'],
    ['a directory without slash', ['file:d'], 'manifest'],
    ['a file with a slash', ['file:etc/conf/'], 'manifest'],
    ['a missing directory', ['file:nope/'], 'manifest'],
    ['a directory with a hash', [{ uri: 'file:d/', sha256: '11' }], 'manifest'],
    ['a missing file', ['file:nope'], 'not-found'],
    ['a file below a file', ['file:etc/conf/x'], 'not-found'],
    ['a dangling link', ['file:d/dangling'], 'not-found'],
    ['a fifo, which would never end', ['file:d/fifo'], 'not-found'],
  ])('%s is an error that names the entry', async (_, entries, code) => {
    const error = await failure(entries as Entries, hostFiles(root));
    expect(error.code).toBe(code);
    expect(error.subject).toContain('sgx.trusted_files[0]');
  });

  it('a list that is not an array is an error', async () => {
    expect((await failure(new Map([['a', 'file:b']]), hostFiles(root))).message).toContain(
      'expected an array',
    );
  });

  it('in a chroot, loops and missing directories are errors even with the hash given', async () => {
    const files = chrootFiles(root);
    expect((await failure([{ uri: 'file:/one/x', sha256: '11' }], files)).message).toContain('loop');
    expect((await failure([{ uri: 'file:/nope/x', sha256: '11' }], files)).code).toBe('not-found');
    expect((await failure(['file:etc/conf'], files)).hint).toBe('write file:/etc/conf');
  });

  it('a name that is not UTF-8 is an error, never a replacement character', async () => {
    mkdirSync(join(root, 'odd'));
    writeFileSync(Buffer.concat([Buffer.from(join(root, 'odd/x')), Buffer.from([0xff])]), '');
    expect((await failure(['file:odd/'], hostFiles(root))).message).toContain('UTF-8');
  });

  it('directories that repeat or are in each other give each file once, where it stands first', async () => {
    const nested = join(root, 'nested');
    for (const path of ['a/1', 'b/c/2', 'b/3']) {
      mkdirSync(join(nested, path, '..'), { recursive: true });
      writeFileSync(join(nested, path), path);
    }
    const list = ['file:nested/b/c/', 'file:nested/', 'file:nested/b/', 'file:nested/', 'file:nested/b/c/2'];
    const found = ['b/c/2', 'a/1', 'b/3'].map((path) => `file:nested/${path}`);
    expect(await uris(list, hostFiles(root))).toEqual(found);
  });

  it('of several errors the first in the list is reported', async () => {
    const list = [...Array.from({ length: 40 }, () => 'file:etc/conf'), 'file:nope', 'dev:x'];
    expect((await failure(list, hostFiles(root))).subject).toContain('[40]');
  });
});

describe('paths as pathlib writes them', () => {
  it.each([
    ['a//b/./c/', 'a/b/c'],
    ['/a/../b', '/a/../b'],
    ['//a', '//a'],
    ['///a', '/a'],
    ['./', '.'],
    ['/', '/'],
    ['//', '//'],
    ['', '.'],
  ])('%j becomes %j', (path, form) => {
    expect(pathlibForm(path)).toBe(form);
  });
});
