import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { toJsonSchema } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Reporter } from '../../src/base/reporter.ts';
import { silentReporter } from '../../src/base/reporter.ts';
import { openSigner } from '../../src/index.ts';
import { pemSigner } from '../../src/key/pem-signer.ts';
import { signingAnswerShape, signingRequestShape } from '../../src/key/signing-exchange.ts';
import { messageToSign, signSigstruct } from '../../src/signature/sign-sigstruct.ts';
import { encodeDate } from '../../src/signature/sigstruct-date.ts';
import { testKey } from '../support/signature/test-key.ts';
import { hasTool } from '../support/tool.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const unsigned = {
  date: encodeDate('2026-01-02', 'bcd'),
  mrEnclave: Buffer.alloc(32, 7),
  isvSvn: 3,
  flags: 4n,
};
let directory = '';
let key = '';
let pem: Buffer;
let expected: Buffer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gsc-signers-'));
  key = await testKey();
  pem = readFileSync(key);
  expected = await signSigstruct(unsigned, pemSigner(pem, { subject: 'key' }));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A program with this text, in sh. */
function script(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

function open(reference: string, reporter: Reporter = silentReporter, timeoutMs = 30_000) {
  return openSigner(reference, { host: { workingDirectory: directory }, reporter, timeoutMs });
}

const signBy = async (reference: string, reporter?: Reporter, timeoutMs?: number) =>
  signSigstruct(unsigned, await open(reference, reporter, timeoutMs), { image: 'demo:1' });

describe('the contract', () => {
  const schema = JSON.parse(readFileSync('docs/signer.schema.json', 'utf8'));

  test('has the JSON schema that gsc itself reads and writes by', () => {
    expect(schema.$defs.request).toEqual(plainSchema(signingRequestShape));
    expect(schema.$defs.answer).toEqual(plainSchema(signingAnswerShape));
  });

  test('a request holds the bytes, their SHA-256, MRENCLAVE, the image and the date', async () => {
    const file = script('keep.sh', `cat > request.json; exit 9`);
    await expect(signBy(`exec:${file}`)).rejects.toMatchObject({ code: 'key' });
    const text = readFileSync(join(directory, 'request.json'), 'utf8');
    expect(text.split('\n')).toHaveLength(2);
    const request = v.parse(signingRequestShape, JSON.parse(text));
    const message = messageToSign(unsigned);
    expect(request).toEqual({
      version: 1,
      algorithm: 'RSASSA-PKCS1-v1_5-SHA256',
      message: message.toString('base64'),
      sha256: expect.any(String),
      mr_enclave: '07'.repeat(32),
      image: 'demo:1',
      date: '2026-01-02',
    });
    const digest = execFileSync('openssl', ['dgst', '-sha256', '-binary'], { input: message });
    expect(request.sha256).toBe(digest.toString('base64'));
  });
});

describe.skipIf(!hasTool('openssl') || !hasTool('curl'))('the examples of the documents', () => {
  test('openssl.sh signs with the same bytes as the PEM file, also an encrypted one', async () => {
    const program = resolve('docs/signers/openssl.sh');
    expect((await signBy(`exec:${program} ${key}`)).equals(expected)).toBe(true);
    writeFileSync(join(directory, 'pass word'), 'sesame');
    const args = ['pkcs8', '-topk8', '-v2', 'aes-256-cbc', '-in', key, '-passout', 'pass:sesame'];
    execFileSync('openssl', [...args, '-out', join(directory, 'enc.pem')]);
    const encrypted = `exec:${program} enc.pem -passin 'file:pass word'`;
    expect((await signBy(encrypted)).equals(expected)).toBe(true);
  });

  test('https.sh has a service sign that asks for a client certificate, and fails without the right one', async () => {
    const { url, server } = await signingService();
    try {
      const program = resolve('docs/signers/https.sh');
      expect((await signBy(`exec:${program} ${url} client.crt client.key ca.crt`)).equals(expected)).toBe(
        true,
      );
      const stranger = signBy(`exec:${program} ${url} stranger.crt stranger.key ca.crt`);
      await expect(stranger).rejects.toMatchObject({
        code: 'key',
        message: expect.stringMatching(/exit code \d+; it said last: curl/),
      });
    } finally {
      server.close();
    }
  });
});

describe('a program', () => {
  const answer = (fields: object) => `cat >/dev/null; echo '${JSON.stringify(fields)}'`;
  const bytes = (text: string) => Buffer.from(text).toString('base64');
  const signatureOf = (message: Buffer, by: Buffer = pem) =>
    sign('sha256', message, createPrivateKey(by)).toString('base64');
  const modulusOf = (by: Buffer = pem) =>
    Buffer.from(createPublicKey(by).export({ format: 'jwk' }).n ?? '', 'base64url').toString('base64');

  test.each<[string, () => string, RegExp]>([
    ['is missing', () => 'exec:./nowhere', /does not start: there is no such program/],
    ['may not be executed', () => 'exec:./enc.txt', /does not start: it may not be executed/],
    [
      'fails',
      () => `exec:${script('fail.sh', 'echo one >&2; echo no permission >&2; exit 3')}`,
      /failed with exit code 3; it said last: no permission/,
    ],
    ['is ended by a signal', () => `exec:${script('kill.sh', 'kill -9 $$')}`, /was ended by a signal/],
    [
      'answers nothing',
      () => `exec:${script('nothing.sh', 'cat >/dev/null')}`,
      /expected one JSON object, got nothing/,
    ],
    [
      'answers something else',
      () => `exec:${script('text.sh', 'echo hello')}`,
      /got 6 characters of something else/,
    ],
    [
      'leaves out the modulus',
      () => `exec:${script('half.sh', answer({ signature: bytes('x') }))}`,
      /modulus: expected a/,
    ],
    [
      'answers no base64',
      () => `exec:${script('hex.sh', answer({ signature: 'ü', modulus: '!' }))}`,
      /expected base64/,
    ],
    [
      'answers with other bytes',
      () => `exec:${script('short.sh', answer({ signature: bytes('x'), modulus: modulusOf() }))}`,
      /expected a signature of 384 bytes, got 1/,
    ],
    [
      'answers with random bytes',
      () =>
        `exec:${script('random.sh', answer({ signature: Buffer.alloc(384, 5).toString('base64'), modulus: modulusOf() }))}`,
      /the signature does not belong to this enclave and this key$/,
    ],
    [
      'signs something else',
      () =>
        `exec:${script('other.sh', answer({ signature: signatureOf(Buffer.from('else')), modulus: modulusOf() }))}`,
      /does not belong to this enclave and this key: expected one of the SHA-256 [0-9a-f]{64}, got one of [0-9a-f]{64}/,
    ],
    [
      'says that it signed something else',
      () =>
        `exec:${script('said.sh', answer({ signature: signatureOf(messageToSign(unsigned)), modulus: modulusOf(), message: bytes('else') }))}`,
      /signed other bytes than those requested/,
    ],
  ])('that %s is explained', async (_, reference, says) => {
    writeFileSync(join(directory, 'enc.txt'), '');
    await expect(signBy(reference())).rejects.toMatchObject({
      code: 'key',
      message: expect.stringMatching(says),
      hint: expect.any(String),
    });
  });

  test('with a key of exponent 65537 is told apart from a wrong signature', async () => {
    const other = execFileSync('openssl', ['genrsa', '3072'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const fields = { signature: signatureOf(messageToSign(unsigned), other), modulus: modulusOf(other) };
    await expect(signBy(`exec:${script('f4.sh', answer(fields))}`)).rejects.toMatchObject({
      message: expect.stringContaining('got RSA-3072 with exponent 65537'),
      hint: expect.stringContaining('exponent 3 alone'),
    });
  });

  test('that hangs is ended at the time limit', async () => {
    const file = script('hang.sh', 'exec sleep 1000');
    await expect(signBy(`exec:${file}`, silentReporter, 300)).rejects.toMatchObject({
      message: expect.stringContaining('did not answer within 0.3 seconds'),
      hint: expect.stringContaining('--signer-timeout'),
    });
  });

  test('shows what it writes to its standard error, line by line', async () => {
    const said: string[] = [];
    const file = script(
      'talk.sh',
      `echo 'touch the key' >&2; printf 'thank you' >&2; ${resolve('docs/signers/openssl.sh')} ${key}`,
    );
    await signBy(`exec:${file}`, { ...silentReporter, say: (line) => said.push(line) });
    expect(said).toEqual([`exec:${file}: touch the key`, `exec:${file}: thank you`]);
  });

  test('names its key with its signature, not before', async () => {
    const signer = await open(`exec:${resolve('docs/signers/openssl.sh')} ${key}`);
    expect(() => signer.modulus).toThrow(/has not signed yet/);
    await signSigstruct(unsigned, signer);
    expect(signer.modulus.toString('base64')).toBe(modulusOf());
  });
});

/** With a type wherever JSON Schema allows to say it shorter. */
function plainSchema(shape: v.GenericSchema): unknown {
  const text = JSON.stringify(toJsonSchema(shape, { errorMode: 'ignore' }));
  const { $schema: _, ...rest } = JSON.parse(text, (_key, value) => {
    if (value?.anyOf) return { type: value.anyOf.map(({ type }: { type: string }) => type) };
    return value !== null && typeof value === 'object' && 'const' in value
      ? { type: typeof value.const, ...value }
      : value;
  });
  return rest;
}

/** A service that signs for clients with a certificate of its own authority. */
async function signingService(): Promise<{ readonly url: string; readonly server: Server }> {
  const run = (...args: readonly string[]) =>
    execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  const make = (name: string) =>
    run(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
      '-subj',
      `/CN=${name}`,
    );
  for (const name of ['ca', 'stranger']) make(name);
  for (const name of ['server', 'client']) {
    run(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${name}`,
    );
    writeFileSync(join(directory, 'ext'), 'subjectAltName=IP:127.0.0.1\n');
    run(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      'ext',
      '-out',
      `${name}.crt`,
    );
  }
  const file = (name: string) => readFileSync(join(directory, name));
  const tls = { key: file('server.key'), cert: file('server.crt'), ca: file('ca.crt') };
  const server = createServer(
    { ...tls, requestCert: true, rejectUnauthorized: true },
    async (request, response) => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      const { message } = v.parse(signingRequestShape, JSON.parse(Buffer.concat(pieces).toString()));
      const client = (request.socket as TLSSocket).getPeerCertificate().subject.CN;
      response.statusCode = client === 'client' ? 200 : 403;
      const signature = sign('sha256', Buffer.from(message, 'base64'), createPrivateKey(pem)).toString(
        'base64',
      );
      const modulus = Buffer.from(
        createPublicKey(pem).export({ format: 'jwk' }).n ?? '',
        'base64url',
      ).toString('base64');
      response.end(JSON.stringify({ signature, modulus }));
    },
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/sign`, server };
}
