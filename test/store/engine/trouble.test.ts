import { getEventListeners } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectEngine } from '../../../src/store/engine/engine.ts';
import { connectionError } from '../../../src/store/engine/engine-error.ts';
import { engineDouble } from '../../support/store/engine/engine-double.ts';
import { connect, open, store } from '../../support/store/engine/fixture.ts';
import { imageOf, layerOf, sampleImage, sampleTar } from '../../support/store/sample.ts';

const config = { os: 'linux', architecture: 'amd64', config: {} };

function socketPath(): string {
  const directory = mkdtempSync(join(tmpdir(), 'gsc-trouble-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'engine.sock');
}

function refuse(response: ServerResponse, status: number, message: string): true {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
  return true;
}

describe('an Engine that cannot be reached', () => {
  test('has no socket: says so, and how to do without it', async () => {
    await expect(connect(socketPath())).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringContaining('there is no such socket; the Engine is not running'),
      hint: expect.stringMatching(/systemctl start docker.*docker:\/\/NAME.*oci:DIR/),
    });
  });

  test('has left its socket behind', async () => {
    const path = socketPath();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    // Closing removes the socket; a file in its place refuses connections as an orphaned one does.
    await new Promise((resolve) => server.close(resolve));
    writeFileSync(path, '');
    await expect(connect(path)).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringContaining('nothing listens there'),
    });
  });

  test('refuses this user: names the group docker', () => {
    const cause = Object.assign(new Error('connect EACCES'), { code: 'EACCES' });
    const address = { kind: 'unix', path: '/var/run/docker.sock', origin: 'the usual place' } as const;
    expect(
      connectionError(address, 'docker', { purpose: 'reach it', cause, isStarted: false }),
    ).toMatchObject({
      message:
        'Docker Engine at unix:///var/run/docker.sock: cannot reach it: permission denied on the socket',
      hint: expect.stringContaining('usermod -aG docker'),
    });
  });

  test.each([
    ['/run/podman/podman.sock', 'the usual place', 'start it (systemctl --user start podman.socket), or use'],
    ['/run/x.sock', 'CONTAINER_HOST', 'start podman.socket), correct CONTAINER_HOST, or use'],
  ])("is Podman's (%s, %s): says so before it answers", async (path, origin, hint) => {
    const missing = `${socketPath()}${path}`;
    await expect(connectEngine({ kind: 'unix', path: missing, origin })).rejects.toMatchObject({
      message: expect.stringContaining(`Podman at unix://${missing}: cannot reach it`),
      hint: expect.stringContaining(hint),
    });
  });

  test('does not answer in time', async () => {
    const double = await engineDouble({ intercept: () => true });
    await expect(connect(double.socket, { timeouts: { answerMs: 200 } })).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringContaining('does not answer in time'),
    });
  });

  test('is something else', async () => {
    const path = socketPath();
    const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => void server.close());
    await expect(connect(path)).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringContaining('does not answer as an Engine'),
    });
  });

  test('is asked by a command that was aborted', async () => {
    const double = await engineDouble({ intercept: () => true });
    const signal = AbortSignal.timeout(100);
    await expect(connect(double.socket, { signal })).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('what is done after an abort too', () => {
  const request = { method: 'GET', path: '/version', purpose: 'ask', outlastsAbort: true } as const;

  test('adds one listener to the signal, however often it is asked for, and is answered after the abort', async () => {
    const abort = new AbortController();
    const engine = await connect((await engineDouble()).socket, { signal: abort.signal });
    const before = getEventListeners(abort.signal, 'abort').length;
    const ask = async () => {
      const { body } = await engine.send(request);
      for await (const piece of body) expect(piece).toBeInstanceOf(Buffer);
    };
    for (let count = 0; count < 20; count++) await ask();
    expect(getEventListeners(abort.signal, 'abort').length - before).toBe(1);
    abort.abort();
    await ask();
  });
});

describe('the version of the API', () => {
  test.each([
    ['1.41', '1.41'],
    ['1.47', '1.47'],
    ['1.99', '1.52'],
    ['2.0', '1.52'],
  ])('%s: %s is spoken', async (offered, spoken) => {
    const double = await engineDouble({ apiVersion: offered });
    expect((await connect(double.socket)).apiVersion).toBe(spoken);
  });

  test.each([
    ['1.40', 'its API is too old: expected 1.41 (Docker 20.10) or newer, got 1.40'],
    ['0.9', 'its API is too old'],
    ['', 'expected the version'],
    ['new', 'expected the version'],
  ])('"%s" is refused', async (offered, message) => {
    const double = await engineDouble({ apiVersion: offered });
    await expect(connect(double.socket)).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringContaining(message),
    });
  });
});

describe('an Engine that fails', () => {
  test('on a question: status and its own words are reported', async () => {
    const double = await engineDouble();
    const engine = await connect(double.socket);
    double.behaviour = {
      ...double.behaviour,
      intercept: (_, response) => refuse(response, 500, 'layer does not exist'),
    };
    await expect(open(engine, 'app:1')).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringContaining('layer does not exist'),
    });
  });

  test('before an export', async () => {
    const double = await engineDouble({
      intercept: (request, response) =>
        request.url?.endsWith('/get') === true &&
        refuse(response, 500, 'write /tmp/x: no space left on device'),
    });
    double.put('app:1', config, [sampleTar('a')]);
    await expect(open(await connect(double.socket), 'app:1')).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringMatching(/cannot export the image sha256:.*no space left on device/),
      hint: expect.stringContaining('docker system prune'),
    });
  });

  test.each([
    [
      'with its words behind the bytes',
      '{"errorDetail":{"message":"unlinked layer"},"error":"unlinked layer"}\n',
      'unlinked layer',
    ],
    ['without a word', '', 'cut short'],
  ])('in the middle of an export, %s', async (_, tail, message) => {
    const double = await engineDouble({
      intercept: (request, response) => {
        if (!request.url?.endsWith('/get')) return false;
        const tar = sampleTar('cut', 20_000);
        response.end(Buffer.concat([tar.subarray(0, 5000), Buffer.from(tail)]));
        return true;
      },
    });
    double.put('app:1', config, [sampleTar('a')]);
    await expect(open(await connect(double.socket), 'app:1')).rejects.toThrow(message);
  });

  test('by breaking the connection in an export', async () => {
    const double = await engineDouble({
      intercept: (request, response) => {
        if (!request.url?.endsWith('/get')) return false;
        response.write(sampleTar('cut'));
        setTimeout(() => response.destroy(), 50);
        return true;
      },
    });
    double.put('app:1', config, [sampleTar('a')]);
    await expect(open(await connect(double.socket), 'app:1')).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringContaining('the connection broke'),
    });
  });

  test('a load, whole words, and no name is given', async () => {
    const double = await engineDouble({
      intercept: (request, response) => {
        if (!request.url?.endsWith('quiet=0')) return false;
        request.resume();
        const message = 'Error processing tar file(exit status 1): write /layer: no space left on device';
        response.write('{"status":"Loading layer"}\n');
        response.end(`${JSON.stringify({ errorDetail: { message }, error: message })}\n`);
        return true;
      },
    });
    const engine = await connect(double.socket);
    await expect(store(engine, 'app:1', sampleImage(['a']))).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringContaining('(exit status 1): write /layer: no space left on device'),
      hint: expect.stringContaining('docker system prune'),
    });
    expect([...double.tags]).toEqual([]);
  });

  test('by breaking the connection in a load: no name is given', async () => {
    const double = await engineDouble({
      intercept: (request) => {
        if (!request.url?.endsWith('quiet=0')) return false;
        request.once('data', () => request.destroy());
        return true;
      },
    });
    const engine = await connect(double.socket);
    const big = layerOf(sampleTar('big', 3_000_000), 'none');
    await expect(store(engine, 'app:1', imageOf([big]))).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringContaining('cannot load the image: the connection broke'),
    });
    expect([...double.tags]).toEqual([]);
  });

  test("by ending while much of a load waits to be sent: the error is the Engine's, not the archive's", async () => {
    const double = await engineDouble({
      intercept: (request) => {
        if (!request.url?.endsWith('quiet=0')) return false;
        setTimeout(() => request.socket.destroy(), 100);
        return true;
      },
    });
    const engine = await connect(double.socket);
    const layers = ['a', 'b'].map((seed) => layerOf(sampleTar(seed, 2_000_000), 'none'));
    await expect(store(engine, 'app:1', imageOf(layers))).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringContaining('cannot load the image: the connection broke'),
    });
  });

  test('a load that it says has worked: no name is given', async () => {
    const double = await engineDouble({
      intercept: (request, response) => {
        if (!request.url?.endsWith('quiet=0')) return false;
        request.resume();
        response.end('{"stream":"Loaded image ID: sha256:0"}\n');
        return true;
      },
    });
    const engine = await connect(double.socket);
    await expect(store(engine, 'app:1', sampleImage(['a']))).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringContaining('the Engine reports success, but has no image'),
    });
    expect(double.requests.filter((request) => request.endsWith('/tag'))).toEqual([]);
  });

  test('by taking the name for another image while ours is loaded', async () => {
    const double = await engineDouble();
    const engine = await connect(double.socket);
    double.behaviour = {
      ...double.behaviour,
      intercept: (request) => {
        if (request.url?.endsWith('quiet=0')) double.put('app:1', config, [sampleTar('other')]);
        return false;
      },
    };
    await expect(store(engine, 'app:1', sampleImage(['a']))).rejects.toMatchObject({ code: 'exists' });
  });
});

describe('an image that cannot be used', () => {
  test('is for another platform', async () => {
    const double = await engineDouble();
    double.put('app:1', { ...config, architecture: 'arm64' }, [sampleTar('a')]);
    await expect(open(await connect(double.socket), 'app:1')).rejects.toMatchObject({ code: 'platform' });
    expect(double.requests.some((request) => request.endsWith('/get'))).toBe(false);
  });

  test.each([
    ['no ID', {}],
    ['an ID that is no digest', { Id: 'sha256:12' }],
    ['layers that are no digests', { Id: `sha256:${'0'.repeat(64)}`, RootFS: { Layers: ['x'] } }],
    ['no object', []],
  ])('is described with %s', async (_, answer) => {
    const double = await engineDouble({
      intercept: (request, response) => {
        if (!request.url?.endsWith('app:1/json')) return false;
        response.end(JSON.stringify(answer));
        return true;
      },
    });
    await expect(open(await connect(double.socket), 'app:1')).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringContaining('unexpected response'),
    });
  });

  test('is exported with other layers than were said', async () => {
    const double = await engineDouble();
    const id = double.put('app:1', config, [sampleTar('a')]);
    double.put('other:1', config, [sampleTar('b')]);
    const other = double.images.get(double.tags.get('other:1') ?? '');
    const image = double.images.get(id);
    if (!image || !other) throw new Error('no images');
    double.images.set(id, { ...other, layers: image.layers });
    await expect(open(await connect(double.socket), 'app:1')).rejects.toMatchObject({
      code: expect.stringMatching(/image|blob/),
    });
  });
});

test('an output that is a digest is refused', async () => {
  const double = await engineDouble();
  const engine = await connect(double.socket);
  for (const name of [`sha256:${'0'.repeat(64)}`, `app@sha256:${'0'.repeat(64)}`]) {
    await expect(store(engine, name, sampleImage(['a']))).rejects.toMatchObject({ code: 'usage' });
  }
});

test('a user without permission gets the hint from a real socket', async (context) => {
  const double = await engineDouble();
  chmodSync(double.socket, 0o600);
  if (process.getuid?.() !== 0 || !process.seteuid) return context.skip('only root can become another user');
  chmodSync(join(double.socket, '..'), 0o755);
  process.seteuid(65534);
  try {
    await expect(
      connectEngine({ kind: 'unix', path: double.socket, origin: 'the test' }),
    ).rejects.toMatchObject({
      code: 'engine',
      hint: expect.stringContaining('usermod -aG docker'),
    });
  } finally {
    process.seteuid(0);
  }
});
