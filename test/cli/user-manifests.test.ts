import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { glibcProgram } from '../support/graminized/app-image.ts';

let gsc: GscHere;

beforeAll(async () => {
  gsc = gscInProcess();
  writeRuntime(join(gsc.directory, 'runtime'));
  await writeApp(join(gsc.directory, 'app'), {
    run: { Cmd: ['/prog', 'x'], Env: ['A=1', 'B=2'], WorkingDir: '/work', User: '5:6' },
    entries: [...glibcProgram('prog'), ['work/argv', 'a\0b\0'], ['work/base.txt', 'base\n'], ['data/x', '']],
  });
});

/** Builds with a manifest of this text. */
async function build(text: string, ...more: readonly string[]) {
  writeFileSync(join(gsc.directory, 'user.manifest'), text);
  return gsc([
    'build',
    '--runtime',
    'runtime',
    '-o',
    'oci:out',
    '--force',
    ...more,
    'oci:app',
    'user.manifest',
  ]);
}

describe('the report of what starts', () => {
  test.each<[manifest: string, lines: readonly string[]]>([
    ['', ['starts +/prog as /prog x', 'as +uid 5, gid 6, in /work, 5 variables']],
    ['loader.argv = ["python3", "-c", "print(1)"]', ["starts +/prog as python3 -c 'print\\(1\\)'"]],
    ['loader.argv_src_file = "file:/work/argv"', ['starts +/prog as file:/work/argv says']],
    [
      'loader.insecure__use_cmdline_argv = true',
      ['starts +/prog as /prog x, or with the arguments of docker run'],
    ],
    ['libos.entrypoint = "/bin/sh"', ['starts +/bin/sh as /prog x']],
    ['fs.start_dir = "/data"\nloader.uid = 0\nloader.gid = 7', ['as +uid 0, gid 7, in /data, 5 variables']],
    [
      'loader.env = { A = { passthrough = true }, C = "3" }\nloader.insecure__use_host_env = true',
      ['as .*, 6 variables, 1 of them from the host, all others of the host'],
    ],
    [
      'loader.env.LD_LIBRARY_PATH = "/lib:/usr/lib64"',
      ["C library +Gramine's glibc: it has every symbol version"],
    ],
    [
      'fs.mounts = [{ type = "tmpfs", path = "/gramine" }]',
      ["C library +the image's own glibc: /usr/lib64 comes first in LD_LIBRARY_PATH"],
    ],
    [
      'loader.env.LD_LIBRARY_PATH = { passthrough = true }',
      ["C library +unknown until the start \\(chosen: Gramine's glibc\\)"],
    ],
  ])('shows what %j changes', async (manifest, lines) => {
    const { code, stderr } = await build(manifest);
    expect(code, stderr).toBe(0);
    for (const line of lines) expect(stderr).toMatch(new RegExp(`^  ${line}`, 'm'));
  });

  test('has the same in JSON', async () => {
    const json = async (manifest: string) => JSON.parse((await build(manifest, '--json')).stdout);
    expect(await json('loader.argv = ["a"]\nfs.start_dir = "/data"\nloader.uid = 9')).toMatchObject({
      entrypoint: '/prog',
      argv: ['a'],
      uid: 9,
      gid: 6,
      working_directory: '/data',
      libc_from: 'runtime',
    });
    expect(await json('loader.argv_src_file = "file:/work/argv"')).toMatchObject({
      argv: null,
      argv_src_file: 'file:/work/argv',
    });
  });
});

describe('manifests that mean well', () => {
  const builds: readonly (readonly [manifest: string, note: RegExp])[] = [
    ['sgx.trusted_files = ["file:/gramine/app_files/entrypoint.manifest"]', /which gsc makes itself/],
    ['sgx.thread_num = 8\nloader.pal_internal_mem_size = "128M"', /thread_num: became sgx\.max_threads/],
    [
      'loader.entrypoint.uri = "file:/usr/lib/x86_64-linux-gnu/gramine/libsysdb.so"',
      /became file:\/gramine\/runtime\/libsysdb\.so/,
    ],
    [
      'fs.mounts = [{ path = "/lib", uri = "file:/usr/lib/x86_64-linux-gnu/gramine/runtime/glibc" }]',
      /became file:\/gramine\/runtime\/runtime\/glibc/,
    ],
    ['fs.mounts = [{ path = "/opt/x", uri = "file:/opt/missing" }]', /the mount at \/opt\/x is left out/],
  ];

  test.each(builds)('%s builds, with a warning', async (manifest, note) => {
    const { code, stderr } = await build(manifest);
    expect(code, stderr).toBe(0);
    expect(stderr.split('\n').filter((line) => line.startsWith('warning: '))).toContainEqual(
      expect.stringMatching(note),
    );
    expect(JSON.parse((await build(manifest, '--json')).stdout).warnings).toContainEqual(
      expect.stringMatching(note),
    );
  });

  test.each<[manifest: string, code: number, message: RegExp, hint: RegExp]>([
    [
      'sgx.allowed_files = ["file:data/"]',
      2,
      /^gsc: user\.manifest:1:22: sgx\.allowed_files\[0\]/,
      /file:\/data\//,
    ],
    ['fs.mounts = [{ path = "etc", uri = "file:/etc" }]', 2, /user\.manifest:1:16/, /write \/etc$/m],
    [
      'libos.entrypoint = "{{ entrypoint }}"',
      2,
      /user\.manifest:1:7: .*unrendered template/,
      /render it first/,
    ],
    [
      '{% for x in y %}\n',
      2,
      /user\.manifest:1:1: .*unrendered template: \{% for x in y %\}/,
      /render it first/,
    ],
    ['sgx.max_threads = {{ n }}', 2, /user\.manifest:1:19: .*unrendered template/, /render it first/],
    ['loader.exec = file:/app\n', 2, /Graphene manifest from before TOML/, /gsc migrate-manifest/],
    ['loader.env.LD_PRELOAD = "/none.so"', 2, /user\.manifest:1:12: .*\/none\.so/, /--env LD_PRELOAD=/],
    [
      `sgx.trusted_files = [{ uri = "file:/work/base.txt", sha256 = "${'0'.repeat(64)}" }]`,
      2,
      /user\.manifest:1:\d+: .*SHA-256/,
      /remove the sha256/,
    ],
    [
      'loader.entrypoint.uri = "file:/work/base.txt"',
      2,
      /user\.manifest:1:19: .*another file of the image/,
      /--runtime/,
    ],
    [
      'fs.mounts = [{ path = "/prog", uri = "file:/none" }]',
      2,
      /user\.manifest:1:14: .*\/prog/,
      /remove the mount/,
    ],
  ])('%s is an error with place and hint', async (manifest, code, message, hint) => {
    const result = await build(manifest);
    expect([result.code, result.stdout]).toEqual([code, '']);
    expect(result.stderr).toMatch(message);
    expect(/^hint: (.*)$/m.exec(result.stderr)?.[1]).toMatch(hint);
  });

  test('--env LD_PRELOAD= drops what is missing', async () => {
    const { code, stderr } = await build('loader.env.LD_PRELOAD = "/none.so"', '--env', 'LD_PRELOAD=');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('warning: LD_PRELOAD: /none.so is dropped');
  });

  test('gsc explain finds through a mount of the runtime what is trusted there', async () => {
    const [manifest] = builds.find(([text]) => text.includes('path = "/lib"')) ?? [''];
    await build(manifest);
    const { code, stdout } = await gsc(['explain', 'oci:out', '/lib/libc.so.6']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/trusted/);
  });
});
