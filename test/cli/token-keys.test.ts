import { createPublicKey, verify } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { openSigner } from '../../src/index.ts';
import { type Gsc, gscInScratch } from '../support/cli/gsc.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import {
  faultyModule,
  type SoftTokens,
  skipWithoutTokens,
  softTokens,
  testPin,
} from '../support/key/soft-token.ts';
import { openssl } from '../support/signature/keys.ts';
import { testKey } from '../support/signature/test-key.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const libpal = 'runtime/usr/lib/x86_64-linux-gnu/gramine/sgx/libpal.so';
const date = ['--date', '2026-01-02'];

describe.skipIf(skipWithoutTokens())('a key on a token of SoftHSM2', () => {
  let gsc: Gsc;
  let tokens: SoftTokens;
  let faulty = '';
  let pem: Buffer;

  beforeAll(async () => {
    gsc = await gscInScratch();
    tokens = softTokens(gsc.directory);
    faulty = faultyModule(gsc.directory);
    pem = readFileSync(await testKey());
    for (const label of ['demo', 'many']) tokens.init(label);
    tokens.importKey('demo', { pem, label: 'enclave key', id: 'a1' });
    for (const id of ['01', '02']) tokens.importKey('many', { pem, label: 'twin', id });
    tokens.importKey('many', { pem: openssl(['genrsa', '-out', 'out', '3072']), label: 'f4', id: '03' });
    tokens.importKey('many', {
      pem: openssl(['genrsa', '-3', '-out', 'out', '2048']),
      label: 'short',
      id: '04',
    });
    tokens.pkcs11Tool(
      'many',
      '--keypairgen',
      '--key-type',
      'EC:prime256v1',
      '--label',
      'curve',
      '--id',
      '05',
    );
    writeFileSync(join(gsc.directory, 'pin'), `${testPin}\n`, { mode: 0o600 });
    writeFileSync(join(gsc.directory, 'wrong-pin'), '9999', { mode: 0o600 });
    writeFileSync(join(gsc.directory, 'key.pem'), pem, { mode: 0o600 });
    writeRuntime(join(gsc.directory, 'runtime'));
    await writeApp(join(gsc.directory, 'app'));
    writeFileSync(join(gsc.directory, 'm.manifest'), 'libos.entrypoint = "/app"\n');
    const built = await gsc(['build', '--runtime', 'runtime', 'oci:app:latest', '-o', 'oci:un:1']);
    expect(built.code, built.stderr).toBe(0);
  });

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    gsc(args, { env: { ...tokens.env, ...env } });
  const uri = (path: string, query = 'pin-source=pin') =>
    `pkcs11:${path}?module-path=${tokens.module}&${query}`;
  const sgxSign = (key: string, name: string, env?: Readonly<Record<string, string>>) =>
    run(
      [
        'sgx-sign',
        '-m',
        'm.manifest',
        '-l',
        libpal,
        '-k',
        key,
        '-o',
        `${name}.sgx`,
        '-s',
        `${name}.sig`,
        '-d',
        '2026-01-02',
      ],
      env,
    );
  const bytesOf = (name: string) => readFileSync(join(gsc.directory, name));

  test('is offered where a KEY is completed, as far as the token shows it without a PIN', async () => {
    const env = { PKCS11_MODULE_PATH: tokens.module };
    const complete = async (...words: readonly string[]) =>
      (await run(['completion', 'bash', '--', ...words], env)).stdout.split('\n').slice(0, -1);
    expect(await complete('build', '--key', 'pkcs11:token=de')).toEqual([
      'pkcs11:token=demo\tSoftHSM v2',
      'pkcs11:token=demo;object=enclave%20key\tRSA-3072 with exponent 3',
    ]);
    const many = await complete('key', 'ls', 'pkcs11:token=many;');
    expect(many).toEqual(
      expect.arrayContaining([
        'pkcs11:token=many;object=twin;id=%01\tRSA-3072 with exponent 3',
        'pkcs11:token=many;object=twin;id=%02\tRSA-3072 with exponent 3',
        expect.stringMatching(/^pkcs11:token=many;object=short\tRSA-2048.*cannot sign enclaves$/),
      ]),
    );
    const [offered = ''] = (await complete('sign-image', 'x', 'pkcs11:token=demo;')).map(
      (line) => line.split('\t')[0],
    );
    const signed = await run(
      ['sign-image', 'oci:un:1', `${offered}?pin-source=pin`, '-o', 'oci:offered:1'],
      env,
    );
    expect(signed.code, signed.stderr).toBe(0);
    expect(await complete('sign-image', 'x', 'pkcs11:token=nothing')).toEqual([]);
    const { stdout, stderr } = await run(['completion', 'bash', '--', 'key', 'ls', 'pkcs11:'], {
      PKCS11_MODULE_PATH: '/nowhere/module.so',
    });
    expect(stdout + stderr).toBe('');
  });

  test('signs an image, a build and a manifest with the same bytes as the PEM file of that key; so does a program', async () => {
    const key = uri('token=demo;object=enclave%20key;type=private');
    for (const [name, place] of [
      ['pem', 'key.pem'],
      ['token', key],
      ['program', `exec:${resolve('docs/signers/openssl.sh')} key.pem`],
    ] as const) {
      const signed = await run(['sign-image', 'oci:un:1', place, '-o', `oci:signed-${name}:1`, ...date]);
      expect(signed.code, signed.stderr).toBe(0);
      const options = ['--runtime', 'runtime', '--key', place, '-o', `oci:built-${name}:1`, ...date];
      const built = await run(['build', ...options, 'oci:app:latest']);
      expect(built.code, built.stderr).toBe(0);
      expect((await sgxSign(place, name)).code).toBe(0);
    }
    const digest = async (place: string) =>
      JSON.parse((await run(['info-image', place, '--json'])).stdout).mr_signer +
      readFileSync(join(gsc.directory, place.slice(4, -2), 'index.json'), 'utf8').match(
        /sha256:[0-9a-f]{64}/,
      )?.[0];
    for (const name of ['token', 'program']) {
      expect(await digest(`oci:signed-${name}:1`)).toBe(await digest('oci:signed-pem:1'));
      expect(await digest(`oci:built-${name}:1`)).toBe(await digest('oci:built-pem:1'));
      expect(bytesOf(`${name}.sig`).equals(bytesOf('pem.sig'))).toBe(true);
    }
  });

  test('is chosen by id, by slot and by the module of the environment; a PIN may be in a variable', async () => {
    const list = await run(['key', 'ls', uri('token=demo'), '--json']);
    const slot = JSON.parse(list.stdout).tokens[0].slot_id;
    for (const [key, env] of [
      [uri('token=demo;id=%a1'), {}],
      [uri(`slot-id=${slot}`), {}],
      [uri('token=demo', `pin-source=file:${join(gsc.directory, 'pin')}`), {}],
      ['pkcs11:token=demo?pin-source=pin', { PKCS11_MODULE_PATH: tokens.module }],
    ] as const) {
      expect(await sgxSign(key, 'chosen', env), key).toMatchObject({ code: 0 });
      expect(bytesOf('chosen.sig').equals(bytesOf('pem.sig'))).toBe(true);
    }
    const args = ['sgx-sign', '-m', 'm.manifest', '-l', libpal, '-o', 'v.sgx', '-k', uri('token=demo', '')];
    expect(await run([...args, '--passphrase-env', 'TOKEN_PIN'], { TOKEN_PIN: testPin })).toMatchObject({
      code: 0,
    });
  });

  test('may be opened twice in a process: closing one signer leaves the other one its session', async () => {
    // The library reads it from the process itself.
    process.env.SOFTHSM2_CONF = tokens.env.SOFTHSM2_CONF;
    const host = { workingDirectory: gsc.directory };
    const open = () => openSigner(uri('token=demo;id=%a1'), { host });
    const [one, two] = [await open(), await open()];
    await one.close?.();
    const message = Buffer.from('what is signed');
    expect(verify('sha256', message, createPublicKey(pem), await two.sign(message))).toBe(true);
    await two.close?.();
    await expect(two.sign(message)).rejects.toMatchObject({ code: 'key' });
  });

  test('signs where the token wants the PIN for each signature', async () => {
    const der = openssl(['rsa', '-in', 'in', '-outform', 'DER', '-out', 'out'], { in: pem });
    writeFileSync(join(gsc.directory, 'strict.der'), der);
    const place = ['--write-object', join(gsc.directory, 'strict.der'), '--type', 'privkey'];
    const key = ['--label', 'strict', '--id', '99', '--always-auth', '--usage-sign'];
    tokens.pkcs11Tool('demo', ...place, ...key);
    try {
      expect(await sgxSign(uri('token=demo;object=strict'), 'strict')).toMatchObject({ code: 0 });
      expect(bytesOf('strict.sig').equals(bytesOf('pem.sig'))).toBe(true);
    } finally {
      tokens.pkcs11Tool('demo', '--delete-object', '--type', 'privkey', '--id', '99');
    }
  });

  test('signs through a token that does not hash', async () => {
    const env = { TOKEN_MODULE: tokens.module, TOKEN_FAULT: 'no-hash' };
    const key = `pkcs11:token=demo?module-path=${faulty}&pin-source=pin`;
    expect(await sgxSign(key, 'raw', env)).toMatchObject({ code: 0 });
    expect(bytesOf('raw.sig').equals(bytesOf('pem.sig'))).toBe(true);
  });

  test('is made on the token, cannot be read out, and signs; pkcs11-tool knows it as well', async () => {
    const key = uri('token=demo;object=made;id=%77');
    const made = await run(['gen-private-key', key, '--json']);
    expect(made.code, made.stderr).toBe(0);
    const { uri: shown, mr_signer: mrSigner } = JSON.parse(made.stdout);
    expect(shown).toMatch(/^pkcs11:token=demo;serial=[0-9a-f]+;object=made;id=%77;type=private$/);
    expect(await sgxSign(key, 'made')).toMatchObject({ code: 0 });
    const view = await run(['sigstruct-view', 'made.sig', '--json']);
    expect(JSON.parse(view.stdout).mr_signer).toBe(mrSigner);
    const objects = tokens.pkcs11Tool('demo', '--list-objects', '--type', 'privkey');
    expect(objects).toMatch(/label: +made[\s\S]*never extractable/);
    tokens.pkcs11Tool(
      'demo',
      '--read-object',
      '--type',
      'pubkey',
      '--id',
      '77',
      '-o',
      join(gsc.directory, 'made.der'),
    );
    const publicKey = createPublicKey({ key: bytesOf('made.der'), format: 'der', type: 'spki' });
    const sig = bytesOf('made.sig');
    const message = Buffer.concat([sig.subarray(0, 128), sig.subarray(900, 1028)]);
    expect(verify('sha256', message, publicKey, Buffer.from(sig.subarray(516, 900)).reverse())).toBe(true);
    const again = await run(['gen-private-key', key]);
    expect([again.code, again.stdout]).toEqual([1, '']);
    expect(again.stderr).toContain('the token already holds a key with this label or id');
    const sameId = await run(['gen-private-key', uri('token=demo;object=other;id=%77')]);
    expect(sameId.stderr).toContain('the token already holds a key with this label or id');
  });

  test('is listed with what it could sign; without a PIN by what is public', async () => {
    const listed = JSON.parse((await run(['key', 'ls', uri('token=many'), '--json'])).stdout);
    expect(listed.tokens).toHaveLength(1);
    expect(
      listed.tokens[0].keys.map(({ label, kind, usable }: Record<string, string>) => [label, kind, usable]),
    ).toEqual([
      ['curve', 'a key that is not RSA', false],
      ['f4', 'RSA-3072 with exponent 65537', false],
      ['short', 'RSA-2048 with exponent 3', false],
      ['twin', 'RSA-3072 with exponent 3', true],
      ['twin', 'RSA-3072 with exponent 3', true],
    ]);
    const all = await run(['key', 'ls', uri('', 'pin-source=pin')]);
    expect(all.stdout.trim().split('\n').length).toBeGreaterThanOrEqual(6);
    const hidden = await run(['key', 'ls', uri('token=many', '')]);
    expect(hidden.stderr).toContain('not logged in');
    const line = all.stdout.split('\n').find((each) => each.includes('enclave%20key'));
    expect(await sgxSign(`${line}?module-path=${tokens.module}&pin-source=pin`, 'listed')).toMatchObject({
      code: 0,
    });
  });

  interface Refusal {
    readonly key: () => string;
    readonly says: RegExp;
    readonly env?: () => Readonly<Record<string, string>>;
  }
  const faultyKey = (query: string) => `pkcs11:token=demo;id=%a1?module-path=${faulty}&${query}`;
  const withFault = (fault: string) => () => ({ TOKEN_MODULE: tokens.module, TOKEN_FAULT: fault });

  test.each<[string, Refusal]>([
    [
      'a wrong PIN',
      { key: () => uri('token=demo', 'pin-source=wrong-pin'), says: /the PIN is wrong.*CKR_PIN_INCORRECT/ },
    ],
    [
      'a wrong PIN before the last try',
      {
        key: () => faultyKey('pin-source=wrong-pin'),
        env: withFault('final-try'),
        says: /one try is left before the token locks/,
      },
    ],
    [
      'a locked token',
      { key: () => faultyKey('pin-source=pin'), env: withFault('locked'), says: /the token is locked/ },
    ],
    [
      'a token that is taken out in the middle',
      {
        key: () => faultyKey('pin-source=pin'),
        env: withFault('removed'),
        says: /the token was taken out.*CKR_DEVICE_REMOVED/,
      },
    ],
    ['no PIN at all', { key: () => uri('token=demo', ''), says: /demands a PIN, and none was given/ }],
    [
      'a PIN file that is missing',
      { key: () => uri('token=demo', 'pin-source=nowhere'), says: /the PIN cannot be read/ },
    ],
    [
      'a PIN from a program',
      { key: () => uri('token=demo', 'pin-source=%7Cpinomatic'), says: /pin-source to be a file/ },
    ],
    [
      'no such token',
      { key: () => uri('token=nowhere'), says: /there is no such token; there is .*pkcs11:token=demo/ },
    ],
    ['several tokens', { key: () => uri('object=twin'), says: /expected one token, got 2/ }],
    [
      'no such key',
      {
        key: () => uri('token=demo;object=nothing'),
        says: /there is no such private key; the token holds .*object=enclave%20key/,
      },
    ],
    [
      'several keys',
      { key: () => uri('token=many;object=twin'), says: /expected one private key, got 2: .*%01.*%02/ },
    ],
    [
      'a key with exponent 65537',
      {
        key: () => uri('token=many;object=f4'),
        says: /got RSA-3072 with exponent 65537[\s\S]*exponent 3 alone[\s\S]*gen-private-key 'pkcs11:token=many/,
      },
    ],
    ['a short key', { key: () => uri('token=many;object=short'), says: /got RSA-2048 with exponent 3/ }],
    ['an EC key', { key: () => uri('token=many;object=curve'), says: /got a key that is not RSA/ }],
    [
      'the URI of a certificate',
      { key: () => uri('token=demo;type=cert'), says: /got a URI of a certificate/ },
    ],
    [
      'the URI of a public key',
      { key: () => uri('token=demo;type=public'), says: /got a URI of a public key/ },
    ],
    [
      'a module that is missing',
      { key: () => 'pkcs11:token=demo?module-path=/nowhere.so', says: /there is no such file/ },
    ],
    [
      'a module that is not a PKCS#11 library',
      { key: () => 'pkcs11:token=demo?module-path=key.pem', says: /not a PKCS#11 library/ },
    ],
    [
      'a module of no known name',
      { key: () => 'pkcs11:token=demo?module-name=nonesuch', says: /nonesuch: .*not found in/ },
    ],
    ['an unknown attribute', { key: () => uri('tokn=demo'), says: /did you mean token\?/ }],
  ])('refuses %s, says so, and writes nothing', async (_, { key, says, env }) => {
    const result = await sgxSign(key(), 'refused', env?.());
    expect(result.stderr).toMatch(says);
    expect(result.stderr).toContain('\nhint: ');
    expect(result.stderr).not.toContain('9999');
    expect([1, 2]).toContain(result.code);
    expect(() => bytesOf('refused.sig')).toThrow(/ENOENT/);
    expect(() => bytesOf('refused.sgx')).toThrow(/ENOENT/);
  });

  test('warns of a PIN on the command line and of a PIN file that others may read', async () => {
    const open = await sgxSign(uri('token=demo;id=%a1', `pin-value=${testPin}`), 'warned');
    expect(open).toMatchObject({ code: 0 });
    expect(open.stderr).toMatch(/warning: pin-value shows the PIN/);
    writeFileSync(join(gsc.directory, 'open-pin'), testPin, { mode: 0o644 });
    const shared = await sgxSign(uri('token=demo;id=%a1', 'pin-source=open-pin'), 'warned');
    expect(shared.stderr).toMatch(/warning: other users may read the PIN .*open-pin \(mode 0644\)/);
  });
});
