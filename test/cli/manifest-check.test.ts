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
      const args = ['manifest-check', '--runtime-version', version];
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

  test('a byte that is no UTF-8 is an error with line and column', async () => {
    const result = await gsc(['manifest-check'], { input: Buffer.from('a = 1\nb = "\xff"\n', 'latin1') });
    expect(result).toMatchObject({ code: 2, stderr: expect.stringMatching(/standard input:2:\d+: .*UTF-8/) });
  });

  test('a file that is missing is an error', async () => {
    const result = await gsc(['manifest-check', 'none.manifest']);
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('none.manifest') });
  });
});
