import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { Console } from '../../src/cli/terminal/console.ts';
import { defaultRuntimeImage } from '../../src/config/default-runtime-image.ts';
import { mirroredName } from '../../src/provision/default-runtime.ts';
import { openRuntime } from '../../src/provision/open-runtime.ts';
import { showFullName } from '../../src/reference/image-name.ts';
import { type Runtime, runtimeDigest } from '../../src/runtime/runtime.ts';
import { openWorkspace } from '../../src/workspace/workspace.ts';
import { type TestWorld, testWorld } from '../support/cli/test-world.ts';
import { runtimeOf } from '../support/graminized/graminized.ts';
import { installation } from '../support/runtime/make-tree.ts';
import { gzipped, imageOf, type MadeEntry, tarWith } from '../support/scan/made-layers.ts';
import { startDouble, stock } from '../support/store/registry/fixture.ts';

const scratch = mkdtempSync(join(tmpdir(), 'gsc-default-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let world: TestWorld;
beforeEach(() => {
  world = testWorld({ XDG_CACHE_HOME: mkdtempSync(join(scratch, 'xdg-')) });
});

const entries = Object.entries(installation()).map(
  ([path, what]): MadeEntry => [path.slice(1), what as Buffer | string | { readonly link: string }],
);
const half = entries.length >> 1;
const image = imageOf([
  gzipped(await tarWith(entries.slice(0, half))),
  gzipped(await tarWith(entries.slice(half))),
]);
const pinned = `docker.io/gramineproject/gramine:1.9-jammy@${image.manifest.digest}`;

async function open(
  mirror: string,
  options: { defaultImage?: string; isCached?: boolean } = {},
): Promise<Runtime> {
  const reporter = new Console(world, 'normal');
  const workspace = openWorkspace({ host: world, reporter, usesCache: options.isCached ?? true });
  try {
    return await openRuntime(workspace, {
      order: { kind: 'default', mirror },
      version: undefined,
      building: {
        choices: { buildType: 'release', buildArguments: [], isFresh: false, removeStages: false },
        detect: async () => undefined,
      },
      defaultImage: options.defaultImage ?? pinned,
    });
  } finally {
    await workspace.close();
  }
}

describe('the default runtime', () => {
  test('is fetched from the mirror once, by its digest; the second time no byte moves', async () => {
    const double = await startDouble();
    await stock(double, 'hub/gramineproject/gramine', 'other', image);
    const first = await open(`${double.domain}/hub`);
    expect(runtimeDigest(first)).toBe(runtimeDigest(await runtimeOf()));
    expect(double.count('GET', /manifests\/sha256:/)).toBe(1);
    expect(double.count('GET', /manifests\/1\.9-jammy/)).toBe(0);
    double.log.length = 0;
    const second = await open(`${double.domain}/hub`);
    expect(second).toEqual(first);
    expect(double.lines).toEqual([]);
  });

  test('needs no network once it was fetched', async () => {
    const double = await startDouble();
    await stock(double, 'gramineproject/gramine', 'x', image);
    const first = await open(double.domain);
    expect(await open('127.0.0.1:1')).toEqual(first);
  });

  test('is fetched again without the cache', async () => {
    const double = await startDouble();
    await stock(double, 'gramineproject/gramine', 'x', image);
    await open(double.domain, { isCached: false });
    await open(double.domain, { isCached: false });
    expect(double.count('GET', /manifests\/sha256:/)).toBe(2);
  });

  test('is refused if the mirror has something else under its digest', async () => {
    const double = await startDouble();
    await stock(double, 'gramineproject/gramine', 'x', image);
    double.repository('gramineproject/gramine').manifests.set(image.manifest.digest, {
      type: image.manifest.mediaType,
      bytes: Buffer.concat([image.manifestBytes, Buffer.from('\n')]),
    });
    await expect(open(double.domain)).rejects.toMatchObject({ code: 'blob' });
  });
});

describe('without it, the error comes soon and says what to do', () => {
  const expected = (code: string) => ({
    code,
    subject: pinned,
    message: expect.stringMatching(/: the default runtime cannot be fetched: /),
    hint: expect.stringMatching(/--runtime .*Gramine\.Mirror/),
  });

  test('no such host, or nothing listens', async () => {
    await expect(open('registry.invalid')).rejects.toMatchObject(expected('registry'));
    await expect(open('127.0.0.1:1')).rejects.toMatchObject(expected('registry'));
  });

  test('connections that break', async () => {
    const double = await startDouble();
    double.fail('GET', /./, { kind: 'reset' }, 100);
    await expect(open(double.domain)).rejects.toMatchObject(expected('registry'));
    expect(double.lines.length).toBeLessThan(10);
  });

  // With the patience that gsc has elsewhere it would take longer than this.
  test('a host that takes no part in TLS', { timeout: 60_000 }, async () => {
    const server = createServer((socket) => socket.on('error', () => undefined));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const answer = open(`mirror.localhost:${port}`);
    await expect(answer).rejects.toMatchObject(expected('registry'));
    server.close();
  });

  test('a mirror without the image', async () => {
    const double = await startDouble();
    await expect(open(double.domain)).rejects.toMatchObject(expected('not-found'));
  });
});

describe('a mirror', () => {
  const digest = defaultRuntimeImage.slice(defaultRuntimeImage.indexOf('@'));
  test.each([
    [undefined, 'docker.io/gramineproject/gramine'],
    ['mirror.example.com', 'mirror.example.com/gramineproject/gramine'],
    ['mirror.example.com:5000/docker/hub/', 'mirror.example.com:5000/docker/hub/gramineproject/gramine'],
    ['localhost', 'localhost/gramineproject/gramine'],
  ])('%s stands for the host alone', (mirror, name) => {
    expect(showFullName(mirroredName(defaultRuntimeImage, mirror))).toBe(`${name}:1.9-jammy${digest}`);
  });

  test.each([
    'https://mirror.example.com',
    'mirror',
    '',
    '/x',
    'mirror.example.com/UPPER',
    'mirror.example.com:x',
  ])('%j is none', (mirror) => {
    expect(() => mirroredName(defaultRuntimeImage, mirror)).toThrow(
      expect.objectContaining({ code: 'usage' }),
    );
  });
});
