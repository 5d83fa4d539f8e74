import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { defaultRuntimeImage } from '../../../src/config/default-runtime-image.ts';
import type { GscOptions } from '../../support/cli/gsc.ts';
import { type GscHere, gscInProcess } from '../../support/cli/in-process.ts';

let gsc: GscHere;
let here: GscOptions & { readonly cwd: string };
let count = 0;
beforeAll(async () => {
  gsc = gscInProcess();
});
beforeEach(() => {
  const cwd = join(gsc.directory, String(count++));
  mkdirSync(cwd);
  here = { cwd };
});

const write = (file: string, text: string) => writeFileSync(join(here.cwd, file), text);

test('without a file shows the defaults', async () => {
  const { code, stdout, stderr } = await gsc(['config'], here);
  expect(code).toBe(0);
  expect(stdout).toContain(`Gramine.Image         ${defaultRuntimeImage}  (default)\n`);
  expect(stdout).toContain('Distro                auto  (default)\n');
  expect(stdout).toContain('Gramine.Branch        -  (not set)\n');
  expect(stdout).toContain('Gramine.Patches       linear-parse, sha-extensions  (default)\n');
  expect(stderr).toBe('no configuration: none of config.yaml, config.yml, config.json exists here\n');
});

test('shows no login of a repository, and every name of an image as it is', async () => {
  write(
    'config.yaml',
    'Gramine:\n  Repository: https://user:sesame@a/b\n  Image: docker://a:1@sha256:0\nSGXDriver:\n  Repository: ssh://git@a/b\n',
  );
  for (const more of [[], ['--json']]) {
    const { stdout } = await gsc(['config', ...more], here);
    expect(stdout).not.toContain('sesame');
    for (const word of ['https://a/b', 'docker://a:1@sha256:0', 'ssh://git@a/b'])
      expect(stdout).toContain(word);
  }
});

test('shows file and line, options, and what does not count', async () => {
  write('config.yaml', 'Distro: debian:12\nGramine:\n  Image: [a.deb, b.deb]\n  Repository: https://x\n');
  const fromFile = await gsc(['config'], here);
  expect(fromFile.stdout).toMatch(/^Distro +debian:12 {2}\(config\.yaml:1; not used: .*\)$/m);
  expect(fromFile.stdout).toMatch(/^Gramine\.Image +a\.deb, b\.deb {2}\(config\.yaml:3\)$/m);
  expect(fromFile.stdout).toMatch(
    /^Gramine\.Repository +https:\/\/x {2}\(config\.yaml:4; not used: Gramine\.Image takes precedence\)$/m,
  );
  const fromOption = await gsc(['config', '--runtime', 'dir'], here);
  expect(fromOption.stdout).toMatch(/^Gramine\.Image +dir {2}\(--runtime\)$/m);
  expect(fromOption.stdout).toMatch(/not used: --runtime takes precedence/);
});

test('shows that patches are switched off', async () => {
  write('config.yaml', 'Gramine:\n  Repository: https://x\n  Patches: []\n');
  expect((await gsc(['config'], here)).stdout).toContain('Gramine.Patches       []  (config.yaml:3)\n');
});

test('--json gives values and origins', async () => {
  write('other.json', '{"Gramine": {"Repository": "https://x"}}');
  const { stdout } = await gsc(['config', '--json', '-c', 'other.json'], here);
  expect(JSON.parse(stdout)).toMatchObject({
    file: 'other.json',
    settings: {
      Distro: { values: ['auto'], origin: { kind: 'default' } },
      'Gramine.Image': { values: [], origin: { kind: 'default' } },
      'Gramine.Repository': {
        values: ['https://x'],
        origin: { kind: 'file', file: 'other.json', line: 1, column: 14 },
      },
    },
  });
});

test.each(['config.yml', 'config.json'])('%s is found', async (file) => {
  write(file, '{"Registry": "r"}');
  expect((await gsc(['config'], here)).stdout).toMatch(new RegExp(`^Registry +r {2}\\(${file}:1;`, 'm'));
});

describe('--init', () => {
  test('writes a configuration that says nothing yet', async () => {
    expect(await gsc(['config', '--init'], here)).toMatchObject({ code: 0, stdout: 'config.yaml\n' });
    const { stdout } = await gsc(['config', '--json'], here);
    const { file, settings } = JSON.parse(stdout);
    expect(file).toBe('config.yaml');
    const origins = Object.values(settings as Record<string, { origin: { kind: string } }>);
    expect(new Set(origins.map(({ origin }) => origin.kind))).toEqual(new Set(['default']));
  });

  test('never overwrites', async () => {
    write('mine.yaml', 'Distro: mine\n');
    const { code, stderr } = await gsc(['config', '--init', 'mine.yaml'], here);
    expect([code, stderr]).toEqual([1, expect.stringContaining('mine.yaml')]);
    expect(readFileSync(join(here.cwd, 'mine.yaml'), 'utf8')).toBe('Distro: mine\n');
    expect(existsSync(join(here.cwd, 'config.yaml'))).toBe(false);
  });
});

describe('gsc build with a configuration of a runtime that it cannot take', () => {
  test('Graphene.Image names a runtime as Gramine.Image does', async () => {
    write('config.yaml', 'Graphene:\n  Image: oci:graphene\n');
    const { code, stderr } = await gsc(['build', '--no-cache', '--output', 'oci:out', 'oci:app'], here);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^gsc: graphene: the OCI layout cannot be read/),
    ]);
  });

  test('a mirror that is not a host is refused', async () => {
    write('config.yaml', 'Gramine:\n  Mirror: https://mirror.example.com\n');
    const { code, stderr } = await gsc(['build', 'oci:app'], here);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^gsc: Gramine\.Mirror: expected HOST/)]);
  });
});
