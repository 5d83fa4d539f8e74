import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { gramineReleases } from '../../src/runtime/version.ts';
import { appImage, glibcProgram, staticProgram } from '../support/graminized/app-image.ts';
import {
  fileIn,
  graminizeApp,
  manifestIn,
  runtimeOf,
  trustedPathsIn,
  type Wishes,
} from '../support/graminized/graminized.ts';
import type { MadeEntry } from '../support/scan/made-layers.ts';

async function graminizedWith(entries: readonly MadeEntry[], wishes: Wishes = {}) {
  const app = await appImage([[staticProgram(), ...entries]], { Cmd: ['/app'] });
  const result = await graminizeApp(app, wishes);
  const { image } = result;
  return { result, image, manifest: await manifestIn(image), trusted: await trustedPathsIn(image) };
}

function sha256Of(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

describe('mounts', () => {
  const scratch = ['/run', '/tmp', '/var/tmp'];

  test('of scratch places are tmpfs, whether the image has them or not', async () => {
    const { manifest } = await graminizedWith([]);
    const hosts = { type: 'chroot', path: '/etc/hosts', uri: 'file:/gramine/app_files/hosts' };
    expect(manifest.fs.mounts).toEqual([...scratch.map((path) => ({ type: 'tmpfs', path })), hosts]);
    expect(manifest.fs.root).toEqual({ type: 'chroot', uri: 'file:/' });
  });

  test('are made for links into scratch places as well, under the names of the links', async () => {
    const { manifest } = await graminizedWith([
      ['run/lock', null],
      ['tmp', null],
      ['var/run', { link: '/run' }],
      ['var/lock', { link: '../run/lock' }],
      ['data/scratch', { link: '../tmp' }],
      ['usr/tmp', { link: '/var/tmp' }],
    ]);
    const tmpfs = manifest.fs.mounts.filter(({ type }) => type === 'tmpfs').map(({ path }) => path);
    // /usr/tmp leads to nothing in this image.
    expect(tmpfs).toEqual(['/data/scratch', '/run', '/tmp', '/var/lock', '/var/run', '/var/tmp']);
  });

  test("of the user win over gsc's at the same place, however the path is written", async () => {
    const mount = '{ type = "encrypted", path = "//tmp/./", uri = "file:/data/", key_name = "k" }';
    const { manifest, result } = await graminizedWith([], { manifest: `fs.mounts = [${mount}]` });
    expect(manifest.fs.mounts.filter(({ path }) => /tmp/.test(path) && !/var/.test(path))).toMatchObject([
      { type: 'encrypted' },
    ]);
    expect(result.overrides.map(({ path }) => path.join('.'))).toEqual(['fs.mounts.0']);
  });

  test("of the user below one of gsc's come after it, or it would hide them", async () => {
    const user = 'fs.mounts = [{ path = "/tmp/data", uri = "file:/data" }, { path = "/x", uri = "file:/y" }]';
    const { manifest } = await graminizedWith(
      [
        ['data/x', ''],
        ['y', ''],
      ],
      { manifest: user },
    );
    const paths = manifest.fs.mounts.map(({ path }) => path);
    expect(paths.indexOf('/tmp')).toBeLessThan(paths.indexOf('/tmp/data'));
    expect(paths.sort()).toEqual(['/etc/hosts', '/run', '/tmp', '/tmp/data', '/var/tmp', '/x']);
  });

  test('take the place of links to directories of many files', async () => {
    const files = Array.from({ length: 20 }, (_, i): MadeEntry => [`usr/lib/f${i}`, `${i}`]);
    const { manifest, trusted } = await graminizedWith([['lib', { link: 'usr/lib' }], ...files]);
    expect(manifest.fs.mounts).toContainEqual({ type: 'chroot', path: '/lib', uri: 'file:/usr/lib' });
    expect(trusted.filter((path) => path.startsWith('/lib/'))).toEqual([]);
    expect(trusted.filter((path) => path.startsWith('/usr/lib/'))).toHaveLength(20);
  });
});

describe('trusted files', () => {
  test('are all files of the image by their SHA-256, sorted, links to files under their own names', async () => {
    const { manifest } = await graminizedWith([
      ['b', 'bee'],
      ['a/z', 'zed'],
      ['a/link', { link: '../b' }],
      ['a-b', 'dash'],
    ]);
    const image = manifest.sgx.trusted_files.filter(({ uri }) => !uri.includes('/gramine/'));
    expect(image.filter(({ uri }) => uri !== 'file:/app')).toEqual([
      { uri: 'file:/a/link', sha256: sha256Of('bee') },
      { uri: 'file:/a/z', sha256: sha256Of('zed') },
      { uri: 'file:/a-b', sha256: sha256Of('dash') },
      { uri: 'file:/b', sha256: sha256Of('bee') },
    ]);
  });

  test('are not below a tmpfs, where nothing can reach them', async () => {
    const { trusted, result } = await graminizedWith([
      ['tmp/x', 'x'],
      ['run/y', 'y'],
      ['data/z', 'z'],
    ]);
    expect(trusted).toEqual(['/app', '/data/z']);
    expect(result.hidden.map(({ path }) => path)).toEqual(['/run/y', '/tmp/x']);
  });

  test("below a user's encrypted mount go, below a chroot mount they stay", async () => {
    const manifest = `
      [[fs.mounts]]
      type = "encrypted"
      path = "/secret"
      uri = "file:/secret"
      [[fs.mounts]]
      path = "/elsewhere"
      uri = "file:/plain"`;
    const { trusted } = await graminizedWith(
      [
        ['secret/x', 'x'],
        ['plain/y', 'y'],
      ],
      { manifest },
    );
    expect(trusted).toEqual(['/app', '/plain/y']);
  });

  test('in a tmpfs that a later mount of the user uncovers are trusted', async () => {
    const manifest = 'fs.mounts = [{ path = "/tmp/data", uri = "file:/tmp/data" }]';
    const { trusted } = await graminizedWith(
      [
        ['tmp/data/x', 'x'],
        ['tmp/y', 'y'],
      ],
      { manifest },
    );
    expect(trusted).toEqual(['/app', '/tmp/data/x']);
  });

  test('that the manifest allows are not trusted too: the first would forbid what the second permits', async () => {
    const manifest = 'sgx.allowed_files = ["file:/etc/app.conf", "file:/only/at/run/time"]';
    const { trusted, manifest: made } = await graminizedWith([['etc/app.conf', 'x']], { manifest });
    expect(trusted).toEqual(['/app']);
    expect(made.sgx.allowed_files).toEqual(['file:/etc/app.conf', 'file:/only/at/run/time']);
  });

  test('below a directory that the manifest allows are not trusted, those beside it are', async () => {
    const manifest = 'sgx.allowed_files = ["file:/data/"]';
    const entries: MadeEntry[] = [
      ['data/x', 'x'],
      ['data2', 'y'],
    ];
    const { trusted, result } = await graminizedWith(entries, { manifest });
    expect(trusted).toEqual(['/app', '/data2']);
    expect(result.hidden.map(({ path }) => path)).toEqual(['/data/x']);
  });

  test('of a manifest may be texts, tables with or without a hash, and directories', async () => {
    const manifest = `sgx.trusted_files = [
      "file:/var/lib/one",
      { uri = "file:/var/lib/two" },
      { uri = "file:/not/there", sha256 = "${'ab'.repeat(32)}" },
      "file:/var/lib/more/",
    ]`;
    const { manifest: made } = await graminizedWith(
      [
        ['var/lib/one', '1'],
        ['var/lib/two', '2'],
        ['var/lib/more/b', 'b'],
        ['var/lib/more/a/x', 'x'],
        ['var/lib/none', 'left out'],
      ],
      { manifest },
    );
    const uris = made.sgx.trusted_files.filter(({ uri }) => !uri.includes('/gramine/'));
    expect(uris.slice(0, 5)).toEqual([
      { uri: 'file:/var/lib/one', sha256: sha256Of('1') },
      { uri: 'file:/var/lib/two', sha256: sha256Of('2') },
      { uri: 'file:/not/there', sha256: 'ab'.repeat(32) },
      { uri: 'file:/var/lib/more/a/x', sha256: sha256Of('x') },
      { uri: 'file:/var/lib/more/b', sha256: sha256Of('b') },
    ]);
    expect(uris.slice(5).map(({ uri }) => uri)).toEqual(['file:/app']);
  });

  test('of a manifest stand once, though gsc would trust them too', async () => {
    const manifest = 'sgx.trusted_files = ["file:/etc/x"]';
    const { trusted } = await graminizedWith([['etc/x', 'x']], { manifest });
    expect(trusted).toEqual(['/etc/x', '/app']);
  });

  test.each<[string, string, string, RegExp]>([
    ['that is missing', '"file:/nowhere"', 'not-found', /user\.manifest:1:\d+: .*\/nowhere/],
    ['that is a directory without a slash', '"file:/etc"', 'manifest', /user\.manifest:1:\d+/],
    ['that is a file with a slash', '"file:/app/"', 'manifest', /user\.manifest:1:\d+/],
    ['that is relative', '"file:app"', 'manifest', /app/],
    ['of another scheme', '"dev:/dev/tty"', 'manifest', /user\.manifest:1:\d+/],
    ['with a wrong hash', '{ uri = "file:/app", sha256 = "12" }', 'manifest', /64 hex digits/],
  ])('of a manifest %s are an error with its place', async (_, entry, code, message) => {
    const made = graminizedWith([['etc/x', 'x']], { manifest: `sgx.trusted_files = [${entry}]` });
    await expect(made).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test("of the runtime are its C library, with the content that is in the image, and not libsysdb's", async () => {
    const app = await appImage([[...glibcProgram()]], { Cmd: ['/app'] });
    const { image } = await graminizeApp(app);
    const { sgx } = await manifestIn(image);
    const runtime = sgx.trusted_files.filter(({ uri }) => uri.startsWith('file:/gramine/runtime/'));
    expect(runtime.map(({ uri }) => uri)).toEqual([
      'file:/gramine/runtime/runtime/glibc/ld-linux-x86-64.so.2',
      'file:/gramine/runtime/runtime/glibc/libc.so.6',
    ]);
    for (const { uri, sha256 } of runtime) {
      const content = await fileIn(image, uri.slice('file:'.length));
      expect(
        createHash('sha256')
          .update(content ?? '')
          .digest('hex'),
      ).toBe(sha256);
    }
  });

  test('with the same content are counted by their names and weighed once', async () => {
    const { result } = await graminizedWith([
      ['a', 'x'.repeat(1000)],
      ['b', { link: 'a' }],
      ['c', { hard: 'a' }],
    ]);
    const program = (staticProgram()[1] as Buffer).length;
    expect(result.trustedSizeBytes).toBe(1000 + program);
    expect(result.trustedFileCount).toBeGreaterThanOrEqual(4);
  });
});

describe('the releases of Gramine', () => {
  test.each(gramineReleases)('%s gets a manifest that its own rules accept', async (release) => {
    const runtime = await runtimeOf(release === 'master' ? '1.9post~UNRELEASED' : release);
    const { manifest } = await graminizedWith([], { runtime });
    const uri = 'file:/gramine/runtime/libsysdb.so';
    const hasTable = ['1.8', '1.9', 'master'].includes(release);
    const libos = runtime.files.find(({ path }) => path === '/gramine/runtime/libsysdb.so');
    expect(manifest.loader.entrypoint).toEqual(hasTable ? { uri, sha256: libos?.sha256 } : uri);
    expect('cpu_features' in manifest.sgx).toBe(!['1.4', '1.5'].includes(release));
    expect('require_avx' in manifest.sgx).toBe(['1.4', '1.5'].includes(release));
    expect('edmm_enable' in manifest.sgx).toBe(release !== '1.4');
    expect(manifest.sys.enable_extra_runtime_domain_names_conf).toBe(true);
  });

  test.each<[string, string, string]>([
    ['1.7', 'sys.fds.limit = 5', 'since Gramine 1.8'],
    ['1.5', 'sgx.cpu_features.avx = "required"', 'since Gramine 1.6'],
    ['1.9', 'sgx.allow_file_creation = 1', 'sgx.allowed_files'],
  ])('%s refuses %s and says what is right', async (version, manifest, hint) => {
    const made = graminizedWith([], { runtime: await runtimeOf(version), manifest });
    await expect(made).rejects.toMatchObject({ code: 'manifest', hint: expect.stringContaining(hint) });
  });
});

describe("the user's manifest", () => {
  test('is merged over what gsc writes, its own keys kept in their order', async () => {
    const manifest = `
      sgx.enclave_size = "1G"
      loader.log_level = "none"
      sys.enable_extra_runtime_domain_names_conf = false
      [loader.env]
      B = "2"
      A = "1"`;
    const { manifest: made } = await graminizedWith([], { manifest });
    expect(made.sgx.enclave_size).toBe('1G');
    expect(made.loader.log_level).toBe('none');
    expect(made.sys.enable_extra_runtime_domain_names_conf).toBe(false);
    expect(Object.keys(made.loader.env).slice(0, 2)).toEqual(['B', 'A']);
  });

  test.each<[string, string, RegExp]>([
    ['not TOML', 'sgx = [', /^user\.manifest:1:\d+/],
    ['a misspelt key', '\n\nsgx.enclav_size = "1G"', /^user\.manifest:3:\d+: sgx\.enclav_size/],
    ['a wrong type', 'sgx.debug = "yes"', /^user\.manifest:1:\d+: sgx\.debug/],
    ['a size that is no power of two', 'sgx.enclave_size = "3G"', /^user\.manifest:1:\d+.*power of two/],
  ])('that is %s is an error with line and column', async (_, manifest, message) => {
    await expect(graminizedWith([], { manifest })).rejects.toMatchObject({
      code: 'manifest',
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
  });

  test('that looks below a file is reported, with the name as it is', async () => {
    const made = graminizedWith([['né', 'x']], { manifest: 'sgx.trusted_files = ["file:/né/x"]' });
    await expect(made).rejects.toThrow('/né is not a directory');
  });

  test('with many mistakes has all of them listed', async () => {
    const made = graminizedWith([], { manifest: 'sgx.a = 1\nsgx.b = 2\nloader.c = 3' });
    const error = (await made.catch((reason: unknown) => reason)) as Error;
    for (const place of ['1:5', '2:5', '3:8']) expect(error.message).toContain(`user.manifest:${place}`);
  });
});
