import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ImageName } from '../../../src/reference/image-name.ts';
import { openRegistryImage } from '../../../src/store/registry/open-registry-image.ts';
import type { RegistryOptions } from '../../../src/store/registry/registry-options.ts';
import { openRegistryWriter } from '../../../src/store/registry/registry-writer.ts';
import {
  atEnd,
  imageOf,
  layerOf,
  nameIn,
  openSession,
  startDouble,
  stock,
} from '../../support/store/registry/fixture.ts';

const image = imageOf([layerOf('a', 5000)]);
const login = { username: 'ann', password: 'pa:ss wörd' };
const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64');

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gsc-login-'));
  atEnd(() => rm(directory, { recursive: true }));
  return directory;
}

/** A home directory with a Docker configuration. */
async function homeWith(config: unknown): Promise<Partial<RegistryOptions>> {
  const homeDirectory = await scratch();
  await mkdir(join(homeDirectory, '.docker'));
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  await writeFile(join(homeDirectory, '.docker', 'config.json'), text);
  return { homeDirectory };
}

const pull = (name: ImageName, options: Partial<RegistryOptions>) =>
  openRegistryImage(openSession(options).session, name);

describe('Basic', () => {
  test('the password of the Docker configuration is sent when the registry asks', async () => {
    const double = await startDouble({ login: { kind: 'basic', ...login } });
    await stock(double, 'app', '1', image);
    const home = await homeWith({ auths: { [double.domain]: { auth } } });
    expect((await pull(nameIn(double, 'app:1'), home)).manifest).toEqual(image.manifest);
  });

  test('without a login the error says how to log in', async () => {
    const double = await startDouble({ login: { kind: 'basic', ...login } });
    await expect(pull(nameIn(double, 'app:1'), {})).rejects.toMatchObject({
      code: 'registry',
      subject: `${double.domain}/app`,
      message: expect.stringMatching(/401 Unauthorized \(UNAUTHORIZED: authentication required\)/),
      hint: expect.stringContaining(`docker login ${double.domain}`),
    });
  });

  test('a wrong password is refused once, and no message shows it', async () => {
    const double = await startDouble({ login: { kind: 'basic', ...login } });
    const wrong = Buffer.from('ann:hunter2222').toString('base64');
    const home = await homeWith({ auths: { [double.domain]: { auth: wrong } } });
    double.fail('GET', /manifests/, {
      kind: 'answer',
      status: 401,
      headers: { 'www-authenticate': 'Basic' },
    });
    double.fail('GET', /manifests/, {
      kind: 'answer',
      status: 401,
      body: JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: `bad ${wrong} hunter2222` }] }),
    });
    const error = await pull(nameIn(double, 'app:1'), home).catch((caught: unknown) => caught as Error);
    expect(error).toMatchObject({
      code: 'registry',
      hint: expect.stringContaining('config.json were not accepted'),
    });
    expect(String(error)).toContain('bad *** ***');
    expect(double.count('GET', /manifests/)).toBe(2);
  });
});

describe('tokens', () => {
  const protectedBy = {
    kind: 'token',
    ...login,
    identityToken: 'long-lived-secret',
    publicPaths: ['public'],
  } as const;

  test('public images can be pulled without a login', async () => {
    const double = await startDouble({ login: protectedBy });
    await stock(double, 'public', '1', image);
    await pull(nameIn(double, 'public:1'), {});
    expect(double.log.find(({ url }) => url.startsWith('/token'))?.headers.authorization).toBeUndefined();
  });

  test.each([
    ['null beside an access_token', { token: null, access_token: 'word' }],
    ['empty beside an access_token', { token: '', access_token: 'word' }],
    ['with null for the rest', { token: 'word', access_token: null, expires_in: null, issued_at: null }],
    ['in another case', { Token: 'word' }],
  ])('a token is taken: %s', async (_, answer) => {
    const double = await startDouble({ login: protectedBy });
    await stock(double, 'public', '1', image);
    double.fail('GET', /^\/token/, { kind: 'answer', status: 200, body: JSON.stringify(answer) });
    // The double knows no such token; what counts is that it was sent.
    await expect(pull(nameIn(double, 'public:1'), {})).rejects.toMatchObject({ code: 'registry' });
    expect(double.log.map(({ headers }) => headers.authorization)).toContain('Bearer word');
  });

  test.each([
    ['no token', {}, 'holds no token'],
    ['null', { token: null, access_token: null }, 'holds no token'],
    ['a number', { token: 5 }, 'holds no token (token: expected a string, got a number)'],
    ['a token in two words', { token: 'a b' }, 'holds no token'],
  ])('an answer with %s is refused', async (_, answer, message) => {
    const double = await startDouble({ login: protectedBy });
    double.fail('GET', /^\/token/, { kind: 'answer', status: 200, body: JSON.stringify(answer) });
    await expect(pull(nameIn(double, 'public:1'), {})).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringContaining(message),
    });
  });

  test('one token serves all requests about a repository', async () => {
    const double = await startDouble({ login: protectedBy });
    const home = await homeWith({ auths: { [`https://${double.domain}/v2/`]: { auth } } });
    const { session } = openSession(home);
    await openRegistryWriter(session, nameIn(double, 'app:1')).commit(image);
    expect(double.count('GET', /^\/token/)).toBe(1);
    expect(double.log.filter(({ status }) => status === 401)).toHaveLength(1);
    const query = double.log.find(({ url }) => url.startsWith('/token'))?.url ?? '';
    const { searchParams } = new URL(query, double.origin);
    expect(searchParams.getAll('scope')).toEqual(['repository:app:pull,push']);
    expect(searchParams.get('account')).toBe('ann');
  });

  test('a mount asks for leave in both repositories', async () => {
    const double = await startDouble({ login: protectedBy });
    await stock(double, 'base', '1', image);
    const { session } = openSession(await homeWith({ auths: { [double.domain]: login } }));
    const base = await openRegistryImage(session, nameIn(double, 'base:1'));
    await openRegistryWriter(session, nameIn(double, 'app:1'), { mountFrom: [base] }).commit(base);
    const scopes = double.log
      .filter(({ url }) => url.startsWith('/token'))
      .map(({ url }) => new URL(url, double.origin).searchParams.getAll('scope'));
    expect(scopes).toContainEqual(['repository:app:pull,push', 'repository:base:pull']);
    expect(double.downloadedBlobBytes).toBe(image.configBytes.length);
  });

  test.each(['token', 'access_token'] as const)(
    'a token that has had its day is renewed (%s)',
    async (answerName) => {
      const double = await startDouble({ login: { ...protectedBy, usesPerToken: 2, answerName } });
      const home = await homeWith({ auths: { [double.domain]: { auth } } });
      await openRegistryWriter(openSession(home).session, nameIn(double, 'app:1')).commit(image);
      expect(double.repository('app').manifests.has('1')).toBe(true);
      expect(double.count('GET', /^\/token/)).toBeGreaterThan(2);
    },
  );

  test('an identity token is exchanged by POST and never sent to the registry', async () => {
    const double = await startDouble({ login: protectedBy });
    await stock(double, 'app', '1', image);
    const home = await homeWith({ auths: { [double.domain]: { identitytoken: 'long-lived-secret' } } });
    await pull(nameIn(double, 'app:1'), home);
    expect(double.count('POST', /^\/token/)).toBe(1);
    expect(JSON.stringify(double.log)).not.toContain('long-lived-secret');
  });

  test('a login that the token server refuses is an error that names it', async () => {
    const double = await startDouble({ login: protectedBy });
    const home = await homeWith({ auths: { [double.domain]: { username: 'ann', password: 'wrong-one' } } });
    const error = await pull(nameIn(double, 'app:1'), home).catch((caught: unknown) => caught as Error);
    expect(error).toMatchObject({
      code: 'registry',
      message: expect.stringMatching(/no token from 127\.0\.0\.1:\d+\): status 401 .*incorrect login/),
      hint: expect.stringContaining('docker login'),
    });
    expect(String(error)).not.toContain('wrong-one');
  });

  test('a token server that is busy is asked again', async () => {
    const double = await startDouble({ login: protectedBy });
    await stock(double, 'public', '1', image);
    double.fail('GET', /^\/token/, { kind: 'answer', status: 503 });
    await pull(nameIn(double, 'public:1'), {});
  });

  test.each([
    ['no token', '{"expires_in": 5}'],
    ['a token that would break the header', '{"token": "a\\r\\nX-Evil: 1"}'],
    ['no JSON', '<html>'],
  ])('%s from the token server is an error', async (_, body) => {
    const double = await startDouble({ login: protectedBy });
    double.fail('GET', /^\/token/, { kind: 'answer', status: 200, body });
    await expect(pull(nameIn(double, 'public:1'), {})).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringMatching(/holds no token/),
    });
  });

  test.each([
    ['another host without TLS', 'http://registry.invalid/token', /registry\.invalid without TLS/],
    ['no URL', 'nonsense', /an address that is not a URL/],
    ['a file', 'file:///etc/passwd', /an address that is not a URL/],
  ])('a realm that is %s gets no password', async (_, realm, message) => {
    const double = await startDouble({ login: { ...protectedBy, realm } });
    const home = await homeWith({ auths: { [double.domain]: { auth } } });
    await expect(pull(nameIn(double, 'app:1'), home)).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringMatching(message),
    });
  });

  test('a redirect of the token server keeps the password from another host', async () => {
    const other = await startDouble();
    other.fail('GET', /./, { kind: 'answer', status: 200, body: '{"token":"x"}' });
    const double = await startDouble({ login: protectedBy });
    const home = await homeWith({ auths: { [double.domain]: { auth } } });
    double.fail('GET', /^\/token/, {
      kind: 'answer',
      status: 307,
      headers: { location: `${other.origin}/t` },
    });
    await expect(pull(nameIn(double, 'app:1'), home)).rejects.toMatchObject({ code: 'registry' });
    expect(other.log[0]?.headers.authorization).toBeUndefined();
  });

  test('an identity token is not sent on to another host', async () => {
    const other = await startDouble();
    const double = await startDouble({ login: protectedBy });
    const home = await homeWith({ auths: { [double.domain]: { identitytoken: 'long-lived-secret' } } });
    double.fail('POST', /^\/token/, {
      kind: 'answer',
      status: 307,
      headers: { location: `${other.origin}/t` },
    });
    await expect(pull(nameIn(double, 'app:1'), home)).rejects.toMatchObject({
      message: expect.stringMatching(/redirect of a login to another host/),
    });
    expect(other.log).toEqual([]);
  });
});

describe('a login helper', () => {
  test('is asked by its program, and its answer is used', async () => {
    const double = await startDouble({ login: { kind: 'token', ...login } });
    await stock(double, 'app', '1', image);
    const bin = await scratch();
    const script = `#!/bin/sh\nread server\n[ "$1 $server" = "get ${double.domain}" ] || exit 3\necho '${JSON.stringify({ ServerURL: '', Username: login.username, Secret: login.password })}'\n`;
    await writeFile(join(bin, 'docker-credential-testing'), script, { mode: 0o755 });
    const home = await homeWith({ credHelpers: { [double.domain]: 'testing' } });
    await pull(nameIn(double, 'app:1'), { ...home, environment: { PATH: `${bin}:/bin:/usr/bin` } });
  });
});
