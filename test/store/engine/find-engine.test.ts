import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseAddress, showAddress } from '../../../src/store/engine/engine-address.ts';
import { type EngineFlavour, findAddresses, findEngine } from '../../../src/store/engine/find-engine.ts';
import { engineDouble } from '../../support/store/engine/engine-double.ts';
import { hexDigest, writeInto } from '../../support/store/sample.ts';

interface Place {
  readonly home: string;
  readonly runtime: string;
  /** Makes a socket below the run-time directory, which only hangs up. */
  readonly socket: (name: string) => Promise<string>;
  /** The addresses found there with these variables. */
  readonly find: (
    environment: Readonly<Record<string, string>>,
    flavour?: EngineFlavour,
  ) => Promise<readonly string[]>;
}

function place(): Place {
  const directory = mkdtempSync(join(tmpdir(), 'gsc-find-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const [home, runtime] = [join(directory, 'home'), join(directory, 'run')];
  return {
    home,
    runtime,
    socket: async (name) => {
      const path = join(runtime, name);
      writeInto(path, '../.keep', Buffer.alloc(0));
      const server = createServer((connection) => connection.destroy());
      await new Promise<void>((resolve) => server.listen(path, resolve));
      onTestFinished(() => void server.close());
      return path;
    },
    find: async (environment, flavour = 'docker') => {
      const all = { XDG_RUNTIME_DIR: runtime, ...environment };
      return (await findAddresses({ environment: all, homeDirectory: home }, flavour)).map(showAddress);
    },
  };
}

function writeContext(directory: string, name: string, docker: unknown): void {
  const meta = JSON.stringify({ Name: name, Metadata: {}, Endpoints: { docker } });
  const folder = `contexts/meta/${hexDigest(Buffer.from(name))}`;
  writeInto(directory, `${folder}/meta.json`, Buffer.from(meta));
}

describe('an address', () => {
  test.each([
    ['unix:///run/x.sock', 'unix:///run/x.sock'],
    ['unix://', 'unix:///var/run/docker.sock'],
    ['tcp://engine.example:2375', 'tcp://engine.example:2375'],
    ['tcp://engine.example', 'tcp://engine.example:2375'],
    ['tcp://:1234', 'tcp://localhost:1234'],
    ['tcp://[::1]:2375/', 'tcp://[::1]:2375'],
    ['http://10.0.0.1:80', 'tcp://10.0.0.1:80'],
    ['https://10.0.0.1', 'tcp://10.0.0.1:2376'],
  ])('%s is %s', (text, shown) => {
    expect(showAddress(parseAddress(text, 'DOCKER_HOST'))).toBe(shown);
  });

  test.each([
    '',
    'engine.example',
    '/var/run/docker.sock',
    'unix://relative.sock',
    'tcp://host:port',
    'tcp://host:0',
    'tcp://host:65536',
    'tcp://user@host:1',
    'tcp://host:1/path',
    'npipe:////./pipe/docker_engine',
    'fd://3',
  ])('"%s" is refused', (text) => {
    expect(() => parseAddress(text, 'DOCKER_HOST')).toThrow(
      expect.objectContaining({ code: 'config', subject: 'DOCKER_HOST' }),
    );
  });

  test.each([
    ['ssh://me@engine.example', 'DOCKER_HOST', '-L /tmp/engine.sock:/var/run/docker.sock me@engine.example'],
    [
      'ssh://me@engine.example:2222/run/podman/podman.sock',
      'CONTAINER_HOST',
      '-p 2222 -L /tmp/engine.sock:/run/podman/podman.sock me@engine.example',
    ],
  ])('%s is refused with the command that forwards the socket', (text, origin, command) => {
    expect(() => parseAddress(text, origin)).toThrow(
      expect.objectContaining({
        code: 'config',
        hint: `forward the socket: ssh -nNT ${command} and set ${origin}=unix:///tmp/engine.sock`,
      }),
    );
  });
});

describe('the chosen Engine', () => {
  test('is that of DOCKER_HOST, whatever the context says', async () => {
    const { find, home } = place();
    writeInto(home, '.docker/config.json', Buffer.from('{"currentContext":"work"}'));
    writeContext(join(home, '.docker'), 'work', { Host: 'unix:///work.sock' });
    const environment = { DOCKER_HOST: 'unix:///host.sock', DOCKER_CONTEXT: 'work' };
    expect(await find(environment)).toEqual(['unix:///host.sock']);
  });

  test('is that of DOCKER_CONTEXT before that of the configuration', async () => {
    const { find, home } = place();
    writeInto(home, '.docker/config.json', Buffer.from('{"currentContext":"work"}'));
    writeContext(join(home, '.docker'), 'work', { Host: 'unix:///work.sock' });
    writeContext(join(home, '.docker'), 'play', { Host: 'tcp://play:1' });
    expect(await find({ DOCKER_CONTEXT: 'play' })).toEqual(['tcp://play:1']);
    expect(await find({})).toEqual(['unix:///work.sock']);
    expect(await find({ DOCKER_HOST: '', DOCKER_CONTEXT: '' })).toEqual(['unix:///work.sock']);
  });

  test('is looked for in DOCKER_CONFIG', async () => {
    const { find, runtime } = place();
    writeInto(runtime, 'conf/config.json', Buffer.from('{"currentContext":"work"}'));
    writeContext(join(runtime, 'conf'), 'work', { Host: 'unix:///work.sock' });
    expect(await find({ DOCKER_CONFIG: join(runtime, 'conf') })).toEqual(['unix:///work.sock']);
  });

  test('is a context with its keys', async () => {
    const { home } = place();
    const docker = join(home, '.docker');
    writeContext(docker, 'far', { Host: 'tcp://far:2376', SkipTLSVerify: true });
    writeInto(docker, `contexts/tls/${hexDigest(Buffer.from('far'))}/docker/ca.pem`, Buffer.from('CA'));
    const environment = { DOCKER_CONTEXT: 'far' };
    const [address] = await findAddresses({ environment, homeDirectory: home }, 'docker');
    expect(address).toMatchObject({ kind: 'tcp', tls: { ca: Buffer.from('CA'), isVerified: false } });
  });

  test('has TLS by DOCKER_TLS_VERIFY, with the keys of DOCKER_CERT_PATH', async () => {
    const { home } = place();
    for (const name of ['ca.pem', 'cert.pem', 'key.pem']) writeInto(home, `c/${name}`, Buffer.from(name));
    const environment = {
      DOCKER_HOST: 'tcp://far',
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: join(home, 'c'),
    };
    const [address] = await findAddresses({ environment, homeDirectory: home }, 'docker');
    const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => Buffer.from(name));
    expect(address).toMatchObject({ host: 'far:2376', tls: { ca, cert, key, isVerified: true } });
  });

  test.each([
    ['a context that does not exist', { DOCKER_CONTEXT: 'none' }, 'there is no Docker context "none"'],
    ['a broken configuration', {}, 'not a valid'],
  ])('is not guessed when the user names %s', async (_, environment, message) => {
    const { find, home } = place();
    writeInto(home, '.docker/config.json', Buffer.from('{"currentContext":'));
    await expect(find(environment)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining(message),
    });
  });

  test('is reported without any of the logins that a broken configuration holds', async () => {
    const { find, home } = place();
    const secret = Buffer.from('ann:secret').toString('base64');
    writeInto(home, '.docker/config.json', Buffer.from(`{"auth":${secret}}`));
    const error = await find({}).catch((caught: unknown) => caught as Error);
    expect(String(error)).toContain('not a valid configuration of Docker: it is not JSON');
    expect(String(error)).not.toContain(secret.slice(0, 6));
  });

  test('is a rootless one where there is no other; the default context means the usual places', async () => {
    const { find, home, socket } = place();
    writeInto(home, '.docker/config.json', Buffer.from('{"currentContext":"default"}'));
    const path = await socket('docker.sock');
    expect(await find({})).toContain(`unix://${path}`);
  });

  test("is Podman's by CONTAINER_HOST or its usual socket, unless Docker's alone is wanted", async () => {
    const { find, socket } = place();
    const environment = { CONTAINER_HOST: 'unix:///podman.sock' };
    expect(await find(environment, 'podman')).toEqual(['unix:///podman.sock']);
    expect(await find({ ...environment, DOCKER_HOST: 'unix:///d.sock' }, 'any')).toEqual(['unix:///d.sock']);
    expect(await find({ ...environment, DOCKER_HOST: 'unix:///d.sock' }, 'podman')).toEqual([
      'unix:///podman.sock',
    ]);
    const path = await socket('podman/podman.sock');
    expect(await find({}, 'podman')).toContain(`unix://${path}`);
    expect(await find({}, 'any')).toContain(`unix://${path}`);
    const docker = await find({}, 'docker').catch(() => []);
    expect(docker).not.toContain(`unix://${path}`);
  });

  test('is none: says where it looked', async () => {
    const { find, runtime } = place();
    const found = await find({}, 'podman').catch((error: unknown) => error);
    if (Array.isArray(found)) return expect(found).toEqual(['unix:///run/podman/podman.sock']);
    expect(found).toMatchObject({
      code: 'engine',
      message: expect.stringContaining(`${runtime}/podman/podman.sock`),
      hint: expect.stringContaining('podman.socket'),
    });
  });
});

test('a socket in a usual place that no Engine serves does not hide the next one', async () => {
  const { home, runtime, socket } = place();
  await socket('docker.sock');
  const path = await socket('podman/other.sock');
  await engineDouble({ isPodman: true }, join(path, '../podman.sock'));
  const environment = { XDG_RUNTIME_DIR: runtime };
  const engine = await findEngine({ environment, homeDirectory: home, flavour: 'any' });
  onTestFinished(() => engine.close());
  // A machine with a Docker Engine of its own gives that.
  if (engine.kind === 'podman')
    expect(showAddress(engine.address)).toBe(`unix://${runtime}/podman/podman.sock`);
  else expect(showAddress(engine.address)).toBe('unix:///var/run/docker.sock');
});
