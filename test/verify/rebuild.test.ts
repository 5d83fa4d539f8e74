import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openImages } from '../../src/index.ts';
import type { ImageCheck } from '../../src/verify/check.ts';
import { gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { glibcProgram } from '../support/graminized/app-image.ts';
import { longTest } from '../support/long-test.ts';
import { testKey } from '../support/signature/test-key.ts';
import { startDouble } from '../support/store/registry/fixture.ts';

const gsc = gscInProcess();
const at = (name: string) => join(gsc.directory, name);

beforeAll(async () => {
  writeRuntime(at('runtime'));
  writeRuntime(at('older'), '1.8');
  const run = { Cmd: ['/app', 'x'], Env: ['A=1'], User: '5:6', WorkingDir: '/work' };
  const entries = [...glibcProgram('tool'), ['srv/a', 'a'] as const, ['srv/b', 'b'] as const];
  await writeApp(at('app'), { run, entries });
  await writeApp(at('other'), { run, entries: [...entries, ['srv/c', 'c']] });
  copyFileSync(await testKey(), at('key.pem'));
  writeFileSync(at('user.manifest'), 'sgx.isvsvn = 4\nsgx.enclave_size = "512M" # large\n');
  writeFileSync(at('same.manifest'), '# other words\n[sgx]\nisvsvn = 4\nenclave_size = "512M"\n');
  writeFileSync(at('other.manifest'), 'sgx.isvsvn = 4\nsgx.enclave_size = "1G"\n');
  writeFileSync(at('added.txt'), 'added');
  writeFileSync(at('profile'), '/srv/a\n/tool\n');
});

let count = 0;

async function built(...options: readonly string[]): Promise<string> {
  const name = `oci:built-${++count}`;
  const result = await gsc([
    'build',
    '--runtime',
    'runtime',
    '--key',
    'key.pem',
    '-o',
    name,
    'oci:app',
    ...options,
  ]);
  expect(result.code, result.stderr).toBe(0);
  return name;
}

async function verify(...args: readonly string[]) {
  const { code, stdout, stderr } = await gsc(['verify-image', '--json', ...args]);
  expect(stdout, stderr).toMatch(/^\{"verified"/);
  const { verified, checks } = JSON.parse(stdout) as { verified: boolean; checks: readonly ImageCheck[] };
  const failed = checks
    .filter(({ result }) => result === 'failed')
    .map(textOf)
    .join('\n');
  const find = (wanted: string) => checks.find(({ name }) => name === wanted);
  return { code, verified, failed, checks, find };
}

function textOf({ name, subject, detail, lines = [] }: ImageCheck): string {
  return [`${name}: ${subject}: ${detail}`, ...lines].join('\n');
}

describe('verify-image --base', () => {
  interface Build {
    readonly what: string;
    readonly options: readonly string[];
    /** What a rebuild has to be given again. */
    readonly again?: readonly string[];
  }
  const builds: readonly Build[] = [
    { what: 'no options', options: [] },
    { what: 'a level of trust and a pattern', options: ['--trust-level', 'lean', '--exclude', '/srv/b'] },
    {
      what: 'volumes and secrets',
      options: ['--volume', '/data=encrypted:k', '--volume', '/v=tmpfs', '--secret', 's'],
    },
    { what: 'variables and hosts', options: ['-e', 'A=2', '-e', 'B', '--host', 'db=10.0.0.1'] },
    { what: 'an added file', options: ['--file', 'added.txt:/srv/added'] },
    { what: 'another start', options: ['--entrypoint', '["/tool", "a"]', '--cmd', 'b'] },
    { what: 'arguments of the host', options: ['--insecure-args'] },
    { what: "the image's C library", options: ['--entrypoint', '/tool', '--libc', 'image'] },
    { what: 'a preset', options: ['--preset', 'auto'] },
    { what: 'a manifest', options: ['user.manifest'], again: ['--manifest', 'user.manifest'] },
    { what: 'a profile', options: ['--profile', 'profile'], again: ['--profile', 'profile'] },
  ];
  const policy =
    'verify-image: {host_arguments: true, host_environment: ["*"], allowed_files: [/run/secrets]}\n';

  test.each(builds)('builds an image with $what again, byte for byte', async ({ options, again = [] }) => {
    writeFileSync(at('policy.yaml'), policy);
    const name = await built(...options);
    const more = ['--base', 'oci:app', '--runtime', 'runtime', '--policy', 'policy.yaml', ...again];
    const { code, failed, find } = await verify(...more, name);
    expect([code, failed, find('rebuild')?.result, find('runtime')?.result]).toEqual([0, '', 'ok', 'ok']);
  });

  longTest('takes a manifest by its values: comments and layout do not count', async () => {
    const name = await built('user.manifest');
    const { find } = await verify('--base', 'oci:app', '--manifest', 'same.manifest', name);
    expect(find('rebuild')?.detail).not.toContain('not the one of the build');
  });

  test('without the manifest or the profile of the build says which is missing', async () => {
    for (const [option, text] of [
      ['user.manifest', '--manifest FILE'],
      ['--profile=profile', '--profile FILE'],
    ] as const) {
      const { code, find } = await verify('--base', 'oci:app', await built(option));
      expect([code, find('rebuild')]).toEqual([
        0,
        expect.objectContaining({ result: 'not-checked', detail: expect.stringContaining(text) }),
      ]);
    }
  });

  test('takes what was chosen when the image was signed as it is, and says so', async () => {
    const args = ['sign-image', '--isvsvn', '9', '-o', 'oci:chosen:1', 'oci:to-sign:1-unsigned', 'key.pem'];
    await gsc(['build', '--runtime', 'runtime', '-o', 'oci:to-sign:1-unsigned', 'oci:app']);
    expect((await gsc(args)).code).toBe(0);
    const { code, failed, find } = await verify('--base', 'oci:app', 'oci:chosen:1');
    expect([code, failed, find('rebuild')?.result]).toEqual([0, '', 'ok']);
    expect(find('manifest-copy')?.detail).toContain('sgx.isvsvn 9 in place of 0');
  });

  test('with another manifest shows the key that differs', async () => {
    const { code, failed } = await verify(
      '--base',
      'oci:app',
      '--manifest',
      'other.manifest',
      await built('user.manifest'),
    );
    expect(code).toBe(1);
    expect(failed).toContain('the manifest given is not the one of the build');
    expect(failed).toContain('~ sgx.enclave_size: "1G" -> "512M"');
  });

  test('with a manifest that the build did not have shows what it would change', async () => {
    const { failed } = await verify('--base', 'oci:app', '--manifest', 'user.manifest', await built());
    expect(failed).toContain('~ sgx.enclave_size: "512M" -> "256M"');
  });

  test.each([
    [[], 0],
    [['user.manifest'], 1],
  ])('with more manifests than the image has enclaves fails: it had %j', async (manifests, count) => {
    const given = ['user.manifest', 'other.manifest'].flatMap((file) => ['--manifest', file]);
    const { code, failed } = await verify('--base', 'oci:app', ...given, await built(...manifests));
    expect([code, failed]).toEqual([
      1,
      `rebuild: oci:app: 2 manifests were given, and it was built with ${count}`,
    ]);
  });

  test('of another app image names its layer and the files that differ', async () => {
    const { code, failed } = await verify('--base', 'oci:other', await built());
    expect(code).toBe(1);
    expect(failed).toMatch(
      /^base-image: layer 1 of 1 of oci:other: expected sha256:[0-9a-f]{64}, got sha256:/m,
    );
    expect(failed).toMatch(/- \/srv\/c: [0-9a-f]{12}… \(layer 1 of 3/);
  });

  test('with another runtime shows its files and its version', async () => {
    const { code, failed } = await verify('--base', 'oci:app', '--runtime', 'older', await built());
    expect(code).toBe(1);
    expect(failed).toMatch(/^runtime: gramine 1\.9/m);
    expect(failed).toContain('gsc.runtime.version: 1.8 -> 1.9');
  });

  test('of what is not there is an error, and so is a manifest without it', async () => {
    const name = await built();
    expect(await gsc(['verify-image', '--base', 'oci:nowhere', name])).toMatchObject({ code: 1, stdout: '' });
    const alone = await gsc(['verify-image', '--manifest', 'user.manifest', name]);
    expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('--base')]);
  });
});

describe('what was not checked', () => {
  test('is said with the option that checks it, and counts with --strict', async () => {
    const name = await built();
    const plain = await verify(name);
    const open = plain.checks.filter(({ result }) => result === 'not-checked');
    expect(open.map((check) => [check.name, /--[a-z]+/.exec(check.detail)?.[0]])).toEqual([
      ['signer', '--key'],
      ['base-image', '--base'],
      ['rebuild', '--base'],
      ['runtime', '--runtime'],
    ]);
    expect(await verify('--strict', name)).toMatchObject({ code: 1, verified: false, failed: '' });
    const all = ['--strict', '--key', 'key.pem', '--base', 'oci:app', '--runtime', 'runtime'];
    expect(await verify(...all, name)).toMatchObject({ code: 0, verified: true });
  });

  test('of an unsigned image is its signature, which fails', async () => {
    await gsc(['build', '--runtime', 'runtime', '-o', 'oci:unsigned', 'oci:app']);
    const { code, failed } = await verify('oci:unsigned');
    expect([code, failed]).toEqual([1, expect.stringMatching(/^sigstruct: .*not signed: sign it with/)]);
  });

  test('an app image is an error that says how to make one', async () => {
    const { code, stdout, stderr } = await gsc(['verify-image', 'oci:app']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('expected a graminized image');
  });

  test('the runtime without one is a list of its files with digests', async () => {
    const { find } = await verify(await built());
    expect(find('runtime')?.lines).toContainEqual(
      expect.stringMatching(/^[0-9a-f]{64} {2}\/gramine\/runtime\/sgx\/libpal\.so$/),
    );
  });
});

describe('who signed', () => {
  test('is told by a public key, a private one, or MRSIGNER; two at once are wrong usage', async () => {
    const name = await built();
    expect((await verify('--key', 'key.pem', name)).find('signer')?.result).toBe('ok');
    const { find } = await verify(name);
    const mrSigner = /[0-9a-f]{64}/.exec(find('signer')?.detail ?? '')?.[0] ?? '';
    expect((await verify('--mrsigner', mrSigner, name)).find('signer')?.result).toBe('ok');
    expect(await verify('--mrsigner', '0'.repeat(64), name)).toMatchObject({ code: 1, verified: false });
    expect((await gsc(['verify-image', '--key', 'key.pem', '--mrsigner', mrSigner, name])).code).toBe(2);
  });

  test('by a file that is not such a key is an error that says what it must be', async () => {
    const { code, stderr } = await gsc(['verify-image', '--key', 'added.txt', await built()]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('RSA-3072 with exponent 3')]);
  });

  test('the MRENCLAVE that is expected is one of the checks', async () => {
    const name = await built();
    const info = JSON.parse((await gsc(['info-image', '--json', name])).stdout);
    expect(await verify('--mrenclave', info.mr_enclave, name)).toMatchObject({ code: 0 });
    const { failed } = await verify('--mrenclave', '0'.repeat(64), name);
    expect(failed).toMatch(/^mrenclave: --mrenclave: expected 0{64}, got [0-9a-f]{64}/);
  });
});

describe('the policy', () => {
  const cases: readonly (readonly [string, readonly string[], string, string])[] = [
    [
      'policy-host-arguments',
      ['--insecure-args'],
      'host_arguments: true',
      'loader.insecure__use_cmdline_argv',
    ],
    ['policy-host-environment', ['-e', 'TZ'], 'host_environment: [TZ]', 'loader.env.TZ'],
    ['policy-allowed-files', ['--volume', '/data/x=allowed'], 'allowed_files: [/data]', 'file:/data/x'],
    ['policy-debug', ['--allow-debug', 'debug.manifest'], 'debug: true', 'sgx.debug'],
    [
      'policy-insecure-options',
      ['eventfd.manifest'],
      'insecure_options: [sys.insecure__allow_eventfd]',
      'sys.insecure__allow_eventfd',
    ],
  ];
  beforeAll(() => {
    writeFileSync(at('debug.manifest'), 'sgx.debug = true\n');
    writeFileSync(at('eventfd.manifest'), 'sys.insecure__allow_eventfd = true\n');
  });

  test.each(cases)(
    '%s fails by default and names the key that accepts it',
    async (name, options, accepts, subject) => {
      const image = await built(...options);
      const strict = await verify(image);
      expect([strict.code, strict.failed]).toEqual([
        1,
        expect.stringMatching(new RegExp(`^${name}: ${subject}`)),
      ]);
      writeFileSync(at('accepting.yaml'), `verify-image:\n  ${accepts}\n`);
      expect(await verify('--policy', 'accepting.yaml', image)).toMatchObject({ code: 0, failed: '' });
    },
  );

  test.each([
    ['isv_prod_id: [7]', 'policy-product', 'expected 7, got 0'],
    ['min_isv_svn: 1', 'policy-isvsvn', 'expected at least 1, got 0'],
    [`signers: {accept: [${'ab'.repeat(32)}]}`, 'policy-signer', 'expected abab'],
    ['runtimes: {accept: [1.8]}', 'policy-runtime', 'expected 1.8, got 1.9'],
    ['runtimes: {refuse: [1.9]}', 'policy-runtime', 'refuses 1.9'],
    ['bases: {accept: [docker.io/library/python:3]}', 'policy-base', 'expected docker.io/library/python:3'],
    ['max_age_days: 3', 'policy-age', 'expected at most 3 days, got 2024-05-06'],
  ])('%s is held against the image', async (rule, name, text) => {
    writeFileSync(at('rule.yaml'), `verify-image:\n  ${rule}\n`);
    const { code, failed } = await verify('--policy', 'rule.yaml', await built());
    expect([code, failed]).toEqual([1, expect.stringMatching(new RegExp(`^${name}: .*${text}`))]);
  });

  test('a runtime that only a label names is not proven; --runtime or its digest in the policy proves it', async () => {
    const name = await built();
    writeFileSync(at('version.yaml'), 'verify-image: {runtimes: {accept: ["1.9"]}}\n');
    const { code, find } = await verify('--policy', 'version.yaml', name);
    const check = find('policy-runtime');
    expect([code, check?.result, check?.detail]).toEqual([
      0,
      'not-checked',
      expect.stringContaining('--runtime'),
    ]);
    const given = await verify('--policy', 'version.yaml', '--runtime', 'runtime', name);
    expect(given.find('policy-runtime')?.result).toBe('ok');
    const digest = /sha256:[0-9a-f]{64}/.exec(check?.detail ?? '')?.[0];
    writeFileSync(at('digest.yaml'), `verify-image: {runtimes: {accept: ["${digest}"]}}\n`);
    expect((await verify('--policy', 'digest.yaml', name)).find('policy-runtime')?.result).toBe('ok');
  });

  test('a base is proven by the name under which --base found it', async () => {
    const { domain } = await startDouble();
    const name = `${domain}/app:1`;
    const images = openImages({ insecureRegistries: [domain], host: { workingDirectory: gsc.directory } });
    await images.store((await images.open(`oci:${at('app')}`)).image, `docker://${name}`);
    await images.close();
    const insecure = ['--insecure-registry', domain];
    const image = await built();
    writeFileSync(at('name.yaml'), `verify-image: {bases: {accept: ["${name}"]}}\n`);
    const { find } = await verify('--policy', 'name.yaml', ...insecure, '--base', `docker://${name}`, image);
    expect(find('policy-base')?.result).toBe('ok');
    expect((await verify('--policy', 'name.yaml', '--base', 'oci:app', image)).failed).toMatch(
      /^policy-base: app image: expected /,
    );
  });

  test('a base that only a label names is not proven; with --base it is', async () => {
    const name = await built();
    const digest = JSON.parse((await gsc(['info-image', '--json', name])).stdout).base.digest;
    writeFileSync(at('base.yaml'), `verify-image: {bases: {accept: ["${digest}"]}}\n`);
    expect((await verify('--policy', 'base.yaml', name)).find('policy-base')?.result).toBe('not-checked');
    const { find } = await verify('--policy', 'base.yaml', '--base', 'oci:app', name);
    expect(find('policy-base')?.result).toBe('ok');
  });

  test.each([
    ['debug: yes', 'expected true or false'],
    ['allowed_files: [data]', 'absolute path'],
    ['min_isv_svn: 70000', '65535'],
    ['signers: {accept: [abc]}', '32 bytes in hex'],
    ['speed: fast', 'unknown key'],
  ])('%s is an error with its place', async (rule, text) => {
    writeFileSync(at('wrong.yaml'), `verify-image:\n  ${rule}\n`);
    const { code, stderr } = await gsc(['verify-image', '--policy', 'wrong.yaml', await built()]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(new RegExp(`wrong.yaml:2:.*${text}`))]);
  });
});
