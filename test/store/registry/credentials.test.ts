import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ProgramResult } from '../../../src/base/run-program.ts';
import { runProgram } from '../../../src/base/run-program.ts';
import { parseAuthFile } from '../../../src/store/registry/auth-file.ts';
import { findCredentials } from '../../../src/store/registry/credentials.ts';
import { type RegistryOptions, registrySettings } from '../../../src/store/registry/registry-options.ts';
import { atEnd } from '../../support/store/registry/fixture.ts';

const entry = (name: string) => ({ auth: Buffer.from(`${name}:secret-of-${name}`).toString('base64') });

async function homeWith(files: Readonly<Record<string, unknown>>): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'gsc-home-'));
  atEnd(() => rm(home, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(home, name)), { recursive: true });
    await writeFile(join(home, name), JSON.stringify(content));
  }
  return home;
}

async function userFor(
  place: string,
  files: Readonly<Record<string, unknown>>,
  options: (home: string) => Partial<RegistryOptions> = () => ({}),
): Promise<string | undefined> {
  const homeDirectory = await homeWith(files);
  const settings = registrySettings({ environment: {}, homeDirectory, ...options(homeDirectory) });
  const slash = place.indexOf('/');
  const found = await findCredentials(place.slice(0, slash), place.slice(slash + 1), settings);
  return found?.kind === 'password' ? found.username : found?.token;
}

const docker = '.docker/config.json';

describe('which file', () => {
  test('Docker before podman, the runtime directory before the configuration directory', async () => {
    const podman = '.config/containers/auth.json';
    const runtime = 'run/containers/auth.json';
    const withRuntime = (home: string) => ({ environment: { XDG_RUNTIME_DIR: join(home, 'run') } });
    const auths = (name: string) => ({ auths: { 'host.test': entry(name) } });
    expect(await userFor('host.test/a', { [podman]: auths('podman') })).toBe('podman');
    const two = { [podman]: auths('podman'), [runtime]: auths('runtime') };
    expect(await userFor('host.test/a', two, withRuntime)).toBe('runtime');
    expect(await userFor('host.test/a', { ...two, [docker]: auths('docker') }, withRuntime)).toBe('docker');
    expect(await userFor('host.test/a', { ...two, [docker]: {} }, withRuntime)).toBe('runtime');
  });

  test('DOCKER_CONFIG names a directory', async () => {
    const files = {
      [docker]: { auths: { 'host.test': entry('home') } },
      'own/config.json': { auths: { 'host.test': entry('own') } },
    };
    const options = (home: string) => ({ environment: { DOCKER_CONFIG: join(home, 'own') } });
    expect(await userFor('host.test/a', files, options)).toBe('own');
  });

  test('REGISTRY_AUTH_FILE alone counts, and must be there', async () => {
    const files = { [docker]: { auths: { 'host.test': entry('home') } }, 'ci.json': { auths: {} } };
    const named = (name: string) => (home: string) => ({
      environment: { REGISTRY_AUTH_FILE: join(home, name) },
    });
    expect(await userFor('host.test/a', files, named('ci.json'))).toBeUndefined();
    await expect(userFor('host.test/a', files, named('gone.json'))).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  test('no file, no login', async () => {
    expect(await userFor('host.test/a', {})).toBeUndefined();
  });
});

describe('which entry', () => {
  test.each([
    ['host.test/team/app', 'app'],
    ['host.test/team/other', 'team'],
    ['host.test/else', 'host'],
    ['host.test:5000/team/app', 'port'],
    ['other.test/team/app', undefined],
  ])('%s is logged in as %s', async (place, user) => {
    const auths = {
      'host.test': entry('host'),
      'host.test/team': entry('team'),
      'host.test/team/app': entry('app'),
      'host.test/tea': entry('wrong'),
      'https://host.test:5000': entry('port'),
    };
    expect(await userFor(place, { [docker]: { auths } })).toBe(user);
  });

  test.each(['https://index.docker.io/v1/', 'docker.io', 'index.docker.io'])(
    '%s is Docker Hub',
    async (key) => {
      expect(
        await userFor('docker.io/library/python', { [docker]: { auths: { [key]: entry('hub') } } }),
      ).toBe('hub');
    },
  );

  test('an empty entry, as Docker leaves it beside a helper, is not a login', async () => {
    expect(await userFor('host.test/a', { [docker]: { auths: { 'host.test': {} } } })).toBeUndefined();
  });
});

describe('helpers', () => {
  const asked: string[] = [];
  const answering =
    (result: Partial<ProgramResult> | Error): NonNullable<RegistryOptions['runProgram']> =>
    async (program, parameters, { input }) => {
      asked.push(`${program} ${parameters.join(' ')} < ${input}`);
      if (result instanceof Error) throw result;
      return { status: 0, stdout: '', stderr: '', isTimedOut: false, ...result };
    };
  const with_ = (result: Partial<ProgramResult> | Error) => () => ({ runProgram: answering(result) });
  const known = with_({ stdout: '{"Username":"helped","Secret":"s"}' });
  const unknown = with_({ status: 1, stdout: 'credentials not found in native keychain\n' });
  const store = { [docker]: { credsStore: 'desktop', auths: { 'host.test': entry('file') } } };

  test('credsStore is asked for every host, before the file', async () => {
    expect(await userFor('host.test/a', store, known)).toBe('helped');
    expect(asked.at(-1)).toBe('docker-credential-desktop get < host.test');
    expect(await userFor('docker.io/library/x', store, known)).toBe('helped');
    expect(asked.at(-1)).toBe('docker-credential-desktop get < https://index.docker.io/v1/');
  });

  test('credHelpers takes precedence over credsStore', async () => {
    const both = { [docker]: { credsStore: 'desktop', credHelpers: { 'host.test': 'ecr-login' } } };
    await userFor('host.test/a', both, known);
    expect(asked.at(-1)).toBe('docker-credential-ecr-login get < host.test');
  });

  test('a helper that knows nothing leaves the word to the file', async () => {
    expect(await userFor('host.test/a', store, unknown)).toBe('file');
  });

  test('<token> marks an identity token', async () => {
    expect(
      await userFor('host.test/a', store, with_({ stdout: '{"Username":"<token>","Secret":"idt"}' })),
    ).toBe('idt');
  });

  test.each<[string, Partial<ProgramResult> | Error, RegExp]>([
    ['is not installed', Object.assign(new Error('spawn'), { code: 'ENOENT' }), /not installed/],
    [
      'may not be started',
      Object.assign(new Error('spawn'), { code: 'EACCES' }),
      /cannot be started \(EACCES\)/,
    ],
    ['fails', { status: 2, stderr: 'no\u001b[31m key' }, /exit code 2: no \[31m key/],
    ['hangs', { status: null, isTimedOut: true }, /no answer within/],
    ['answers nonsense', { stdout: 'Secret: xyzzy' }, /not JSON/],
    ['answers half', { stdout: '{"Secret":"xyzzy"}' }, /no Username and Secret/],
  ])(
    'a helper that %s is an error that names it and the file, and shows no secret',
    async (_, result, message) => {
      const error = await userFor('host.test/a', store, with_(result)).catch(
        (caught: unknown) => caught as Error,
      );
      expect(error).toMatchObject({
        code: 'registry',
        subject: 'credential helper docker-credential-desktop',
        message: expect.stringMatching(message),
        hint: expect.stringContaining('config.json'),
      });
      expect(String(error)).not.toContain('xyzzy');
    },
  );

  test.each(['../evil', 'a b', '', '-x', 'a/b'])('%j is no name of a helper', async (name) => {
    const before = asked.length;
    const files = { [docker]: { credHelpers: { 'host.test': name } } };
    await expect(userFor('host.test/a', files, known)).rejects.toMatchObject({ code: 'registry' });
    expect(asked.length).toBe(before);
  });

  test('a program that hangs is killed, even if its child holds on', async () => {
    const options = {
      input: 'x',
      environment: { PATH: process.env.PATH },
      timeoutMs: 200,
      signal: undefined,
    };
    const result = await runProgram('sh', ['-c', 'sleep 20 & sleep 20'], options);
    expect(result.isTimedOut).toBe(true);
  });

  test('a program that does not read its input is not an error', async () => {
    const options = {
      input: 'x'.repeat(1e6),
      environment: { PATH: process.env.PATH },
      timeoutMs: 5000,
      signal: undefined,
    };
    const result = await runProgram('sh', ['-c', 'echo out; echo err >&2; exit 3'], options);
    expect(result).toEqual({ status: 3, stdout: 'out\n', stderr: 'err\n', isTimedOut: false });
  });
});

describe('damaged files of logins', () => {
  test.each([
    ['no JSON', '{"auths": {"h": {"auth": "c2VjcmV0"'],
    ['a list', '[]'],
    ['a number for a login', '{"auths": {"h": 5}}'],
    ['a list for a login', '{"auths": {"h": {"auth": ["c2VjcmV0"]}}}'],
    ['no pair', '{"auths": {"h": {"auth": "c2VjcmV0"}}}'],
    ['no user', '{"auths": {"h": {"auth": "OnNlY3JldA=="}}}'],
    ['a number for a helper', '{"credHelpers": {"h": 1}}'],
  ])('%s is an error that names the file and shows nothing of it', (_, text) => {
    let message = '';
    try {
      parseAuthFile(text, '/home/ann/config.json');
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain('/home/ann/config.json');
    expect(message).not.toMatch(/secret|c2VjcmV0/);
  });

  test('what Docker and podman write besides logins does not matter', () => {
    const file = parseAuthFile(
      '{"HttpHeaders":{},"psFormat":"x","auths":{"h":{"auth":"YTpiAAA="}},"credsStore":""}',
      'f',
    );
    expect(file.auths.get('h')).toEqual({ username: 'a', password: 'b' });
    expect(file.credsStore).toBeUndefined();
  });
});
