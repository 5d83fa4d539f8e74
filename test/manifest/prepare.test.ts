import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chrootFiles } from '../../src/manifest/files/chroot-files.ts';
import { hostFiles } from '../../src/manifest/files/file-access.ts';
import { prepareManifest } from '../../src/manifest/prepare.ts';
import { checkManifest } from '../../src/manifest/schema/check.ts';
import { addDefaults } from '../../src/manifest/schema/defaults.ts';
import { isTable, parseToml, type TomlTable, valueAt } from '../../src/manifest/toml/toml.ts';
import { parseRuntimeVersion } from '../../src/runtime/version.ts';
import { cpuSeconds } from '../support/cpu-time.ts';
import { skipWithoutVectors, unpackRootfs, vectors } from '../support/manifest/genuine.ts';

describe.skipIf(skipWithoutVectors())('the genuine signers', () => {
  let rootfs = '';
  beforeAll(() => {
    rootfs = unpackRootfs();
  });
  afterAll(() => rmSync(join(rootfs, '..'), { recursive: true }));

  const directories = skipWithoutVectors()
    ? []
    : readdirSync(vectors).filter((name) => name.startsWith('gramine-'));
  const names = directories.flatMap((directory) =>
    readdirSync(join(vectors, directory))
      .filter((name) => name.endsWith('.manifest'))
      .map((name) => `${directory}/${name.slice(0, -'.manifest'.length)}`),
  );

  it.each(names)('%s: the same bytes, and again when they go in', async (name) => {
    const read = (ending: string) => readFileSync(join(vectors, `${name}${ending}`));
    const { version, chroot } = JSON.parse(read('.json').toString());
    const prepare = (text: Uint8Array | string) =>
      prepareManifest({
        text,
        subject: name,
        version: parseRuntimeVersion(version),
        files: chroot ? chrootFiles(rootfs) : hostFiles(vectors),
        hostFiles: hostFiles(vectors),
      });
    const prepared = await prepare(read('.manifest'));
    expect(prepared.text).toBe(read('.manifest.sgx').toString());
    expect((await prepare(prepared.text)).text).toBe(prepared.text);
  });

  it('there are vectors of every release', () => {
    expect(directories).toHaveLength(7);
    expect(names.length).toBeGreaterThanOrEqual(16);
  });
});

describe('preparing', () => {
  const version = parseRuntimeVersion('1.9');
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'gsc-prepare-'));
    writeFileSync(join(directory, 'libsysdb.so'), 'abc');
  });
  afterAll(() => rmSync(directory, { recursive: true }));
  const prepare = (text: string, release = '1.9', extra = {}) => {
    const files = hostFiles(directory);
    const options = { text, subject: 'app.manifest', version: parseRuntimeVersion(release) };
    return prepareManifest({ ...options, files, hostFiles: files, ...extra });
  };
  const abcHash = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

  it("the library OS is hashed from the host, after the entrypoint's other keys", async () => {
    const { text } = await prepare('loader.entrypoint.uri = "file:libsysdb.so"\nloader.log_level = "error"');
    expect(text).toContain(`[loader.entrypoint]\nuri = "file:libsysdb.so"\nsha256 = "${abcHash}"\n`);
  });

  it('the default library OS is taken where the manifest names none', async () => {
    const { text } = await prepare('', '1.8', { libosUri: 'file:libsysdb.so' });
    expect(text).toMatch(
      new RegExp(`\\n\\[loader.entrypoint\\]\nuri = "file:libsysdb.so"\nsha256 = "${abcHash}"\n$`),
    );
  });

  it('1.8 turns the string form of loader.entrypoint into a table and warns', async () => {
    const { text, warnings } = await prepare('loader.entrypoint = "file:libsysdb.so"', '1.8');
    expect(text).toContain(`[loader.entrypoint]\nuri = "file:libsysdb.so"\n`);
    expect(warnings).toHaveLength(1);
    await expect(prepare('loader.entrypoint = "file:libsysdb.so"')).rejects.toThrow('expected a table');
  });

  it('up to 1.7 loader.entrypoint stays as it is', async () => {
    const { text } = await prepare('loader.entrypoint = "file:not-there"', '1.7');
    expect(text).toMatch(/^\[loader\]\nentrypoint = "file:not-there"\n/);
  });

  it.each([
    ['no library OS', '', '1.9', 'expected the URI of libsysdb.so'],
    ['another scheme', 'loader.entrypoint.uri = "dev:x"', '1.9', 'starting with file:'],
    ['a missing library OS', 'loader.entrypoint.uri = "file:nope"', '1.9', 'cannot be read'],
    ['sgx is no table', 'sgx = 1', '1.9', 'expected a table, got the integer 1'],
    ['cpu_features is no table', 'sgx.cpu_features = "avx"', '1.6', 'expected a table'],
    [
      'a missing trusted file',
      '\n\nsgx.trusted_files = ["file:nope"]',
      '1.7',
      'app.manifest:3:22: sgx.trusted_files[0]',
    ],
  ])('%s is an error', async (_, text, release, message) => {
    await expect(prepare(text, release)).rejects.toThrow(message);
  });

  it('the compact layout has the same content', async () => {
    const text = `loader.entrypoint.uri = "file:libsysdb.so"\nsgx.trusted_files = ["file:${directory}/libsysdb.so"]`;
    const [genuine, compact] = [await prepare(text), await prepare(text, '1.9', { layout: 'compact' })];
    expect(compact.text).not.toContain('[[');
    expect(parseToml(compact.text, 'c').root).toEqual(parseToml(genuine.text, 'g').root);
  });

  it('defaults fit the schema of their release', () => {
    const minimal = (release: string) =>
      `libos.entrypoint = "x"\nfs.mounts = []\nloader.entrypoint${release < '1.8' || release === '1.4' ? '' : '.uri'} = "file:x"`;
    for (const release of ['1.4', '1.5', '1.6', '1.7', '1.8', '1.9']) {
      const at = parseRuntimeVersion(release);
      const document = parseToml(minimal(release), 'm');
      const { root } = addDefaults(document.root, at);
      expect(checkManifest({ ...document, root }, at), release).toEqual([]);
    }
  });

  it('1.6 and 1.7 leave out the names whose old forms are there', () => {
    const sgxOf = (text: string) => {
      const { root } = addDefaults(parseToml(text, 'm').root, parseRuntimeVersion('1.7'));
      return valueAt(root, ['sgx']) as TomlTable;
    };
    expect(sgxOf('sgx.require_exinfo = true').has('use_exinfo')).toBe(false);
    expect(isTable(sgxOf('sgx.require_exinfo = true').get('cpu_features'))).toBe(true);
    expect(sgxOf('sgx.require_pkru = false').has('cpu_features')).toBe(false);
    expect(sgxOf('sgx.require_pkru = false').get('use_exinfo')).toBe(false);
  });

  it('1.4 adds no max_threads where thread_num stands', () => {
    const { root } = addDefaults(parseToml('sgx.thread_num = 8', 'm').root, parseRuntimeVersion('1.4'));
    expect(valueAt(root, ['sgx', 'max_threads'])).toBeUndefined();
  });

  it('adding defaults leaves the given manifest alone', () => {
    const { root } = parseToml('sgx.cpu_features = {}', 'm');
    addDefaults(root, version);
    expect(root).toEqual(new Map([['sgx', new Map([['cpu_features', new Map()]])]]));
  });

  it('20,000 trusted files with their hashes are prepared in a time that does not grow with their square', {
    timeout: 60_000,
  }, async () => {
    const block = (index: number) =>
      `[[sgx.trusted_files]]\nuri = "file:/d/${index}"\nsha256 = "${'ab'.repeat(32)}"\n`;
    const list = Array.from({ length: 20_000 }, (_, index) => block(index)).join('');
    const manifest = `loader.entrypoint.uri = "file:libsysdb.so"\n${list}`;
    expect(await cpuSeconds(() => prepare(manifest))).toBeLessThan(30);
  });
});
