import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type GscHere, gscHere, gscInProcess, textStream } from '../support/cli/in-process.ts';
import { skipWithoutVectors, vectors } from '../support/manifest/genuine.ts';

interface Probe {
  readonly name: string;
  readonly toml: string;
  readonly 'v1.7': { readonly accepted: boolean };
  readonly 'v1.8': { readonly accepted: boolean };
  readonly 'v1.9': { readonly accepted: boolean };
}

const valid = 'libos.entrypoint = "x"\nloader.entrypoint.uri = "file:x"\nfs.mounts = []\n';

describe.skipIf(skipWithoutVectors())('gsc manifest-check, against the genuine schema', () => {
  const probes: readonly Probe[] = skipWithoutVectors()
    ? []
    : JSON.parse(readFileSync(join(vectors, 'schema-probes.json'), 'utf8')).probes;

  test.each(['v1.7', 'v1.8', 'v1.9'] as const)('%s: the same verdict on every probe', async (version) => {
    expect(probes.length).toBeGreaterThan(100);
    for (const probe of probes) {
      const isOld = version === 'v1.7';
      const toml = isOld
        ? probe.toml.replaceAll('loader.entrypoint.uri = ', 'loader.entrypoint = ')
        : probe.toml;
      const args = ['manifest-check', '--for', 'complete', '--runtime-version', version];
      const { code, stdout, stderr } = await gscHere(args, { stdin: textStream(toml) });
      expect(code === 0, `${probe.name}: ${stdout}${stderr}`).toBe(probe[version].accepted);
      if (code === 1) expect(stdout, probe.name).toMatch(/^standard input:\d+:\d+: /);
    }
  });
});

describe('gsc manifest-check', () => {
  let gsc: GscHere;
  beforeAll(async () => {
    gsc = gscInProcess();
    writeFileSync(join(gsc.directory, 'good.manifest'), valid);
    writeFileSync(join(gsc.directory, 'bad.manifest'), `${valid}\nsgx.enclav_size = "1G"\nsgx.debug = 1\n`);
    writeFileSync(join(gsc.directory, 'late.manifest'), `${valid}sgx.enclave_size = "3G"\n`);
  });

  test('says nothing on stdout of a valid manifest, from a file and from a pipe', async () => {
    for (const result of [
      await gsc(['manifest-check', 'good.manifest']),
      await gsc(['manifest-check', '-'], { input: valid }),
      await gsc(['manifest-check'], { input: valid }),
    ]) {
      expect(result).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('valid') });
    }
    expect(await gsc(['manifest-check', '-q', 'good.manifest'])).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('lists every problem with line, column and the nearest key', async () => {
    const { code, stdout } = await gsc(['manifest-check', 'bad.manifest']);
    expect(code).toBe(1);
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^bad\.manifest:5:5: sgx\.enclav_size: .*did you mean sgx\.enclave_size\?/),
      expect.stringMatching(/^bad\.manifest:6:5: sgx\.debug: expected a boolean, got the integer 1/),
    ]);
  });

  test('prints them as JSON too', async () => {
    const { code, stdout } = await gsc(['manifest-check', '--json', 'bad.manifest']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      problems: [
        { key: 'sgx.enclav_size', line: 5, column: 5, hint: expect.stringContaining('sgx.enclave_size') },
        { key: 'sgx.debug', line: 6, column: 5 },
      ],
      warnings: [],
    });
  });

  test('warns of what only the start refuses; with --strict that is a problem', async () => {
    const usual = await gsc(['manifest-check', 'late.manifest']);
    expect(usual).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/warning: late\.manifest:4:5: .*"4G"/),
    });
    const strict = await gsc(['manifest-check', '--strict', 'late.manifest']);
    expect(strict).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/late\.manifest:4:5: .*power of two/),
    });
  });

  test('takes a manifest with nothing missing for a complete one, any other one for gsc build', async () => {
    const old = 'sgx.thread_num = 3\n';
    const complete = await gsc(['manifest-check'], { input: valid + old });
    expect(complete).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^standard input:4:5: sgx\.thread_num: not a key/),
      stderr: expect.stringContaining('gsc migrate-manifest rewrites'),
    });
    const user = await gsc(['manifest-check'], { input: old });
    expect(user).toMatchObject({ code: 0, stdout: '' });
    expect(user.stderr).toContain('warning: standard input:1:5: sgx.thread_num: became sgx.max_threads\n');
    expect(user.stderr).toContain('a valid manifest for gsc build with Gramine 1.9');
  });

  test('--for decides what it is for', async () => {
    const missing = await gsc(['manifest-check', '--for', 'complete'], { input: 'sgx.debug = false' });
    expect(missing).toMatchObject({ code: 1, stdout: expect.stringContaining('libos.entrypoint: required') });
    const input = `${valid}sgx.thread_num = 3\n`.replace('file:x', 'file:/x');
    expect(await gsc(['manifest-check', '--for', 'build'], { input })).toMatchObject({ code: 0 });
    expect(await gsc(['manifest-check', '--for', 'all'], { input })).toMatchObject({ code: 2 });
    expect(await gsc(['manifest-check', '--for', 'build', '--migrate'], { input })).toMatchObject({
      code: 2,
    });
  });

  test('--for build has the problems that a build has', async () => {
    const input = 'sgx.allowed_files = ["file:data/"]\nsgx.enclave_size = "3G"\n';
    const { code, stdout } = await gsc(['manifest-check', '--json'], { input });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      for: 'build',
      problems: [
        { key: 'sgx.allowed_files[0]', line: 1, column: 22, hint: 'write file:/data/' },
        { key: 'sgx.enclave_size', line: 2 },
      ],
      warnings: [],
      notes: [],
    });
  });

  test('a template in the texts of a complete manifest is a warning, with --strict a problem', async () => {
    const input = `${valid}loader.env.A = "{{ a }}"\n`;
    expect(await gsc(['manifest-check'], { input })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('an unrendered template: {{ a }}'),
    });
    expect(await gsc(['manifest-check', '--strict'], { input })).toMatchObject({ code: 1 });
  });

  test('knows the releases apart', async () => {
    const check = (version: string) => gsc(['manifest-check', '--runtime-version', version, 'good.manifest']);
    expect((await check('1.9')).code).toBe(0);
    expect((await check('master')).code).toBe(0);
    expect(await check('1.7')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('loader.entrypoint'),
    });
  });

  test.each<[string, string, RegExp]>([
    ['unclosed', 'a = [1,\n', /^gsc: standard input:\d+:\d+: not valid TOML/],
    ['no TOML', '<html>', /^gsc: standard input:1:\d+: not valid TOML/],
    ['defined twice', 'a = 1\na = 2\n', /^gsc: standard input:2:1: not valid TOML/],
  ])('a text that is %s is an error with line and column', async (_, input, message) => {
    const result = await gsc(['manifest-check'], { input });
    expect(result).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
    expect(result.stderr).toMatch(/^hint: /m);
  });

  test('a byte that is not UTF-8 is an error with line and column', async () => {
    const result = await gsc(['manifest-check'], { input: Buffer.from('a = 1\nb = "\xff"\n', 'latin1') });
    expect(result).toMatchObject({ code: 2, stderr: expect.stringMatching(/standard input:2:\d+: .*UTF-8/) });
  });

  test('a file that is missing is an error', async () => {
    const result = await gsc(['manifest-check', 'none.manifest']);
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('none.manifest') });
  });
});
