import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { GscError } from '../../src/base/error.ts';
import { parseBrokerConfig, type SecretEntry } from '../../src/broker/broker-config.ts';
import { readSecret } from '../../src/broker/read-secret.ts';

const base = 'certificate: c.pem\nkey: k.pem\n';
const client = (more: string, secrets = '[{ name: s, form: key, file: f }]') =>
  `${base}clients:\n  - name: app\n    ${more}\n    secrets: ${secrets}\n`;

describe('the configuration of the broker', () => {
  test('has defaults for everything but certificate, key and clients', () => {
    const { clients, ...rest } = parseBrokerConfig(client('image: oci:out'), 'b.yaml');
    expect(rest).toEqual({
      ...{
        host: 'localhost',
        port: 4433,
        certificate: 'c.pem',
        key: 'k.pem',
        mostClients: 256,
        secondsPerClient: 30,
      },
      ...{ collateral: undefined, policy: undefined, rootCa: undefined },
    });
    expect(clients[0]).toMatchObject({
      name: 'app',
      image: 'oci:out',
      secrets: [{ name: 's', form: 'key', source: { kind: 'file', path: 'f' } }],
    });
  });

  test('takes an identity by hand, sources of each kind, and an IPv6 address', () => {
    const hash = 'AB'.repeat(32);
    const secrets = '[{ name: a, form: string, environment: X }, { name: b, form: file, program: [p, q r] }]';
    const text = `listen: "[::1]:0"\n${client(`mr_signer: ${hash}\n    isv_prod_id: 1\n    isv_svn: 2`, secrets)}`;
    const config = parseBrokerConfig(text, 'b.yaml');
    expect([config.host, config.port]).toEqual(['::1', 0]);
    expect(config.clients[0]?.expected).toEqual({
      ...{ mrEnclave: undefined, mrSigner: hash.toLowerCase(), isvProdId: 1, isvSvn: 2 },
    });
    expect(config.clients[0]?.secrets.map(({ source }) => source)).toEqual([
      { kind: 'environment', name: 'X' },
      { kind: 'program', command: ['p', 'q r'] },
    ]);
  });

  test.each([
    ['', /the file: expected|certificate: /],
    [`${base}clients: []\nextra: 1`, /b\.yaml:4:8: extra: unknown key/],
    [client('isv_svn: 1'), /b\.yaml:4:5: clients\.0: .*secrets are given by identity/],
    [client('mr_enclave: abc'), /clients\.0\.mr_enclave: expected 32 bytes in hex/],
    [client('mr_enclave: [abc]'), /clients\.0\.mr_enclave: expected 32 bytes in hex/],
    [
      client('image: x', '[{ form: key, file: f }]'),
      /b\.yaml:6:15: clients\.0\.secrets\.0\.name: expected a string/,
    ],
    [client('image: x', '[]'), /clients\.0\.secrets: expected at least one secret/],
    [client('image: x', '[{ name: s, form: text, file: f }]'), /form: expected key, string or file/],
    [client('image: x', '[{ name: s, form: key }]'), /expected one of file, environment and program/],
    [client('image: x', '[{ name: s, form: key, file: f, environment: e }]'), /expected one of/],
    [`listen: nowhere\n${client('image: x')}`, /listen: expected HOST:PORT/],
  ])('%j is refused', (text, message) => {
    expect(() => parseBrokerConfig(text, 'b.yaml')).toThrow(message);
    expect(() => parseBrokerConfig(text, 'b.yaml')).toThrow(expect.objectContaining({ code: 'config' }));
  });
});

describe('a secret', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gsc-secret-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const entry = (form: SecretEntry['form'], source: SecretEntry['source']): SecretEntry => ({
    name: 's',
    form,
    source,
  });
  const read = (form: SecretEntry['form'], bytes: string | Buffer) => {
    writeFileSync(join(directory, 'f'), bytes);
    return readSecret(entry(form, { kind: 'file', path: 'f' }), { directory, environment: {} });
  };

  test('is a key raw or in hex, a text with a NUL, or a file as it is', async () => {
    const key = Buffer.from([...Array(16).keys()]);
    expect(await read('key', key)).toEqual(key);
    expect(await read('key', key.toString('hex'))).toEqual(key);
    expect(await read('key', `${key.toString('hex').toUpperCase()}\n`)).toEqual(key);
    expect(await read('string', 'päss\n')).toEqual(Buffer.from('päss\0'));
    expect(await read('file', Buffer.from([0, 10, 255]))).toEqual(Buffer.from([0, 10, 255]));
  });

  test.each([
    ['key', '00112233'],
    ['key', 'x'.repeat(32)],
    ['string', ''],
    ['string', 'a\0b'],
    ['string', 'x'.repeat(4096)],
  ] as const)('that is not a %s (%j) is refused, and not shown', async (form, text) => {
    const error = await read(form, text).catch((reason: unknown) => reason as GscError);
    expect(error).toBeInstanceOf(GscError);
    if (text.length > 1) expect((error as GscError).message).not.toContain(text);
  });

  test('comes from the environment or a program, whose failure says nothing of its output', async () => {
    const surroundings = { directory, environment: { TOKEN: 'abc', PATH: process.env.PATH } };
    expect(await readSecret(entry('string', { kind: 'environment', name: 'TOKEN' }), surroundings)).toEqual(
      Buffer.from('abc\0'),
    );
    await expect(
      readSecret(entry('string', { kind: 'environment', name: 'OTHER' }), surroundings),
    ).rejects.toThrow(/no variable OTHER/);
    writeFileSync(join(directory, 'program'), '#!/bin/sh\nprintf %s "$1"; exit "$2"\n');
    chmodSync(join(directory, 'program'), 0o755);
    const program = (...args: readonly string[]) =>
      readSecret(entry('string', { kind: 'program', command: ['./program', ...args] }), surroundings);
    expect(await program('from a program', '0')).toEqual(Buffer.from('from a program\0'));
    const failed = await program('hush', '3').catch((reason: unknown) => reason as GscError);
    expect((failed as GscError).message).toBe('secret s: the program ./program ended with status 3');
    await expect(
      readSecret(entry('file', { kind: 'program', command: ['./none'] }), surroundings),
    ).rejects.toThrow(/could not be run/);
  });
});
