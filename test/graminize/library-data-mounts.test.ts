import { describe, expect, test } from 'vitest';
import type { RunConfig } from '../../src/image/config.ts';
import { appImage, glibcProgram, staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp, manifestIn, runtimeOf, type Wishes } from '../support/graminized/graminized.ts';
import { makeElf } from '../support/runtime/make-elf.ts';
import { libraryTexts } from '../support/runtime/make-tree.ts';
import type { MadeEntry } from '../support/scan/made-layers.ts';

const prefix = '/opt/gramine';
const own = `${prefix}/lib/x86_64-linux-gnu/gramine`;

/** A C library at `path` that looks for its data as that of a distribution does. */
function cLibrary(path: string, libraryDirectory: string, locales = libraryDirectory): MadeEntry {
  const texts = libraryTexts('/usr', libraryDirectory, '/etc');
  const payload = texts.replaceAll(`${libraryDirectory}/locale`, `${locales}/locale`);
  return [path, makeElf({ soname: 'libc.so.6', payload })];
}

const zones: readonly MadeEntry[] = [
  ['usr/share/zoneinfo/Europe/Berlin', 'berlin'],
  ['usr/share/zoneinfo/UTC', 'utc'],
];
const debian: readonly MadeEntry[] = [
  ...glibcProgram().filter(([path]) => !path.endsWith('libc.so.6')),
  cLibrary('usr/lib/x86_64-linux-gnu/libc.so.6', '/usr/lib/x86_64-linux-gnu', '/usr/lib'),
  ...zones,
  ['etc/localtime', { link: '/usr/share/zoneinfo/Europe/Berlin' }],
  ['usr/lib/locale/C.utf8/LC_CTYPE', 'ctype'],
  ['usr/lib/locale/locale-archive', 'archive'],
  ['usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache', 'cache'],
  ['usr/share/locale/de/LC_MESSAGES/tool.mo', 'mo'],
];

async function shownIn(entries: readonly MadeEntry[], wishes: Wishes = {}, run: RunConfig = {}) {
  const app = await appImage([entries], { Cmd: ['/app'], ...run });
  const runtime = wishes.runtime ?? (await runtimeOf('1.9', own));
  const result = await graminizeApp(app, { ...wishes, runtime });
  const { fs, sgx } = await manifestIn(result.image);
  const data = fs.mounts.filter(({ path }) => path.startsWith(prefix) || path.startsWith('/usr/'));
  return {
    result,
    mounts: Object.fromEntries(data.map(({ path, uri }) => [path, uri?.slice('file:'.length)])),
    trusted: sgx.trusted_files.map(({ uri }) => uri.slice('file:'.length)),
  };
}

describe("the data of Gramine's C library", () => {
  test('are those of the image, mounted at the places that are compiled into it', async () => {
    const { mounts, result } = await shownIn(debian);
    expect(mounts).toEqual({
      [`${prefix}/share/zoneinfo`]: '/usr/share/zoneinfo',
      [`${prefix}/etc/localtime`]: '/etc/localtime',
      [`${own}/runtime/glibc/locale`]: '/usr/lib/locale',
      [`${own}/runtime/glibc/gconv`]: '/usr/lib/x86_64-linux-gnu/gconv',
      [`${prefix}/share/locale`]: '/usr/share/locale',
    });
    expect(result.libraryData.map(({ kind }) => kind)).toEqual([
      'time zones',
      'local time',
      'locales',
      'character sets',
      'messages',
    ]);
    expect(result.notes.join()).not.toMatch(/zone|locale/);
  });

  test('are all there when files that no list has can be opened: a trace sees which are used', async () => {
    const policy = (value: string) => ({
      manifest: `sgx.file_check_policy = "${value}"\n`,
      exclude: ['/usr/share', '/usr/lib/locale'],
    });
    const strict = await shownIn(debian, policy('strict'));
    const open = await shownIn(debian, policy('allow_all_but_log'));
    expect(Object.keys(strict.mounts)).not.toContain(`${own}/runtime/glibc/locale`);
    expect(open.mounts).toEqual((await shownIn(debian)).mounts);
  });

  test("are where the image's own C library looks: on Fedora and openSUSE in lib64", async () => {
    const entries: readonly MadeEntry[] = [
      ...glibcProgram().filter(([path]) => !path.endsWith('libc.so.6')),
      cLibrary('usr/lib64/libc.so.6', '/usr/lib64', '/usr/lib'),
      ['usr/lib64/gconv/gconv-modules', 'modules'],
      ['usr/lib/x86_64-linux-gnu/gconv/other', 'not of this library'],
      ['usr/lib/locale/C.utf8/LC_CTYPE', 'ctype'],
    ];
    expect((await shownIn(entries)).mounts).toEqual({
      [`${own}/runtime/glibc/locale`]: '/usr/lib/locale',
      [`${own}/runtime/glibc/gconv`]: '/usr/lib64/gconv',
    });
  });

  test('are at the usual places if the C library does not say it', async () => {
    const { mounts } = await shownIn([...glibcProgram(), ...zones, ['usr/lib64/gconv/x', 'x']]);
    expect(mounts).toEqual({
      [`${prefix}/share/zoneinfo`]: '/usr/share/zoneinfo',
      [`${own}/runtime/glibc/gconv`]: '/usr/lib64/gconv',
    });
  });

  test('through links are mounted by their real names, the local time by the name of its link', async () => {
    const { mounts, trusted } = await shownIn([
      ...glibcProgram(),
      ['usr/share/zoneinfo', { link: '../../opt/zones' }],
      ['opt/zones/Europe/Berlin', 'berlin'],
      ['etc/localtime', { link: '../usr/share/zoneinfo/Europe/Berlin' }],
    ]);
    expect(mounts).toEqual({
      [`${prefix}/share/zoneinfo`]: '/opt/zones',
      [`${prefix}/etc/localtime`]: '/etc/localtime',
    });
    expect(trusted).toEqual(expect.arrayContaining(['/opt/zones/Europe/Berlin', '/etc/localtime']));
  });

  test('that have links to directories in them are mounted under these too', async () => {
    const { mounts } = await shownIn([
      ...glibcProgram(),
      ...zones,
      ['usr/share/zoneinfo/posix/Europe', { link: '../Europe' }],
    ]);
    expect(mounts).toEqual({
      [`${prefix}/share/zoneinfo`]: '/usr/share/zoneinfo',
      [`${prefix}/share/zoneinfo/posix/Europe`]: '/usr/share/zoneinfo/Europe',
    });
  });

  test('that the image does not have are not mounted, and nothing is said', async () => {
    const { mounts, result } = await shownIn(
      [...glibcProgram(), ['etc/localtime', { link: '/usr/share/zoneinfo/Etc/UTC' }]],
      {},
      { Env: ['LANG=de_DE.UTF-8', 'TZ=Europe/Berlin'] },
    );
    expect(mounts).toEqual({});
    expect(result.libraryData).toEqual([]);
    expect(result.notes).toEqual([]);
  });

  test('that are not trusted are not mounted', async () => {
    const { mounts } = await shownIn(debian, { exclude: ['/usr/share/zoneinfo', '/usr/share/locale'] });
    expect(Object.values(mounts).sort()).toEqual(['/usr/lib/locale', '/usr/lib/x86_64-linux-gnu/gconv']);
  });

  test('are not mounted where they are already: a runtime with the prefix /usr', async () => {
    const runtime = await runtimeOf('1.9');
    const { mounts } = await shownIn(debian, { runtime });
    const package_ = '/usr/lib/x86_64-linux-gnu/gramine/runtime/glibc';
    expect(mounts).toEqual({
      '/usr/etc/localtime': '/etc/localtime',
      [`${package_}/locale`]: '/usr/lib/locale',
      [`${package_}/gconv`]: '/usr/lib/x86_64-linux-gnu/gconv',
    });
  });

  test.each<[string, readonly MadeEntry[], Wishes]>([
    ["the image's own C library", debian, { libc: 'image' }],
    ['a static program', [staticProgram(), ...zones], {}],
  ])('are not touched for %s', async (_, entries, wishes) => {
    expect((await shownIn(entries, wishes)).mounts).toEqual({});
  });

  test('come from where the manifest mounts them for all programs', async () => {
    const moved = 'fs.mounts = [{ path = "/usr/share/zoneinfo", uri = "file:/data/zones" }]';
    const entries: readonly MadeEntry[] = [...debian, ['data/zones/X', 'x']];
    const { mounts } = await shownIn(entries, { manifest: moved });
    expect(mounts[`${prefix}/share/zoneinfo`]).toBe('/data/zones');
    const hidden = 'fs.mounts = [{ type = "tmpfs", path = "/usr/share/zoneinfo" }]';
    expect((await shownIn(debian, { manifest: hidden })).mounts).not.toHaveProperty(
      `${prefix}/share/zoneinfo`,
    );
  });

  test("stay where the manifest mounts a directory at its own name, as many do with '/usr' and '/etc'", async () => {
    const manifest =
      'fs.mounts = [{ path = "/usr", uri = "file:/usr" }, { path = "/etc", uri = "file:/etc" }]';
    const plain = await shownIn(debian);
    expect((await shownIn(debian, { manifest })).mounts).toEqual(plain.mounts);
    const runtime = await runtimeOf('1.9');
    const inUsr = await shownIn(debian, { manifest, runtime });
    expect(inUsr.mounts).toMatchObject((await shownIn(debian, { runtime })).mounts);
  });

  test("give way to the manifest's mount at the very place, with a note", async () => {
    const manifest = `fs.mounts = [{ path = "${prefix}/share/zoneinfo", uri = "file:/data" }]`;
    const { mounts, result } = await shownIn([...debian, ['data/x', 'x']], { manifest });
    expect(mounts[`${prefix}/share/zoneinfo`]).toBe('/data');
    expect(result.overrides.map(({ path }) => path.join('.'))).toEqual(['fs.mounts.0']);
  });

  test('that the host may change are mounted too: the local time', async () => {
    const manifest = 'sgx.allowed_files = ["file:/etc/localtime"]';
    const { mounts, trusted } = await shownIn(debian, { manifest });
    expect(mounts[`${prefix}/etc/localtime`]).toBe('/etc/localtime');
    expect(trusted).not.toContain('/etc/localtime');
  });
});
