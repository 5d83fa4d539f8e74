import { describe, expect, test } from 'vitest';
import type { RunConfig } from '../../src/image/config.ts';
import { appImage, glibcProgram, staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp, manifestIn, runtimeOf, type Wishes } from '../support/graminized/graminized.ts';
import { makeElf } from '../support/runtime/make-elf.ts';
import type { MadeEntry } from '../support/scan/made-layers.ts';
import { attestingRuntime, ownLibraries } from '../support/user-manifest/attesting-runtime.ts';

/** Every build trusts it. */
const hosts = 'file:/gramine/app_files/hosts';

interface Given extends Wishes {
  readonly entries?: readonly MadeEntry[];
  readonly run?: RunConfig;
}

async function built(manifest: string, { entries = [], run = {}, ...wishes }: Given = {}) {
  const app = await appImage([[staticProgram(), ...entries]], { Cmd: ['/app', 'x'], ...run });
  const result = await graminizeApp(app, { manifest, ...wishes });
  const plain = await manifestIn(result.image);
  return {
    result,
    manifest: plain,
    uris: plain.sgx.trusted_files.map(({ uri }) => uri).filter((uri) => uri !== hosts),
  };
}

const usual = '/usr/lib/x86_64-linux-gnu/gramine';
const python = '/gramine/meson_build_output/lib/x86_64-linux-gnu';

describe("entries that name gsc's own files", () => {
  test.each([
    'file:/gramine/app_files/entrypoint.manifest',
    'file:/gramine/app_files/trusted_argv',
    'file:/gramine/app_files/',
    'file:/gramine/',
    'file:/entrypoint.manifest',
    'file:/entrypoint.manifest.sgx',
    'file:/trusted_argv',
  ])('%s is left out of both lists, with a note that has its place', async (uri) => {
    const text = `sgx.trusted_files = [\n  "${uri}",\n  "file:/app",\n]\nsgx.allowed_files = ["${uri}", "file:/b"]`;
    const { manifest, uris, result } = await built(text);
    expect(uris).toEqual(['file:/app']);
    expect(manifest.sgx.allowed_files).toEqual(['file:/b']);
    expect(result.notes.filter((note) => note.includes(`: ${uri}, which gsc makes itself`))).toEqual([
      expect.stringMatching(/^user\.manifest:2:3: sgx\.trusted_files\[0\]: /),
      expect.stringMatching(/^user\.manifest:5:22: sgx\.allowed_files\[0\]: /),
    ]);
  });

  test('many of one kind are one note', async () => {
    const entries = Array.from({ length: 9 }, (_, i) => `"file:/gramine/app_files/${i}"`);
    const { result } = await built(`sgx.trusted_files = [${entries.join()}]`);
    expect(result.notes.filter((note) => note.includes('app_files'))).toEqual([
      expect.stringContaining('/app_files/2 and 6 more, '),
    ]);
  });

  test('what the image has under such a name stays', async () => {
    const { uris } = await built('sgx.trusted_files = ["file:/entrypoint.manifest"]', {
      entries: [['entrypoint.manifest', 'mine']],
    });
    expect(uris).toContain('file:/entrypoint.manifest');
  });

  test('the program and the arguments of a graminized image are those that gsc finds', async () => {
    const { manifest, result } = await built(
      'libos.entrypoint = "/gramine/app_files/app"\nloader.argv_src_file = "file:/gramine/app_files/trusted_argv"',
    );
    expect(manifest.libos.entrypoint).toBe('/app');
    expect(manifest.loader).toMatchObject({ argv: ['/app', 'x'] });
    expect(manifest.loader.argv_src_file).toBeUndefined();
    expect(result.notes.filter((note) => note.includes('is left out'))).toHaveLength(2);
  });

  test('an error after one that is left out has its own place', async () => {
    const text = 'sgx.trusted_files = [\n  "file:/entrypoint.manifest",\n  "file:/none",\n]';
    await expect(built(text)).rejects.toMatchObject({
      subject: expect.stringMatching(/^user\.manifest:3:3: /),
    });
  });
});

describe('files of the runtime', () => {
  test.each([
    `file:${usual}/runtime/glibc/`,
    `file:${usual}/runtime/glibc/libc.so.6`,
    `file:${python}/gramine/runtime/glibc/`,
    `file:${python}/libsecret_prov_attest.so`,
    'file:/usr/lib64/gramine/runtime/glibc/',
    `file:${ownLibraries}/libc.so.6`,
  ])('%s among the trusted ones: the runtime has it, and it is trusted there', async (uri) => {
    const { uris, result } = await built(`sgx.trusted_files = ["${uri}"]`, {
      runtime: await attestingRuntime(),
    });
    expect(uris).toContain(`file:${ownLibraries}/libc.so.6`);
    expect(uris).toContain(`file:${ownLibraries}/libsecret_prov_attest.so`);
    expect(uris.filter((each) => each.startsWith('file:/usr/') || each.includes('meson'))).toEqual([]);
    expect(result.notes.some((note) => note.includes(uri) && note.includes('runtime'))).toBe(true);
  });

  test.each([`file:${usual}/runtime/glibc/libnone.so`, 'file:/opt/lib/libsecret_prov_attest.so'])(
    '%s that the runtime does not have is an error',
    async (uri) => {
      await expect(built(`sgx.trusted_files = ["${uri}"]`)).rejects.toMatchObject({ code: 'not-found' });
    },
  );

  test('a hash of another file than the runtime has there is an error with its place', async () => {
    const text = `sgx.trusted_files = [\n  { uri = "file:${usual}/runtime/glibc/libc.so.6", sha256 = "${'0'.repeat(64)}" },\n]`;
    await expect(built(text)).rejects.toMatchObject({ code: 'manifest', subject: 'user.manifest:2:3' });
  });
});

describe('loader.entrypoint', () => {
  const own = 'file:/gramine/runtime/libsysdb.so';

  test.each([
    `loader.entrypoint.uri = "file:${usual}/libsysdb.so"`,
    `loader.entrypoint = "file:${python}/gramine/libsysdb.so"`,
    'loader.entrypoint.uri = "file:/graphene/Runtime/libsysdb.so"',
    'loader.entrypoint.uri = "file:/home/me/gramine/build/libsysdb.so"',
  ])("%s: gsc's own path wins, with a note", async (text) => {
    const { manifest, result } = await built(text);
    const sha256 = (await runtimeOf()).files.find(({ path }) => `file:${path}` === own)?.sha256;
    expect(manifest.loader.entrypoint).toEqual({ uri: own, sha256 });
    expect(result.notes.some((note) => note.includes(`became ${own}`))).toBe(true);
    expect(result.overrides).toEqual([]);
  });

  test("gsc's own path, or none, says nothing", async () => {
    for (const text of [`loader.entrypoint.uri = "${own}"`, 'loader.log_level = "error"']) {
      expect((await built(text)).result.notes.filter((note) => note.includes('libsysdb'))).toEqual([]);
    }
  });

  test('releases before 1.8 have it as a string', async () => {
    const { manifest } = await built(`loader.entrypoint.uri = "file:${usual}/libsysdb.so"`, {
      runtime: await runtimeOf('1.7'),
    });
    expect(manifest.loader.entrypoint).toBe(own);
  });

  test.each([
    ['another file of the image', `loader.entrypoint.uri = "file:${usual}/libsysdb.so"`, 'another file'],
    ['no library OS', 'loader.entrypoint.uri = "file:/opt/other.so"', 'not the name of one'],
    [
      'a hash of another one',
      `loader.entrypoint = { uri = "file:/x/libsysdb.so", sha256 = "${'0'.repeat(64)}" }`,
      'SHA-256',
    ],
  ])('%s is an error with its place', async (_, text, message) => {
    const entries: MadeEntry[] = [[`${usual.slice(1)}/libsysdb.so`, 'another']];
    await expect(built(text, { entries })).rejects.toMatchObject({
      code: 'manifest',
      subject: expect.stringMatching(/^user\.manifest:1:\d+/),
      message: expect.stringContaining(message),
      hint: expect.stringMatching(/loader\.entrypoint|remove it/),
    });
  });

  test('the same file in the image is no other one', async () => {
    const entries: MadeEntry[] = [
      [`${usual.slice(1)}/libsysdb.so`, makeElf({ soname: 'libsysdb.so', payload: '' })],
    ];
    const { manifest } = await built(`loader.entrypoint.uri = "file:${usual}/libsysdb.so"`, { entries });
    expect(manifest.loader.entrypoint).toMatchObject({ uri: own });
  });
});

describe('mounts', () => {
  const mountAt = (manifest: Awaited<ReturnType<typeof manifestIn>>, at: string) =>
    manifest.fs.mounts.filter(({ path }) => path === at);

  test.each([
    [`${usual}/runtime/glibc`, ownLibraries],
    [`${python}/gramine/runtime/glibc/`, ownLibraries],
    ['/usr/local/lib/gramine/runtime/glibc/libc.so.6', `${ownLibraries}/libc.so.6`],
    ['/usr/lib64/gramine', '/gramine/runtime'],
    [ownLibraries, ownLibraries],
  ])('of %s show where the runtime is, which is trusted then', async (source, place) => {
    const { manifest, uris, result } = await built(`fs.mounts = [{ path = "/lib", uri = "file:${source}" }]`);
    expect(mountAt(manifest, '/lib')).toEqual([{ path: '/lib', uri: `file:${place}` }]);
    expect(uris).toContain(`file:${ownLibraries}/libc.so.6`);
    expect(result.notes.some((note) => note.includes(`became file:${place}`))).toBe(
      `file:${place}` !== `file:${source}`,
    );
  });

  test('of such a place that the image itself has stay', async () => {
    const entries: MadeEntry[] = [[`${usual.slice(1)}/runtime/glibc/libc.so.6`, 'own']];
    const { manifest } = await built(`fs.mounts = [{ path = "/l", uri = "file:${usual}/runtime/glibc" }]`, {
      entries,
    });
    expect(mountAt(manifest, '/l')).toEqual([{ path: '/l', uri: `file:${usual}/runtime/glibc` }]);
  });

  test("a program on Gramine's glibc starts although the mount hides its own loader", async () => {
    const app = await appImage(
      [
        [
          ['app', makeElf({ interpreter: '/lib/ld-linux-x86-64.so.2', needed: ['libc.so.6'] }), 0o755],
          ['lib/ld-linux-x86-64.so.2', makeElf({ soname: 'ld-linux-x86-64.so.2' }), 0o755],
          ['usr/lib/libc.so.6', makeElf({ soname: 'libc.so.6' })],
        ],
      ],
      { Cmd: ['/app'] },
    );
    const manifest = `fs.mounts = [{ path = "/lib", uri = "file:${usual}/runtime/glibc" }]`;
    const { loadedLibc } = await graminizeApp(app, { manifest });
    expect(loadedLibc).toEqual({ kind: 'runtime', directory: ownLibraries });
  });

  test('of directories through a link show the real name, as the trusted files have it', async () => {
    const entries: MadeEntry[] = [
      ['usr/lib/a/x', 'x'],
      ['lib', { link: 'usr/lib' }],
    ];
    const text =
      'fs.mounts = [{ path = "/l", uri = "file:/lib/a" }]\nsgx.allowed_files = ["file:/lib/a/new"]';
    const { manifest } = await built(text, { entries });
    expect(mountAt(manifest, '/l')).toEqual([{ path: '/l', uri: 'file:/usr/lib/a' }]);
    expect(manifest.sgx.allowed_files).toEqual(['file:/lib/a/new', 'file:/usr/lib/a/new']);
  });

  test('of a link to a file keep its name, which is trusted', async () => {
    const entries: MadeEntry[] = [
      ['usr/x', 'x'],
      ['etc/y', { link: '../usr/x' }],
    ];
    const { manifest, uris } = await built('fs.mounts = [{ path = "/z", uri = "file:/etc/y" }]', { entries });
    expect(mountAt(manifest, '/z')).toEqual([{ path: '/z', uri: 'file:/etc/y' }]);
    expect(uris).toContain('file:/etc/y');
  });

  test('of what no layer has are left out with a warning: Gramine does not start with them', async () => {
    const text =
      'fs.mounts = [\n  { path = "/x", uri = "file:/none" },\n  { path = "/y", uri = "file:/app" },\n]';
    const { manifest, result } = await built(text);
    expect(mountAt(manifest, '/x')).toEqual([]);
    expect(mountAt(manifest, '/y')).toHaveLength(1);
    expect(result.notes).toContainEqual(
      expect.stringMatching(
        /^user\.manifest:2:3: fs\.mounts\[0\]: test has no file:\/none; .*\/x is left out/,
      ),
    );
  });

  test.each([
    ['a mount of gsc', '/tmp'],
    ['a directory of mounts of gsc', '/var'],
    ['the program', '/app'],
    ['the working directory', '/work'],
  ])('of what no layer has are an error where they hide %s', async (_, at) => {
    const text = `sgx.debug = false\nfs.mounts = [{ path = "${at}", uri = "file:/none" }]`;
    const made = built(text, { run: { WorkingDir: '/work/a' }, entries: [['work/a/x', 'x']] });
    await expect(made).rejects.toMatchObject({
      code: 'manifest',
      subject: 'user.manifest:2:14',
      message: expect.stringContaining('file:/none'),
    });
  });

  test.each([
    ['it is allowed', 'sgx.allowed_files = ["file:/data/"]'],
    ['a file in it is allowed', 'sgx.allowed_files = ["file:/data/x"]'],
    [
      'a file in it is trusted by its hash',
      `sgx.trusted_files = [{ uri = "file:/data/x", sha256 = "${'a'.repeat(64)}" }]`,
    ],
    ['everything is let through', 'sgx.file_check_policy = "allow_all_but_log"'],
  ])('of what a container will have stay, with a word about it: %s', async (_, text) => {
    const { manifest, result } = await built(`fs.mounts = [{ path = "/d", uri = "file:/data" }]\n${text}`);
    expect(mountAt(manifest, '/d')).toHaveLength(1);
    expect(result.notes.some((note) => note.includes('only in containers that have it'))).toBe(true);
  });

  test('of what every container has stay without a note', async () => {
    const mounts = ['/etc/hosts', '/proc/cpuinfo', '/sys/devices', '/vol', '/etc'].map(
      (source, index) => `{ path = "/m${index}", uri = "file:${source}" }`,
    );
    const { manifest, result } = await built(`fs.mounts = [${mounts.join()}]`, {
      run: { Volumes: { '/vol': {} } },
    });
    expect(manifest.fs.mounts.filter(({ path }) => path.startsWith('/m'))).toHaveLength(5);
    expect(result.notes.filter((note) => note.includes('fs.mounts'))).toEqual([]);
  });

  test('encrypted ones may begin empty', async () => {
    const mount = '{ type = "encrypted", path = "/e", uri = "file:/none", key_name = "_sgx_mrsigner" }';
    const { manifest } = await built(`fs.mounts = [${mount}]`);
    expect(mountAt(manifest, '/e')).toHaveLength(1);
  });
});

describe('hashes of the user', () => {
  const entries: MadeEntry[] = [
    ['etc/x', 'x'],
    ['l', { link: 'etc/x' }],
    ['etc/hosts', ''],
  ];
  const trusting = (path: string) =>
    `sgx.trusted_files = [\n  { uri = "file:${path}", sha256 = "${'AB'.repeat(32)}" },\n]`;

  test.each(['/etc/x', '/l', '/app'])(
    'of another file than the image has at %s are an error',
    async (path) => {
      await expect(built(trusting(path), { entries })).rejects.toMatchObject({
        code: 'manifest',
        subject: expect.stringMatching(/^user\.manifest:2:\d+$/),
        message: expect.stringContaining('SHA-256'),
      });
    },
  );

  test('of the same file are taken, in letters of either case', async () => {
    const sha256 = '2D711642B726B04401627CA9FBAC32F5C8530FB1903CC4DB02258717921A4881';
    const { uris } = await built(trusting('/etc/x').replace(/"AB.*"/, `"${sha256}"`), { entries });
    expect(uris.filter((uri) => uri === 'file:/etc/x')).toHaveLength(1);
  });

  test.each([
    ['no layer has', '/opt/later', ''],
    ['the engine replaces', '/etc/hosts', ''],
    ['is allowed as well', '/etc/x', 'sgx.allowed_files = ["file:/etc/"]'],
  ])('of a file that %s are taken as they are', async (_, path, more) => {
    const { uris } = await built(`${trusting(path)}\n${more}`, { entries });
    expect(uris).toContain(`file:${path}`);
  });
});

test('a manifest that a graminized image holds builds the same again', async () => {
  const app = await appImage([[...glibcProgram(), ['etc/x', 'x']]], { Cmd: ['/app', 'a'] });
  const first = await graminizeApp(app);
  const again = await graminizeApp(app, { manifest: first.manifest.bytes.toString() });
  const shown = ({ manifest }: typeof first) => {
    const { sgx, ...rest } = JSON.parse(JSON.stringify(plain(manifest.root)));
    return { ...rest, sgx: { ...sgx, trusted_files: sgx.trusted_files.map(JSON.stringify).sort() } };
  };
  expect(shown(again)).toEqual(shown(first));
});

/** Maps as objects, so that they compare. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === 'bigint' ? Number(value) : value;
}
