import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { generatePrivateKey } from '../../src/tools.ts';
import { type Gsc, type GscResult, gscInScratch, runProcess } from '../support/cli/gsc.ts';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { openssl } from '../support/signature/keys.ts';
import { testKey } from '../support/signature/test-key.ts';
import { testWithTool } from '../support/tool.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let gsc: GscHere;
const at = (name: string) => join(gsc.directory, name);
const bytesOf = (name: string) => readFileSync(at(name));
const date = ['--date', '2026-01-02'];
const libpal = 'runtime/usr/lib/x86_64-linux-gnu/gramine/sgx/libpal.so';

/** The digest of an image in an OCI layout. */
const digestIn = (layout: string) =>
  readFileSync(at(`${layout}/index.json`), 'utf8').match(/"digest":"(sha256:[0-9a-f]{64})"/)?.[1];

async function done(result: Promise<GscResult>): Promise<GscResult> {
  const got = await result;
  expect(got.code, got.stderr).toBe(0);
  return got;
}

beforeAll(async () => {
  gsc = gscInProcess();
  cpSync(await testKey(), at('key.pem'));
  chmodSync(at('key.pem'), 0o600);
  writeFileSync(at('other.pem'), await generatePrivateKey(), { mode: 0o600 });
  writeFileSync(at('tests.pem'), await generatePrivateKey({ isForTests: true }), { mode: 0o600 });
  writeRuntime(at('runtime'));
  await writeApp(at('app'));
  writeFileSync(at('debug.manifest'), 'sgx.debug = true\n');
  writeFileSync(at('m.manifest'), 'libos.entrypoint = "/app"\nloader.entrypoint.uri = "file:key.pem"\n');
  await done(gsc(['build', '--runtime', 'runtime', 'oci:app:latest', '-o', 'oci:un:1']));
  await done(
    gsc(['build', '--runtime', 'runtime', 'oci:app:latest', 'debug.manifest', '-o', 'oci:un-debug:1']),
  );
  await done(gsc(['sign-image', 'oci:un:1', 'key.pem', '-o', 'oci:direct:1', ...date]));
});

describe('signing in two steps', () => {
  const prepare = (...more: readonly string[]) =>
    gsc(['sign-image', 'oci:un:1', '--prepare', 'to-sign', ...date, ...more]);
  const finish = (...more: readonly string[]) =>
    gsc(['sign-image', 'oci:un:1', '--signature', 'to-sign.sig', '-o', 'oci:two:1', '--force', ...more]);

  beforeEach(() => {
    for (const name of ['two', 'to-sign', 'to-sign.sig', 'to-sign.summary.toml'])
      rmSync(at(name), { recursive: true, force: true });
  });

  test('gives the bytes that one step gives', async () => {
    const prepared = await done(prepare());
    expect(prepared.stdout).toBe('to-sign\n');
    expect(bytesOf('to-sign')).toHaveLength(256);
    const signed = await done(gsc(['sign-prepared', 'to-sign', 'key.pem']));
    expect(signed.stdout).toBe('to-sign.sig\n');
    await done(finish(...date));
    expect(digestIn('two')).toBe(digestIn('direct'));
  });

  test('signs as openssl does', async () => {
    await done(prepare());
    await done(gsc(['sign-prepared', 'to-sign', 'key.pem']));
    const bytes = openssl(['dgst', '-sha256', '-sign', 'key', '-out', 'out', 'in'], {
      key: bytesOf('key.pem'),
      in: bytesOf('to-sign'),
    });
    expect(JSON.parse(bytesOf('to-sign.sig').toString()).signature).toBe(bytes.toString('base64'));
  });

  test('says to whoever signs what it is: image, base, measurement, attributes, trusted files', async () => {
    await done(prepare('--isvsvn', '7'));
    const summary = bytesOf('to-sign.summary.toml').toString();
    for (const line of [
      /^image = "oci:un:1"$/m,
      /^image_digest = "sha256:[0-9a-f]{64}"$/m,
      /^base_digest = "sha256:[0-9a-f]{64}"$/m,
      /^mr_enclave = "[0-9a-f]{64}"$/m,
      /^date = "2026-01-02"$/m,
      /^isv_svn = 7$/m,
      /^debug = false$/m,
      /^attribute_flags = "0x4"$/m,
      /^trusted_files = [1-9]\d*$/m,
      /^trusted_files_digest = "sha256:[0-9a-f]{64}"$/m,
      /sgx\.isvsvn = 7 \(the manifest says 0\)/,
    ])
      expect(summary).toMatch(line);
    const shown = await done(gsc(['sign-prepared', 'to-sign', 'key.pem']));
    expect(shown.stderr).toMatch(/isv_svn +7\n/);
    expect(shown.stderr).toMatch(/image +oci:un:1\n/);
  });

  test('the trusted files are a list whose digest anybody can compute', async () => {
    await done(prepare());
    const { manifest } = await import('../../src/index.ts').then(async ({ openImages, inspectImage }) => {
      const images = openImages({ usesCache: false });
      try {
        return await inspectImage((await images.open(`oci:${at('direct')}:1`)).image);
      } finally {
        await images.close();
      }
    });
    const files = (manifest.get('sgx') as ReadonlyMap<string, unknown>).get('trusted_files') as ReadonlyMap<
      string,
      string
    >[];
    const list = files.map((file) => `${file.get('sha256')}  ${file.get('uri')}\n`).join('');
    const digest = execFileSync('sha256sum', { input: list }).toString().slice(0, 64);
    expect(bytesOf('to-sign.summary.toml').toString()).toContain(`trusted_files_digest = "sha256:${digest}"`);
  });

  test.each<[string, readonly string[], RegExp]>([
    [
      'another date',
      ['--date', '2026-01-03'],
      /made for something else; date: expected 2026-01-03, got 2026-01-02/,
    ],
    [
      'another version',
      [...date, '--isvsvn', '1'],
      /MRENCLAVE: expected \w+, got \w+; isvsvn: expected 1, got 0/,
    ],
    ['other attributes', [...date, '--debug', '--allow-debug'], /attributes: expected 0x6, got 0x4/],
    [
      'another key than the wanted one',
      [...date, '--mrsigner', '0'.repeat(64)],
      /expected a signature by the key with MRSIGNER 0{64}/,
    ],
  ])('refuses a signature for %s', async (_, more, says) => {
    await done(prepare());
    await done(gsc(['sign-prepared', 'to-sign', 'key.pem']));
    const refused = await finish(...more);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(says);
    expect(existsSync(at('two'))).toBe(false);
  });

  test('refuses the signature of another image, one that does not verify, and files that are none', async () => {
    await done(gsc(['sign-image', 'oci:un-debug:1', '--prepare', 'to-sign', ...date]));
    await done(gsc(['sign-prepared', 'to-sign', 'key.pem', '--allow-debug']));
    expect((await finish(...date)).stderr).toMatch(/made for something else; .*MRENCLAVE: expected/);
    const answer = JSON.parse(bytesOf('to-sign.sig').toString());
    writeFileSync(at('to-sign.sig'), JSON.stringify({ ...answer, message: undefined }));
    expect((await finish(...date)).stderr).toMatch(
      /does not belong to this enclave and this key: expected one of the SHA-256/,
    );
    for (const content of ['', 'hello', '{}', '{"signature":"","modulus":""}', bytesOf('key.pem')]) {
      writeFileSync(at('to-sign.sig'), content);
      const refused = await finish(...date);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toMatch(/^gsc: to-sign\.sig: /);
      expect(refused.stderr).not.toContain('PRIVATE');
    }
    expect(existsSync(at('two'))).toBe(false);
  });

  test('sign-prepared refuses other bytes, and a summary that says something else', async () => {
    await done(prepare());
    const summary = bytesOf('to-sign.summary.toml').toString();
    writeFileSync(at('to-sign.summary.toml'), summary.replace('isv_svn = 0', 'isv_svn = 9'));
    expect((await gsc(['sign-prepared', 'to-sign', 'key.pem'])).stderr).toMatch(
      /the summary is that of other bytes: expected isv_svn to be 0, got 9/,
    );
    rmSync(at('to-sign.summary.toml'));
    const bare = await done(gsc(['sign-prepared', 'to-sign', 'key.pem']));
    expect(bare.stderr).toMatch(/warning: .*summary\.toml is not there/);
    rmSync(at('to-sign.sig'));
    for (const content of ['', 'x'.repeat(256), bytesOf('to-sign').subarray(0, 200)]) {
      writeFileSync(at('to-sign'), content);
      expect((await gsc(['sign-prepared', 'to-sign', 'key.pem'])).stderr).toMatch(
        /expected the 256 bytes of a SIGSTRUCT/,
      );
    }
    expect((await gsc(['sign-prepared', 'nowhere', 'key.pem'])).stderr).toMatch(
      /cannot be read: there is no such file/,
    );
    expect(existsSync(at('to-sign.sig'))).toBe(false);
  });

  test.each<[string, readonly string[]]>([
    ['neither KEY nor a step', []],
    ['KEY and a step', ['key.pem', '--prepare', 'x']],
    ['both steps', ['--prepare', 'x', '--signature', 'y']],
  ])('%s is wrong usage', async (_, more) => {
    expect(await gsc(['sign-image', 'oci:un:1', ...more])).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('what whoever signs decides', () => {
  test('replaces keys of the manifest, is measured and shown; build and sign-image agree', async () => {
    const options = ['--isvprodid', '5', '--isvsvn', '6', ...date];
    const signed = await done(
      gsc(['sign-image', 'oci:un:1', 'key.pem', '-o', 'oci:over:1', '--json', ...options]),
    );
    expect(signed.stderr).toMatch(/sgx\.isvprodid +5, by option \(the manifest says 0\)/);
    const result = JSON.parse(signed.stdout);
    expect(result).toMatchObject({ isv_prod_id: 5, isv_svn: 6, debug: false });
    const plain = await done(gsc(['info-image', 'oci:direct:1', '--json']));
    expect(result.mr_enclave).not.toBe(JSON.parse(plain.stdout).mr_enclave);
    const built = await done(
      gsc([
        'build',
        '--runtime',
        'runtime',
        '--key',
        'key.pem',
        'oci:app:latest',
        '-o',
        'oci:over-built:1',
        '--json',
        ...options,
      ]),
    );
    expect(JSON.parse(built.stdout).mr_enclave).toBe(result.mr_enclave);
    const manifest = 'sgx.isvprodid = 5\nsgx.isvsvn = 6\n';
    writeFileSync(at('same.manifest'), manifest);
    const same = [
      'build',
      '--runtime',
      'runtime',
      '--key',
      'key.pem',
      'oci:app:latest',
      'same.manifest',
      ...date,
    ];
    const other = await done(gsc([...same, '-o', 'oci:same:1', '--json']));
    expect(JSON.parse(other.stdout)).toMatchObject({ isv_prod_id: 5, isv_svn: 6 });
  });

  test('a debug enclave is signed with --allow-debug, --no-debug, or a key for tests; else not', async () => {
    const sign = (name: string, ...more: readonly string[]) =>
      gsc(['sign-image', 'oci:un-debug:1', '-o', `oci:${name}:1`, ...date, ...more]);
    const refused = await sign('refused', 'key.pem');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/this is a debug enclave[\s\S]*hint: .*--allow-debug/);
    expect(existsSync(at('refused'))).toBe(false);
    await done(sign('allowed', 'key.pem', '--allow-debug'));
    await done(sign('tested', 'tests.pem'));
    const production = await done(sign('production', 'key.pem', '--no-debug', '--json'));
    expect(JSON.parse(production.stdout).debug).toBe(false);
    const build = ['build', '--runtime', 'runtime', 'oci:app:latest', 'debug.manifest', '--key', 'key.pem'];
    expect((await gsc([...build, '-o', 'oci:refused:1'])).stderr).toContain('this is a debug enclave');
    expect(existsSync(at('refused'))).toBe(false);
    await done(gsc([...build, '-o', 'oci:built-debug:1', '--allow-debug']));
    await done(gsc(['sign-image', 'oci:un-debug:1', '--prepare', 'debug-to-sign', ...date]));
    expect((await gsc(['sign-prepared', 'debug-to-sign', 'key.pem'])).stderr).toContain(
      'this is a debug enclave',
    );
    await done(gsc(['sign-prepared', 'debug-to-sign', 'tests.pem']));
  });

  test('gen-private-key --test writes the purpose before the key, and openssl reads the file all the same', async () => {
    await done(gsc(['gen-private-key', '--test', 'made.pem']));
    expect(bytesOf('made.pem').toString()).toMatch(/^gsc-purpose: test\n-----BEGIN RSA PRIVATE KEY-----\n/);
    execFileSync('openssl', ['rsa', '-in', at('made.pem'), '-check', '-noout'], { stdio: 'pipe' });
  });

  test.each(['65536', '-1', 'x', '1.5', ''])('--isvsvn %s is wrong usage', async (value) => {
    expect(
      await gsc(['sign-image', 'oci:un:1', 'key.pem', '-o', 'oci:x:1', `--isvsvn=${value}`]),
    ).toMatchObject({ code: 2 });
  });

  test('options about a signature need a key to sign with', async () => {
    for (const option of [['--isvsvn', '1'], ['--debug'], ['--allow-debug'], ['--passphrase-env', 'X']])
      expect(
        await gsc(['build', '--runtime', 'runtime', 'oci:app:latest', '-o', 'oci:x:1', ...option]),
      ).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('signing again', () => {
  test('replaces the layer of the signature alone', async () => {
    cpSync(at('direct'), at('again'), { recursive: true });
    const refused = await gsc(['sign-image', 'oci:again:1', 'other.pem', ...date]);
    expect(refused.stderr).toContain('--force');
    await done(gsc(['sign-image', 'oci:again:1', 'other.pem', '--force', ...date]));
    await done(gsc(['sign-image', 'oci:un:1', 'other.pem', '-o', 'oci:fresh:1', ...date]));
    expect(digestIn('again')).toBe(digestIn('fresh'));
    await done(gsc(['sign-image', 'oci:again:1', 'key.pem', '-o', 'oci:back:1', ...date]));
    expect(digestIn('back')).toBe(digestIn('direct'));
  });

  test('one unsigned image is signed by several keys under several names, and measured once', async () => {
    const cache = { XDG_CACHE_HOME: at('cache') };
    const results = [];
    for (const key of ['key', 'other']) {
      const args = ['sign-image', 'oci:un:1', `${key}.pem`, '-o', `oci:by-${key}:1`, '--json', ...date];
      results.push(JSON.parse((await done(gsc(args, { env: cache }))).stdout));
    }
    expect(results[1].mr_enclave).toBe(results[0].mr_enclave);
    expect(results[1].mr_signer).not.toBe(results[0].mr_signer);
    const kept = JSON.parse((await done(gsc(['cache', 'ls', '--json'], { env: cache }))).stdout).entries;
    expect(kept.filter(({ kind }: { kind: string }) => kind.startsWith('measurement'))).toHaveLength(1);
    expect(digestIn('by-key')).toBe(digestIn('direct'));
  });
});

describe('--predict says the MRENCLAVE', () => {
  test('of an unsigned image, with and without overrides', async () => {
    for (const options of [[], ['--isvsvn', '6']]) {
      const predicted = await done(gsc(['info-image', 'oci:un:1', '--predict', '--json', ...options]));
      const args = [
        'sign-image',
        'oci:un:1',
        'key.pem',
        '-o',
        'oci:predicted:1',
        '--force',
        '--json',
        ...options,
      ];
      const signed = await done(gsc(args));
      expect(JSON.parse(predicted.stdout).mr_enclave).toBe(JSON.parse(signed.stdout).mr_enclave);
    }
    expect((await gsc(['info-image', 'oci:un:1'])).stderr).toContain('--predict');
    expect(await gsc(['info-image', 'oci:direct:1', '--isvsvn', '1'])).toMatchObject({ code: 2 });
    expect((await gsc(['info-image', 'oci:app:latest', '--predict'])).stderr).toContain('not graminized');
  });

  test('of a manifest and libpal.so', async () => {
    const files = ['-m', 'm.manifest', '-l', libpal, '-o', 'p.sgx', '-s', 'p.sig', '-k', 'key.pem'];
    const signed = await done(gsc(['sgx-sign', ...files, '--isvsvn', '3']));
    const predicted = await done(
      gsc(['sigstruct-view', '--predict', 'm.manifest', '--libpal', libpal, '--json', '--isvsvn', '3']),
    );
    expect(`${JSON.parse(predicted.stdout).mr_enclave}\n`).toBe(signed.stdout);
    expect(await gsc(['sigstruct-view', '--predict', 'm.manifest'])).toMatchObject({ code: 2 });
    expect(await gsc(['sigstruct-view', 'p.sig', '--libpal', libpal])).toMatchObject({ code: 2 });
  });
});

describe('a PEM key', () => {
  const sgxSign = (key: string, more: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
    gsc(
      [
        'sgx-sign',
        '-m',
        'm.manifest',
        '-l',
        libpal,
        '-k',
        key,
        '-o',
        'k.sgx',
        '-s',
        'k.sig',
        '-d',
        '2026-01-02',
        ...more,
      ],
      { env },
    );

  beforeAll(() => {
    const convert = (args: readonly string[]) =>
      openssl([...args, '-in', 'in', '-out', 'out'], { in: bytesOf('key.pem') });
    const secret = ['-passout', 'pass:open sesame'];
    const put = (name: string, content: string | Buffer) => writeFileSync(at(name), content, { mode: 0o600 });
    put('pbes2.pem', convert(['pkcs8', '-topk8', '-v2', 'aes-256-cbc', ...secret]));
    put('proc-type.pem', convert(['rsa', '-traditional', '-aes256', ...secret]));
    put('pass', 'open sesame\nsecond line\n');
    put('wrong', 'open barley');
    put('empty', '');
    put('public.pem', convert(['rsa', '-pubout']));
    put('f4.pem', openssl(['genrsa', '-out', 'out', '3072']));
    put('short.pem', openssl(['genrsa', '-3', '-out', 'out', '2048']));
    put(
      'certificate.pem',
      openssl(['req', '-x509', '-key', 'in', '-subj', '/CN=x', '-out', 'out'], { in: bytesOf('key.pem') }),
    );
    put('damaged.pem', bytesOf('key.pem').toString().replace(/M/g, 'N'));
    put('cut.pem', bytesOf('key.pem').subarray(0, 900));
  });

  test.each(['pbes2.pem', 'proc-type.pem'])(
    '%s opens with its passphrase from a file, a variable, and -p, which warns',
    async (key) => {
      await done(sgxSign('key.pem'));
      const plain = bytesOf('k.sig');
      for (const [more, env] of [
        [['--passphrase-file', 'pass'], {}],
        [['--passphrase-env', 'SECRET'], { SECRET: 'open sesame' }],
        [['-p', 'open sesame'], {}],
      ] as const) {
        const { stderr } = await done(sgxSign(key, more, env));
        expect(bytesOf('k.sig').equals(plain)).toBe(true);
        expect(stderr.includes('-p shows the passphrase')).toBe(more[0] === '-p');
        expect(stderr).not.toContain('sesame');
      }
    },
  );

  test.each<[string, readonly string[], number, RegExp]>([
    ['pbes2.pem', [], 1, /encrypted, and no passphrase was given\nhint: .*--passphrase-file/],
    ['pbes2.pem', ['--passphrase-file', 'wrong'], 1, /the passphrase is wrong/],
    ['pbes2.pem', ['--passphrase-file', 'empty'], 1, /expected the passphrase on the first line/],
    [
      'pbes2.pem',
      ['--passphrase-file', 'nowhere'],
      1,
      /the passphrase cannot be read: there is no such file/,
    ],
    ['pbes2.pem', ['--passphrase-env', 'NOWHERE'], 2, /no variable of this name: NOWHERE/],
    ['pbes2.pem', ['--passphrase-file', 'pass', '-p', 'x'], 2, /expected one source of the passphrase/],
    ['nowhere.pem', [], 1, /there is no such file/],
    ['runtime', [], 1, /this is a directory/],
    ['empty', [], 1, /got an empty file/],
    ['m.manifest', [], 1, /got no PEM text/],
    ['public.pem', [], 1, /got a public key\nhint: .*gen-private-key/],
    ['certificate.pem', [], 1, /got a certificate/],
    ['f4.pem', [], 1, /got RSA-3072 with exponent 65537\nhint: .*exponent 3 alone.*gsc gen-private-key/],
    ['short.pem', [], 1, /got RSA-2048 with exponent 3/],
    ['damaged.pem', [], 1, /a private key that is damaged|numbers do not fit/],
    ['cut.pem', [], 1, /a PEM block that is cut short/],
    ['', [], 2, /expected a file, a pkcs11: URI or exec:PROGRAM, got nothing/],
    ['exec:', [], 2, /expected a program after exec:/],
    ["exec:x 'y", [], 2, /is never closed/],
    ['exec:./nowhere', [], 1, /there is no such program/],
    ['exec:true', ['--signer-timeout', '0'], 2, /whole seconds above zero/],
  ])('%s %j is refused with %i, and nothing is written', async (key, more, code, says) => {
    for (const name of ['k.sig', 'k.sgx', 'x']) rmSync(at(name), { recursive: true, force: true });
    const commands = [
      sgxSign(key, more),
      gsc(['sign-image', 'oci:un:1', key, '-o', 'oci:x:1', ...more]),
      gsc(['build', '--runtime', 'runtime', 'oci:app:latest', '--key', key, '-o', 'oci:x:1', ...more]),
    ];
    for (const result of await Promise.all(commands)) {
      expect(result).toMatchObject({ code, stdout: '' });
      expect(result.stderr).toMatch(says);
      expect(result.stderr).not.toMatch(/sesame|barley/);
    }
    for (const name of ['k.sig', 'k.sgx', 'x']) expect(existsSync(at(name)), name).toBe(false);
  });

  test('that others may read is warned about', async () => {
    writeFileSync(at('shared.pem'), bytesOf('key.pem'));
    chmodSync(at('shared.pem'), 0o640);
    expect((await done(sgxSign('shared.pem'))).stderr).toMatch(
      /warning: other users may read the key .*\(mode 0640\): chmod 600/,
    );
    expect((await done(sgxSign('key.pem'))).stderr).not.toContain('warning');
  });
});

describe('on a terminal', () => {
  testWithTool('/usr/bin/python3 openssl', 'the passphrase is asked for, and not shown', async () => {
    const process: Gsc = await gscInScratch();
    const signer = fileURLToPath(new URL('../support/key/answer-on-terminal.py', import.meta.url));
    const encrypted = ['pkcs8', '-topk8', '-v2', 'aes-256-cbc', '-passout', 'pass:open sesame'];
    writeFileSync(
      join(process.directory, 'enc.pem'),
      openssl([...encrypted, '-in', 'in', '-out', 'out'], { in: bytesOf('key.pem') }),
      { mode: 0o600 },
    );
    for (const name of ['m.manifest', 'key.pem']) cpSync(at(name), join(process.directory, name));
    cpSync(at('runtime'), join(process.directory, 'runtime'), { recursive: true });
    const { bundledGsc } = await import('../support/cli/gsc.ts');
    const command = [
      globalThis.process.execPath,
      await bundledGsc(),
      'sgx-sign',
      '-m',
      'm.manifest',
      '-l',
      libpal,
      '-k',
      'enc.pem',
      '-o',
      'o.sgx',
      '-s',
      'o.sig',
      '-d',
      '2026-01-02',
    ];
    const run = (answer: string) =>
      runProcess(['/usr/bin/python3', signer, 'passphrase of', answer, ...command], {
        cwd: process.directory,
        env: { PATH: globalThis.process.env.PATH ?? '', HOME: process.directory },
      });
    // A slip, rubbed out.
    const asked = await run('open sesamX\u007fe\r');
    expect(asked.code, asked.stdout).toBe(0);
    expect(asked.stdout).toContain('passphrase of');
    expect(asked.stdout).not.toMatch(/sesam/);
    const wrong = await run('barley\r');
    expect(wrong).toMatchObject({ code: 1, stdout: expect.stringContaining('the passphrase is wrong') });
    expect(wrong.stdout).not.toContain('barley');
    expect((await run('\u0004')).stdout).toContain('none was given');
    expect(await run('open\u0003')).toMatchObject({
      code: 130,
      stdout: expect.stringContaining('interrupted'),
    });
  });
});
