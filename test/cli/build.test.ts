import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { beforeAll, describe, expect, test } from 'vitest';
import { assembleImage } from '../../src/image/append.ts';
import { makeCertificate } from '../support/attest/pki/authority.ts';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeImage, writeRuntime } from '../support/cli/made-files.ts';
import { testKey } from '../support/signature/test-key.ts';

let gsc: GscHere;
const build = (...more: readonly string[]) => gsc(['build', '--runtime', 'runtime', ...more]);
const at = (...path: readonly string[]) => join(gsc.directory, ...path);

beforeAll(async () => {
  gsc = gscInProcess();
  writeRuntime(at('runtime'));
  await writeApp(at('app'), { run: { Cmd: ['/app', 'x'], Env: ['A=1'], User: '5:6' } });
  copyFileSync(await testKey(), at('key.pem'));
});

describe('build, sign, inspect', () => {
  test('one after the other give an unsigned and a signed image in one layout, and what they say', async () => {
    const built = await build('oci:app:latest');
    expect(built, built.stderr).toMatchObject({ code: 0 });
    expect(built.stdout).toMatch(/^oci:gsc-app:latest-unsigned@sha256:[0-9a-f]{64}\n$/);
    const signed = await gsc(['sign-image', 'oci:app:latest', 'key.pem']);
    expect(signed.stdout).toMatch(/^oci:gsc-app:latest@sha256:[0-9a-f]{64}\n$/);
    expect(signed.stderr).toMatch(/mr_enclave +[0-9a-f]{64}\n +mr_signer +[0-9a-f]{64}\n/);
    const info = await gsc(['info-image', 'oci:gsc-app:latest']);
    expect([info.code, info.stderr]).toEqual([0, '']);
    const fields = parse(info.stdout);
    expect(Object.keys(fields)).toEqual([
      'mr_enclave',
      'mr_signer',
      'isv_prod_id',
      'isv_svn',
      'date',
      'flags',
      'xfrms',
      'misc_select',
      'debug',
    ]);
    expect(fields).toMatchObject({
      mr_enclave: /mr_enclave +([0-9a-f]{64})/.exec(signed.stderr)?.[1],
      date: '2024-05-06',
      flags: '0400000000000000',
      xfrms: '0300000000000000',
      misc_select: '00000000',
      debug: false,
    });
  });

  test('in one go are the same as one after the other', async () => {
    const both = await build('--key', 'key.pem', '-o', 'oci:both', 'oci:app:latest');
    await build('-o', 'oci:step:1-unsigned', 'oci:app:latest');
    const second = await gsc(['sign-image', '-o', 'oci:step:1', 'oci:step:1-unsigned', 'key.pem']);
    expect(both.stdout.split('@')[1]).toBe(second.stdout.split('@')[1]);
  });

  test('sign-image makes what sgx-sign makes of the manifest in the image', async () => {
    await build('-o', 'oci:cross:a', 'oci:app:latest');
    await gsc(['sign-image', '-o', 'oci:cross:b', '--date', '2024-01-02', 'oci:cross:a', 'key.pem']);
    const unsigned = unpackTop('cross', 'a');
    const signed = unpackTop('cross', 'b');
    const sgx = await gsc([
      ...['sgx-sign', '-m', join(unsigned, 'entrypoint.manifest'), '-o', 'cross.sgx', '-s', 'cross.sig'],
      ...[
        '-l',
        'runtime/usr/lib/x86_64-linux-gnu/gramine/sgx/libpal.so',
        '-k',
        'key.pem',
        '-d',
        '2024-01-02',
      ],
    ]);
    expect(sgx.code, sgx.stderr).toBe(0);
    const bytesOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
    expect(bytesOf(at('cross.sgx'))).toBe(bytesOf(join(signed, 'entrypoint.manifest.sgx')));
    expect(bytesOf(at('cross.sig'))).toBe(bytesOf(join(signed, 'entrypoint.sig')));
    expect(bytesOf(at('cross.sgx'))).toBe(bytesOf(join(unsigned, 'entrypoint.manifest')));
  });

  test.each(['1.4', '1.5', '1.6.2', '1.7', '1.8', '1.9', 'master'])(
    'for Gramine %s agree with manifest-check and sgx-sign of that release',
    async (version) => {
      const name = `rel-${version}`;
      const built = await build('--runtime-version', version, '-o', `oci:${name}:u`, 'oci:app:latest');
      expect(built.code, built.stderr).toBe(0);
      const signed = await gsc(['sign-image', '--json', '-o', `oci:${name}:s`, `oci:${name}:u`, 'key.pem']);
      const manifest = join(unpackTop(name, 'u'), 'entrypoint.manifest');
      const check = await gsc(['manifest-check', '--strict', '--runtime-version', version, manifest]);
      expect(check.code, check.stdout).toBe(0);
      const sgx = await gsc([
        ...['sgx-sign', '-m', manifest, '-o', `${name}.sgx`, '-s', `${name}.sig`, '-k', 'key.pem'],
        ...['-l', 'runtime/usr/lib/x86_64-linux-gnu/gramine/sgx/libpal.so', '--runtime-version', version],
      ]);
      expect(sgx.stdout).toBe(`${JSON.parse(signed.stdout).mr_enclave}\n`);
    },
  );
});

describe('--json', () => {
  test('of build is one object with what was found and decided', async () => {
    const { stdout, code } = await build('--json', '--insecure-args', '-o', 'oci:json', 'oci:app:latest');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\{.*\}\n$/);
    expect(JSON.parse(stdout)).toMatchObject({
      image: 'oci:json',
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      image_id: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      outcome: 'written',
      app: { name: 'oci:app:latest' },
      runtime: { source: 'runtime', version: '1.9', stand_in: false },
      entrypoint: '/app',
      argv: ['/app', 'x'],
      uid: 5,
      gid: 6,
      working_directory: '/',
      trusted_files: { count: expect.any(Number), size: expect.any(Number) },
      left_out: [],
      insecure: [{ key: 'loader.insecure__use_cmdline_argv', reason: expect.any(String) }],
      predicted_start_seconds: expect.any(Number),
    });
  });

  test('of sign-image and info-image has the keys of the Python tool, and more', async () => {
    const signed = await gsc(['sign-image', '--json', '-o', 'oci:jsigned', 'oci:json', 'key.pem']);
    const { mr_enclave: mrEnclave, image } = JSON.parse(signed.stdout);
    expect(image).toBe('oci:jsigned');
    const info = JSON.parse((await gsc(['info-image', '--json', 'oci:jsigned'])).stdout);
    expect(info).toMatchObject({
      mr_enclave: mrEnclave,
      debug: false,
      enclave_size: '256M',
      max_threads: 4,
      entrypoint: '/app',
      runtime: { family: 'gramine', version: '1.9', stand_in: false },
      insecure: [{ key: 'loader.insecure__use_cmdline_argv' }],
    });
  });

  test('of a failure is the error', async () => {
    const { stdout, code } = await gsc(['info-image', '--json', 'oci:nowhere']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'not-found', hint: expect.any(String) } });
  });
});

describe('an output that exists already', () => {
  test.each(['oci:same', 'oci-archive:same.tar', 'docker-archive:same-docker.tar:x/y:1'])(
    '%s with the same content is left alone, with another one refused, and replaced by force',
    async (output) => {
      const first = await build('-o', output, 'oci:app:latest');
      expect(first.code, first.stderr).toBe(0);
      const path = output.split(':')[1] ?? '';
      const before = stateOf(at(path));
      const again = await build('-o', output, 'oci:app:latest');
      expect(again).toMatchObject({ code: 0, stdout: first.stdout });
      expect(again.stderr).toContain('exists already, with the same content');
      expect(stateOf(at(path))).toEqual(before);

      writeFileSync(at('other.manifest'), 'sgx.max_threads = 9\n');
      const other = await build('-o', output, 'oci:app:latest', 'other.manifest');
      expect(other).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/hint: .*--force/) });
      expect(stateOf(at(path))).toEqual(before);

      const forced = await build('--force', '-o', output, 'oci:app:latest', 'other.manifest');
      expect(forced.code, forced.stderr).toBe(0);
      expect(forced.stdout).not.toBe(first.stdout);
      expect(stateOf(at(path))).not.toEqual(before);
    },
  );

  test('of another kind is not touched, even by force', async () => {
    mkdirSync(at('directory'));
    writeFileSync(at('directory/mine'), 'precious');
    writeFileSync(at('file'), 'precious');
    for (const output of [
      'oci-archive:directory',
      'oci:directory',
      'oci:file',
      'docker-archive:directory:a',
    ]) {
      const result = await build('--force', '-o', output, 'oci:app:latest');
      expect(result, output).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).toMatch(/^hint: /m);
    }
    expect(readFileSync(at('directory/mine'), 'utf8')).toBe('precious');
    expect(readFileSync(at('file'), 'utf8')).toBe('precious');
    expect(readdirSync(at('directory'))).toEqual(['mine']);
  });

  test('may be the layout that the app image is in, under another tag', async () => {
    cpSync(at('app'), at('shared'), { recursive: true });
    const built = await build('-o', 'oci:shared:enclave', 'oci:shared:latest');
    expect(built.code, built.stderr).toBe(0);
    const replaced = await build('-o', 'oci:shared:latest', 'oci:shared:latest');
    expect(replaced).toMatchObject({ code: 1, stderr: expect.stringContaining('--force') });
    expect((await build('-o', 'oci:shared:again', 'oci:shared:latest')).stdout.split('@')[1]).toBe(
      built.stdout.split('@')[1],
    );
  });
});

describe('images in the wrong state', () => {
  beforeAll(async () => {
    await build('-o', 'oci:state:1-unsigned', 'oci:app:latest');
    await gsc(['sign-image', '-o', 'oci:state:1', 'oci:state:1-unsigned', 'key.pem']);
  });

  test.each<[string, readonly string[], RegExp]>([
    [
      'building a graminized one',
      ['build', '--runtime', 'runtime', 'oci:state:1-unsigned'],
      /graminized already/,
    ],
    ['building a signed one', ['build', '--runtime', 'runtime', 'oci:state:1'], /signed already/],
    ['signing an app image', ['sign-image', 'oci:app:latest', 'key.pem', '-o', 'oci:x'], /unsigned image/],
    ['inspecting an unsigned one', ['info-image', 'oci:state:1-unsigned'], /unsigned/],
    ['inspecting an app image', ['info-image', 'oci:app'], /not graminized/],
  ])('%s fails with 1 and says what to do', async (_, args, message) => {
    // oci:app:latest-unsigned is in gsc-app: take it away, so that the app image itself is looked at.
    rmSync(at('gsc-app'), { recursive: true, force: true });
    const { code, stdout, stderr } = await gsc(args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^gsc: [^\n]+\nhint: [^\n]+\n$/);
    expect(existsSync(at('x'))).toBe(false);
  });

  test('an unsigned image with its own name is signed if the result is named', async () => {
    await build('-o', 'oci:mine', 'oci:app:latest');
    const unnamed = await gsc(['sign-image', 'oci:mine', 'key.pem']);
    expect(unnamed).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('hint: name the signed image with -o'),
    });
    expect((await gsc(['sign-image', '-o', 'oci:mine-signed', 'oci:mine', 'key.pem'])).code).toBe(0);
  });
});

describe('images that are not valid', () => {
  test('for another platform: the error says which there are', async () => {
    const image = await writeApp(at('arm'), {});
    const config = { ...image.config, architecture: 'arm64' };
    const arm = assembleImage({ name: 'arm', config, layers: image.layers, isDocker: false });
    rmSync(at('arm'), { recursive: true });
    await writeImage(at('arm'), arm);
    const result = await build('oci:arm');
    expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(/linux\/amd64.*arm64/) });
    expect(existsSync(at('gsc-arm-unsigned'))).toBe(false);
  });

  test('with a changed byte in any blob: the error names the blob, nothing is written', async () => {
    const blobs = readdirSync(at('app/blobs/sha256'));
    for (const blob of blobs) {
      rmSync(at('broken'), { recursive: true, force: true });
      cpSync(at('app'), at('broken'), { recursive: true });
      const file = at('broken/blobs/sha256', blob);
      const bytes = readFileSync(file);
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] ?? 0) ^ 1;
      writeFileSync(file, bytes);
      const result = await build('-o', 'oci:broken-out', '--no-cache', 'oci:broken');
      expect(result.code, blob).toBe(1);
      expect(result.stderr).toContain(blob);
      expect(existsSync(at('broken-out'))).toBe(false);
    }
  });

  test('that are cut short or missing a blob', async () => {
    const [blob = ''] = readdirSync(at('app/blobs/sha256'));
    rmSync(at('broken'), { recursive: true, force: true });
    cpSync(at('app'), at('broken'), { recursive: true });
    rmSync(at('broken/blobs/sha256', blob));
    expect(await build('oci:broken')).toMatchObject({ code: 1, stderr: expect.stringContaining(blob) });
    await build('-o', 'oci-archive:whole.tar', 'oci:app:latest');
    const whole = readFileSync(at('whole.tar'));
    writeFileSync(at('short.tar'), whole.subarray(0, whole.length >> 1));
    expect(await gsc(['info-image', 'oci-archive:short.tar'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('short.tar'),
    });
  });
});

describe('the manifest of the user', () => {
  test.each<[string, string, number, RegExp]>([
    ['has bad TOML', 'a = [\n', 2, /^gsc: bad\.manifest:\d+:\d+: not valid TOML/],
    [
      'has an unknown key',
      '\nsgx.max_thread = 1\n',
      2,
      /^gsc: bad\.manifest:2:5: .*\nhint: did you mean sgx\.max_threads\?/,
    ],
    ['has a size that is no power of two', 'sgx.enclave_size = "300M"', 2, /:1:5: .*\nhint: .*"512M"/],
    ['has a size that is too small', 'sgx.enclave_size = "1M"', 1, /\nhint: set sgx\.enclave_size = "2M"/],
    ['trusts what is missing', 'sgx.trusted_files = ["file:/no"]', 1, /^gsc: bad\.manifest:1:22: .*\/no/],
  ])('that %s ends the build', async (_, text, code, message) => {
    writeFileSync(at('bad.manifest'), text);
    const result = await build('-o', 'oci:never', 'oci:app:latest', 'bad.manifest');
    expect(result).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) });
    expect(existsSync(at('never'))).toBe(false);
  });

  test('may be named from elsewhere and hold what the build could not know', async () => {
    writeFileSync(at('good.manifest'), 'sgx.enclave_size = "512M"\nsgx.allowed_files = ["file:/later"]\n');
    const result = await build('--json', '-o', 'oci:good', 'oci:app:latest', at('good.manifest'));
    expect(JSON.parse(result.stdout)).toMatchObject({ insecure: [{ key: 'sgx.allowed_files' }] });
  });
});

/** Unpacks the app files of an image's highest layer, with tar; gives the directory. */
function unpackTop(layout: string, tag: string): string {
  const directory = at(`${layout}-${tag}-files`);
  const blob = (digest: string) => at(layout, 'blobs/sha256', digest.slice('sha256:'.length));
  const json = (digest: string) => JSON.parse(readFileSync(blob(digest), 'utf8'));
  const index = JSON.parse(readFileSync(at(layout, 'index.json'), 'utf8'));
  const entry = index.manifests.find(
    (each: { annotations?: Record<string, string> }) =>
      each.annotations?.['org.opencontainers.image.ref.name'] === tag,
  );
  mkdirSync(directory, { recursive: true });
  execFileSync('tar', ['-xf', blob(json(entry.digest).layers.at(-1).digest), '-C', directory]);
  return join(directory, 'gramine/app_files');
}

/** Names, contents and times of what a path holds. */
function stateOf(path: string): readonly string[] {
  return execFileSync('find', [path, '-type', 'f', '-printf', '%P %s %T@\\n'], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .sort();
}

describe('--secret-from', () => {
  const authority = makeCertificate({ name: 'Broker CA', isCa: true });

  test.each([
    ['not there', 'missing.pem', 1, /missing\.pem: /],
    ['not a certificate', 'key.pem', 2, /key\.pem: not a certificate/],
    ['empty', 'empty.pem', 2, /empty\.pem: not a certificate/],
  ])('an authority that is %s is an error', async (_, file, code, message) => {
    writeFileSync(at('empty.pem'), '');
    const result = await build('oci:app:latest', '--secret-from', `kb:4433=${file}`);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(message);
  });

  test('one server twice is a wrong call; a runtime without the client library is told', async () => {
    writeFileSync(at('ca.pem'), authority.pem);
    const twice = await build('oci:app:latest', '--secret-from', 'kb:1=ca.pem', '--secret-from', 'kb:1');
    expect(twice).toMatchObject({ code: 2, stderr: expect.stringMatching(/kb:1 twice/) });
    const lacking = await build('oci:app:latest', '--secret-from', 'kb:1=ca.pem');
    expect(lacking.code).toBe(1);
    expect(lacking.stderr).toMatch(/--secret-from: the (?:runtime has no|program is static)/);
  });

  test('--ratls with a runtime that has no gramine-ratls is told', async () => {
    const result = await build('oci:app:latest', '--ratls', 'CERT=/run/tls/c,KEY=/run/tls/k');
    expect(result).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/the runtime lacks gramine-ratls/),
    });
  });
});
