import { generateKeyPairSync } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type Digest, digestOf } from '../../src/base/digest.ts';
import { assembleArtifact } from '../../src/image/artifact.ts';
import type { Image } from '../../src/image/image.ts';
import { layerIndexType } from '../../src/workspace/shared-indexes.ts';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeImage, writeRuntime } from '../support/cli/made-files.ts';
import { appImage, staticProgram } from '../support/graminized/app-image.ts';
import { longTest } from '../support/long-test.ts';
import { startDouble, stock } from '../support/store/registry/fixture.ts';
import type { RegistryDouble } from '../support/store/registry/registry-double.ts';
import { noise } from '../support/store/sample.ts';

vi.setConfig({ testTimeout: 60_000 });

const gsc: GscHere = gscInProcess();
const at = (...path: readonly string[]) => join(gsc.directory, ...path);
let app: Image;
let machines = 0;

/** An environment with nothing in it: a machine that has never run gsc. */
function newMachine(): Readonly<Record<string, string>> {
  machines += 1;
  return { XDG_CACHE_HOME: at(`machine-${machines}`) };
}

beforeAll(async () => {
  writeRuntime(at('runtime'));
  app = await appImage(
    [[staticProgram(), ['data/a', noise('a', 3_000_000)]], [['data/b', noise('b', 3_000_000)]]],
    { Cmd: ['/app'] },
  );
  await writeImage(at('app'), app);
  for (const name of ['key', 'other']) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    writeFileSync(at(`${name}.pem`), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(at(`${name}.pub`), publicKey.export({ type: 'spki', format: 'pem' }));
  }
});

interface Build {
  readonly image?: string;
  readonly output?: string;
  readonly env?: Readonly<Record<string, string>>;
}

async function build(
  words: readonly string[],
  { image = 'oci:app:latest', output = 'oci:out:1', env = newMachine() }: Build = {},
) {
  const call = ['build', '--json', '--force', '--runtime', 'runtime', '-o', output, ...words, image];
  const { code, stdout, stderr } = await gsc(call, { env });
  expect(code, stderr).toBe(0);
  return { ...JSON.parse(stdout), stderr } as {
    readonly digest: string;
    readonly shared_cache?: { readonly used: number; readonly stored: number };
    readonly stderr: string;
  };
}

const to = (place: string) => ['--cache-to', place, '--cache-key', 'key.pem'];
const from = (place: string, key = 'key.pub') => ['--cache-from', place, '--cache-key', key];

/** A double with the app image, and a cache that one build has filled. */
async function filledDouble(): Promise<{
  double: RegistryDouble;
  image: string;
  cache: string;
  digest: string;
}> {
  const double = await startDouble();
  await stock(double, 'app', '1', app);
  const [image, cache] = [`docker://${double.domain}/app:1`, `docker://${double.domain}/cache`];
  const { digest, shared_cache } = await build(to(cache), { image });
  // Two layers, each with its index and with what is in its compressed blob.
  expect(shared_cache).toEqual({ used: 0, stored: 4 });
  return { double, image, cache, digest };
}

/** Every byte of every answer and of every request's body. */
function movedBytes({ log }: RegistryDouble): number {
  return log.reduce((sum, { bodyBytes, sentBytes }) => sum + bodyBytes + sentBytes, 0);
}

/** The manifest of an index in the double's cache, by the layer's diffId. */
function indexOf(double: RegistryDouble, diffId: Digest) {
  const hex = diffId.slice('sha256:'.length);
  const [tag = ''] = [...double.repository('cache').manifests.keys()].filter(
    (name) => name.startsWith('layer-index-') && name.endsWith(hex),
  );
  const { bytes } = double.repository('cache').manifests.get(tag) as { bytes: Buffer };
  const content: Digest = JSON.parse(bytes.toString()).layers[0].digest;
  return { tag, bytes, content };
}

const diffIdOf = (layer: number) => app.layers[layer]?.diffId as Digest;

describe('a machine that has nothing', () => {
  longTest('moves under 2 % of the image from a registry, and makes the same', async () => {
    const { double, image, cache } = await filledDouble();
    const result = (await build([], { image, output: `docker://${double.domain}/result:1` })).digest;
    double.log.length = 0;
    const output = `docker://${double.domain}/other:1`;
    const warm = await build(from(`${double.domain}/cache`), { image, output });
    expect(warm).toMatchObject({ digest: result, shared_cache: { used: 2, stored: 0 } });
    const imageBytes = app.layers.reduce((sum, { descriptor }) => sum + descriptor.sizeBytes, 0);
    const added = double.log.filter(({ method, url }) => method !== 'GET' && url.includes('/other/'));
    const addedBytes = added.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
    expect(movedBytes(double) - addedBytes).toBeLessThan(imageBytes * 0.02);
    for (const { descriptor } of app.layers)
      expect(double.count('GET', new RegExp(`/blobs/${descriptor.digest}`))).toBe(0);
    expect(cache).toContain('/cache');
  });

  test('reads no layer for its index where a layout is the cache', async () => {
    const filled = await build(to('oci:cache'));
    const index = JSON.parse(readFileSync(at('cache/index.json'), 'utf8'));
    expect(index.manifests).toHaveLength(4);
    const warm = await build(from('oci:cache'));
    expect(warm).toMatchObject({ digest: filled.digest, shared_cache: { used: 2, stored: 0 } });
    expect(warm.stderr).not.toContain('warning: shared cache');
  });

  test('keeps what it got: without --cache-from the next build knows it', async () => {
    const { double, image, cache, digest } = await filledDouble();
    const env = newMachine();
    await build(from(cache), { image, env });
    double.log.length = 0;
    // Another name, so that the result itself is not known.
    const next = await build([], { image, env, output: 'oci:out-next:1' });
    expect(next.digest).toBe(digest);
  });
});

describe('a machine that knows the layers', () => {
  test('stores them, also when it has made the very build before', async () => {
    const env = newMachine();
    await build([], { env });
    expect(await build(to('oci:cache-late'), { env })).toMatchObject({
      shared_cache: { used: 0, stored: 4 },
    });
    expect(await build(to('oci:cache-late'), { env })).toMatchObject({
      shared_cache: { used: 0, stored: 0 },
    });
  });

  test('and has no cache of its own stores what it has read', async () => {
    const words = ['--no-cache', ...to('oci:cache-none')];
    expect(await build(words)).toMatchObject({ shared_cache: { used: 0, stored: 4 } });
  });
});

describe('two machines at once', () => {
  test('store the same, and what is there is whole', async () => {
    const double = await startDouble();
    await stock(double, 'app', '1', app);
    const image = `docker://${double.domain}/app:1`;
    const cache = `docker://${double.domain}/cache`;
    await Promise.all([1, 2].map((n) => build(to(cache), { image, output: `oci:both-${n}:1` })));
    await Promise.all([1, 2].map((n) => build(to('oci:cache-both'), { output: `oci:both-${n}:2` })));
    for (const place of [cache, 'oci:cache-both']) {
      const { shared_cache, stderr } = await build(from(place), { image });
      expect(shared_cache).toEqual({ used: 2, stored: 0 });
      expect(stderr).not.toContain('warning: shared cache');
    }
  });
});

describe('an index that is not what it should be is not used', () => {
  /** The image is the right one, and a message says what was wrong. */
  async function expectReadInstead(
    { image, cache, digest }: Awaited<ReturnType<typeof filledDouble>>,
    used: number,
    message: RegExp,
    key = 'key.pub',
  ): Promise<void> {
    const result = await build(from(cache, key), { image });
    expect(result.digest).toBe(digest);
    expect(result.shared_cache?.used).toBe(used);
    expect(result.stderr).toMatch(message);
    expect(result.stderr.match(/warning: shared cache/g)).toHaveLength(1);
  }

  test('signed with another key', async () => {
    const filled = await filledDouble();
    await expectReadInstead(filled, 0, /changed, or signed with another key/, 'other.pub');
  });

  test("the attacker's own content, with the old signature", async () => {
    const filled = await filledDouble();
    const { tag, bytes, content } = indexOf(filled.double, diffIdOf(0));
    const { annotations } = JSON.parse(bytes.toString());
    const evil = Buffer.from(filled.double.repository('cache').blobs.get(content) ?? '');
    evil.writeUInt8(evil.readUInt8(20) ^ 1, 20);
    const artifact = assembleArtifact({ artifactType: layerIndexType, annotations, content: evil });
    filled.double.addBlob('cache', evil);
    filled.double.addManifest('cache', tag, artifact.manifest.mediaType, artifact.manifestBytes);
    await expectReadInstead(filled, 1, /changed, or signed with another key/);
  });

  test('without a signature', async () => {
    const filled = await filledDouble();
    const { tag, content } = indexOf(filled.double, diffIdOf(0));
    const bytes = filled.double.repository('cache').blobs.get(content) ?? Buffer.alloc(0);
    const artifact = assembleArtifact({ artifactType: layerIndexType, annotations: {}, content: bytes });
    filled.double.addManifest('cache', tag, artifact.manifest.mediaType, artifact.manifestBytes);
    await expectReadInstead(filled, 1, /changed, or signed with another key/);
  });

  test("another layer's, moved to this tag with its signature", async () => {
    const filled = await filledDouble();
    const other = indexOf(filled.double, diffIdOf(1));
    filled.double.addManifest(
      'cache',
      indexOf(filled.double, diffIdOf(0)).tag,
      'application/vnd.oci.image.manifest.v1+json',
      other.bytes,
    );
    await expectReadInstead(filled, 1, /changed, or signed with another key/);
  });

  test('with a byte flipped on its way', async () => {
    const filled = await filledDouble();
    const { content } = indexOf(filled.double, diffIdOf(0));
    filled.double.fail('GET', new RegExp(content), { kind: 'flip' }, 9);
    await expectReadInstead(filled, 1, /different digest/);
  });

  test('an image, or an index of images', async () => {
    for (const [type, bytes] of [
      [app.manifest.mediaType, app.manifestBytes],
      ['application/vnd.oci.image.index.v1+json', Buffer.from('{"schemaVersion":2,"manifests":[]}')],
      [app.manifest.mediaType, Buffer.from('{}')],
    ] as const) {
      const filled = await filledDouble();
      filled.double.addManifest('cache', indexOf(filled.double, diffIdOf(0)).tag, type, bytes);
      await expectReadInstead(filled, 1, /gsc does without it/);
    }
  });

  test('a blob that does not hold the tar that the image claims is read, and refused', async () => {
    const { double, cache } = await filledDouble();
    const [first, second] = app.layers;
    if (!first || !second) throw new Error('two layers');
    // The config names known diffIds; the blobs are the wrong way round.
    const lying = { ...app, layers: [second, first] };
    const manifest = JSON.parse(app.manifestBytes.toString());
    manifest.layers.reverse();
    const bytes = Buffer.from(JSON.stringify(manifest));
    await stock(double, 'lying', '1', lying);
    double.addManifest('lying', '1', app.manifest.mediaType, bytes);
    const call = ['build', '--runtime', 'runtime', '-o', 'oci:lying:1', ...from(cache)];
    const { code, stderr } = await gsc([...call, `docker://${double.domain}/lying:1`], { env: newMachine() });
    expect(code).toBe(1);
    expect(stderr).toMatch(/the uncompressed layer has a different digest/);
  });

  test('and is replaced by the next machine that may write', async () => {
    const filled = await filledDouble();
    const { tag } = indexOf(filled.double, diffIdOf(0));
    filled.double.addManifest('cache', tag, app.manifest.mediaType, app.manifestBytes);
    const { cache, image } = filled;
    const mended = await build([...to(cache), '--cache-from', cache], { image });
    expect(mended.shared_cache).toEqual({ used: 1, stored: 1 });
    expect((await build(from(cache), { image })).shared_cache).toEqual({ used: 2, stored: 0 });
  });

  test('damage in a layout', async () => {
    await build(to('oci:cache-damaged'));
    const blobs = at('cache-damaged/blobs/sha256');
    for (const name of readdirSync(blobs)) writeFileSync(join(blobs, name), 'x');
    const { digest, shared_cache, stderr } = await build(from('oci:cache-damaged'));
    expect([digest, shared_cache?.used]).toEqual([(await build([])).digest, 0]);
    expect(stderr).toMatch(/warning: shared cache: .*; gsc does without it/);
  });
});

describe('a cache that cannot be reached', () => {
  test('is one warning, and never fails a build', async () => {
    const double = await startDouble();
    double.fail('GET', /cache/, { kind: 'answer', status: 403 }, 99);
    double.fail('POST', /cache/, { kind: 'answer', status: 403 }, 99);
    const cache = `docker://${double.domain}/cache`;
    const { shared_cache, stderr } = await build([...to(cache), '--cache-from', cache]);
    expect(shared_cache).toEqual({ used: 0, stored: 0 });
    expect(stderr.match(/warning: shared cache/g)).toHaveLength(1);
    expect(stderr).toContain('403');
  });

  test('or is empty is no warning', async () => {
    const double = await startDouble();
    const { stderr } = await build(from(`docker://${double.domain}/cache`));
    expect(stderr).not.toContain('warning: shared cache');
    expect((await build(from('oci:never-made'))).stderr).not.toContain('warning: shared cache');
  });

  test('because another thing is there is a warning', async () => {
    mkdirSync(at('full'));
    cpSync(at('key.pub'), at('full/file'));
    expect((await build(to('oci:full'))).stderr).toMatch(
      /warning: shared cache: full: expected an OCI layout/,
    );
  });
});

describe('options that cannot work are refused', () => {
  test.each([
    [['--cache-from', 'oci:c'], /^gsc: --cache-from: there is no --cache-key/],
    [['--cache-to', 'oci:c'], /^gsc: --cache-to: there is no --cache-key/],
    [['--cache-key', 'key.pem'], /^gsc: --cache-key: there is neither/],
    [['--no-cache', ...from('oci:c')], /^gsc: --cache-from: it does nothing with --no-cache/],
    [['--cache-to', 'oci:c', '--cache-key', 'key.pub'], /^gsc: key.pub: expected a private key/],
    [from('oci:c', 'missing.pem'), /^gsc: .*missing.pem: /],
    [from('oci:c:tag'), /^gsc: oci:c:tag: expected a repository or a layout, got one with a tag/],
    [from('docker://localhost:1/c:tag'), /got one with a tag/],
    [from(`docker://localhost:1/c@${digestOf('x')}`), /got one with a digest/],
    [from('docker-daemon:c'), /expected a registry or an OCI layout/],
    [from('docker-archive:c.tar'), /expected a registry or an OCI layout/],
    [from('oci-archive:c.tar'), /expected a registry or an OCI layout/],
  ])('%j', async (words, message) => {
    const call = ['build', '--runtime', 'runtime', '-o', 'oci:refused:1', ...words, 'oci:app:latest'];
    const { code, stderr } = await gsc(call, { env: newMachine() });
    expect(stderr).toMatch(message);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(/\nhint: /);
  });
});
