import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Image, Layer } from '../../../src/image/image.ts';
import type { OpenWriterOptions, StoreResult } from '../../../src/image/image-writer.ts';
import { parseImageName } from '../../../src/reference/image-name.ts';
import { type FileReference, openImage } from '../../../src/store/open-image.ts';
import { openWriter } from '../../../src/store/open-writer.ts';
import { childProgram } from '../../support/store/child.ts';
import {
  bytesOf,
  diffIdsOf,
  imageOf,
  inPieces,
  layerOf,
  noise,
  run,
  sampleImage,
  sampleTar,
} from '../../support/store/sample.ts';
import { scratchDirectory } from '../../support/store/scratch.ts';
import { testWithTool } from '../../support/tool.ts';

const scratch = scratchDirectory();
let directory = '';
let path = '';

beforeEach(async () => {
  directory = await mkdtemp(join(scratch, 'archive-'));
  path = join(directory, 'image.tar');
});

const seeds = ['a', 'b', 'c'];
const image = sampleImage(seeds);
const other = sampleImage(['a', 'd']);

type Kind = 'oci-archive' | 'docker-archive';
const kinds = ['oci-archive', 'docker-archive'] as const;

function referenceOf(kind: Kind, name?: string): FileReference {
  if (name === undefined) return { kind, path };
  return kind === 'oci-archive' ? { kind, path, tag: name } : { kind, path, name: parseImageName(name) };
}

async function write(
  kind: Kind,
  what: Image = image,
  options: OpenWriterOptions & { name?: string } = {},
): Promise<StoreResult> {
  const writer = await openWriter(referenceOf(kind, options.name), options);
  try {
    return await writer.commit(what);
  } finally {
    await writer.abort();
  }
}

async function read(reference: FileReference) {
  const opened = await openImage(reference);
  const layers: Buffer[] = [];
  for (const layer of opened.layers) layers.push(await bytesOf(layer.open()));
  await opened.close();
  return { opened, layers };
}

describe.each(kinds)('a file of kind %s', (kind) => {
  test('holds the image, and nothing is left beside it', async () => {
    const { outcome, manifest } = await write(kind);
    expect(outcome).toBe('written');
    expect(readdirSync(directory)).toEqual(['image.tar']);
    const { opened } = await read(referenceOf(kind));
    expect(opened.configBytes).toEqual(image.configBytes);
    expect(diffIdsOf(opened)).toEqual(diffIdsOf(image));
    if (kind === 'oci-archive') expect(manifest).toEqual(image.manifest);
    expect((await read({ kind: 'oci-archive', path })).opened.manifest).toEqual(manifest);
  });

  test('has the same bytes whenever, wherever and in whatever order the layers come', async () => {
    await write(kind);
    const expected = readFileSync(path);
    for (const order of [[0, 1, 2], [0], [2, 0, 1], [1]]) {
      path = join(directory, `${order.join('')}.tar`);
      const writer = await openWriter(referenceOf(kind));
      for (const i of order) {
        const layer = image.layers[i] as Layer;
        expect(await bytesOf(writer.teeLayer(layer, layer.open()))).toEqual(await bytesOf(layer.open()));
      }
      await writer.commit(image);
      await writer.abort();
      expect(readFileSync(path).equals(expected)).toBe(true);
    }
    await sleep(10);
    expect(await write(kind)).toMatchObject({ outcome: 'unchanged' });
  });

  test('layers that were passed through and are not part of the image are left out', async () => {
    await write(kind);
    const expected = readFileSync(path);
    path = join(directory, 'second.tar');
    const writer = await openWriter(referenceOf(kind));
    const stray = other.layers[1] as Layer;
    await bytesOf(writer.teeLayer(stray, stray.open()));
    await writer.commit(image);
    expect(readFileSync(path).equals(expected)).toBe(true);
  });

  test('a layer that appears twice is kept once', async () => {
    const [layer] = image.layers as readonly [Layer];
    const twice = imageOf([layer, layer]);
    await write(kind, twice);
    const names = run('tar', '-tf', path)
      .split('\n')
      .filter((name) => /[0-9a-f]{64}/.test(name));
    expect(names).toHaveLength(3);
    expect((await read(referenceOf(kind))).layers).toHaveLength(2);
  });

  test('an existing file with the same bytes is unchanged; another one is refused unless forced', async () => {
    await write(kind);
    const before = readFileSync(path);
    expect(await write(kind)).toMatchObject({ outcome: 'unchanged' });
    await expect(write(kind, other)).rejects.toMatchObject({
      code: 'exists',
      hint: expect.stringContaining('--force'),
    });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(await write(kind, other, { force: true })).toMatchObject({ outcome: 'written' });
    expect((await read(referenceOf(kind))).opened.configBytes).toEqual(other.configBytes);
    writeFileSync(path, before.subarray(0, -1));
    await expect(write(kind)).rejects.toMatchObject({ code: 'exists' });
    expect(readdirSync(directory)).toEqual(['image.tar']);
  });

  test('a damaged or interrupted layer is not kept, and the tar can go on', async () => {
    await write(kind);
    const expected = readFileSync(path);
    path = join(directory, 'second.tar');
    const writer = await openWriter(referenceOf(kind));
    const [layer] = image.layers as readonly [Layer];
    const whole = await bytesOf(layer.open());
    for (const bytes of [noise('x', whole.length), whole.subarray(0, 100)]) {
      await expect(bytesOf(writer.teeLayer(layer, inPieces(bytes)))).rejects.toMatchObject({
        message: expect.stringMatching(/sha256:/),
      });
    }
    for await (const _ of writer.teeLayer(layer, layer.open())) break;
    expect(await writer.hasLayer(layer)).toBe(false);
    await writer.commit(image);
    expect(readFileSync(path).equals(expected)).toBe(true);
  });

  test('stops on request and leaves nothing', async () => {
    const controller = new AbortController();
    const writer = await openWriter(referenceOf(kind), { signal: controller.signal });
    controller.abort();
    await expect(writer.commit(image)).rejects.toMatchObject({ code: 'aborted' });
    await writer.abort();
    expect(readdirSync(directory)).toEqual([]);
    await expect(openWriter(referenceOf(kind), { signal: controller.signal })).rejects.toMatchObject({
      code: 'aborted',
    });
  });

  test('cannot be written where there is a directory, a device or no parent', async () => {
    mkdirSync(path);
    await expect(openWriter(referenceOf(kind))).rejects.toMatchObject({
      code: 'unwritable',
      message: expect.stringContaining('directory'),
    });
    path = '/dev/null';
    await expect(openWriter(referenceOf(kind))).rejects.toMatchObject({ code: 'unwritable' });
    path = join(directory, 'no/image.tar');
    await expect(openWriter(referenceOf(kind))).rejects.toMatchObject({ code: 'not-found', subject: path });
  });

  test('killed in the middle leaves only a temporary file, which the next one removes', async () => {
    const start = await childProgram(
      scratch,
      `
      import { openWriter } from './src/store/open-writer.ts';
      import { imageOf, unfinishedLayer } from './test/support/store/sample.ts';
      const image = imageOf([unfinishedLayer()]);
      const writer = await openWriter({ kind: '${kind}', path: process.argv[2] });
      await writer.commit(image);
      `,
    );
    const { child, done } = start(path);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    expect((await done).output).toBe('half\n');
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(directory)).toEqual([expect.stringMatching(/^\.gsc-.*\.tmp$/)]);
    await write(kind);
    expect(readdirSync(directory)).toEqual(['image.tar']);
  });

  testWithTool('skopeo umoci tar bsdtar', 'is accepted by skopeo, umoci, GNU tar and bsdtar', async () => {
    await write(kind, image, { name: kind === 'oci-archive' ? 'v1' : 'app:1' });
    const reference = `${kind}:${path}:${kind === 'oci-archive' ? 'v1' : 'app:1'}`;
    expect(JSON.parse(run('skopeo', 'inspect', '--config', reference)).rootfs.diff_ids).toEqual(
      diffIdsOf(image),
    );
    run('skopeo', 'copy', reference, `oci:${directory}/copy:v1`);
    run('umoci', 'unpack', '--rootless', '--image', `${directory}/copy:v1`, join(directory, 'bundle'));
    for (const seed of seeds) {
      expect(readFileSync(join(directory, 'bundle/rootfs/data', seed))).toEqual(noise(seed, 3000));
    }
    expect(run('tar', '-tf', path)).toBe(run('bsdtar', '-tf', path));
  });
});

describe('a docker-archive', () => {
  function listing(): unknown {
    return JSON.parse(run('tar', '-xOf', path, 'manifest.json'));
  }

  test.each([
    ['gsc-app:1', 'gsc-app:1', 'docker.io/library/gsc-app:1', '1'],
    ['docker.io/library/app', 'app:latest', 'docker.io/library/app:latest', 'latest'],
    ['host:5000/team/app:2', 'host:5000/team/app:2', 'host:5000/team/app:2', '2'],
  ])('named %s is tagged %s, as docker save would', async (name, repoTag, full, tag) => {
    await write('docker-archive', image, { name });
    expect(listing()).toMatchObject([{ RepoTags: [repoTag] }]);
    const index = JSON.parse(run('tar', '-xOf', path, 'index.json'));
    expect(index.manifests[0].annotations).toEqual({
      'io.containerd.image.name': full,
      'org.opencontainers.image.ref.name': tag,
    });
    expect((await read(referenceOf('docker-archive', name))).opened.names).toEqual([repoTag]);
    expect((await read({ kind: 'oci-archive', path, tag: full })).opened.names).toEqual([full]);
  });

  test('without a name has none, unless the caller gives one', async () => {
    await write('docker-archive');
    expect(listing()).toMatchObject([{ RepoTags: null }]);
    await write('docker-archive', image, { archivedName: parseImageName('given'), force: true });
    expect(listing()).toMatchObject([{ RepoTags: ['given:latest'] }]);
  });

  test('holds all layers uncompressed, under their diffIds', async () => {
    await write('docker-archive');
    expect((await read(referenceOf('docker-archive'))).layers).toEqual(seeds.map((seed) => sampleTar(seed)));
    const { opened } = await read({ kind: 'oci-archive', path });
    expect(opened.layers.map((layer) => layer.descriptor.digest)).toEqual(diffIdsOf(image));
  });

  test('a layer whose content is not that of its diffId is refused', async () => {
    const good = layerOf(sampleTar('a'));
    const bad = { ...good, diffId: layerOf(sampleTar('b')).diffId };
    await expect(write('docker-archive', imageOf([bad]))).rejects.toMatchObject({
      code: 'blob',
      message: expect.stringContaining(bad.diffId),
    });
    expect(readdirSync(directory)).toEqual([]);
  });

  test('memory stays flat while a large compressed layer is written', async () => {
    const tar = Buffer.alloc(64 * 2 ** 20);
    const start = await childProgram(
      scratch,
      `
      import { createReadStream, readFileSync } from 'node:fs';
      import { openWriter } from './src/store/open-writer.ts';
      const [path, source, layer, image] = process.argv.slice(2);
      const writer = await openWriter({ kind: 'docker-archive', path });
      for await (const _ of writer.teeLayer(JSON.parse(layer), createReadStream(source, { highWaterMark: 65536 })));
      console.log(/VmHWM:\\s*(\\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
      `,
    );
    const source = join(directory, 'layer.gz');
    const large = layerOf(Buffer.concat(Array.from({ length: 8 }, () => tar)));
    writeFileSync(source, await bytesOf(large.open()));
    const { code, output } = await start(path, source, JSON.stringify(large)).done;
    expect(code, output).toBe(0);
    expect(Number(output) / 1024).toBeLessThan(256);
  });

  testWithTool(
    'skopeo',
    'made from one of skopeo is the same again when it is read and written',
    async () => {
      await write('oci-archive', image, { name: 'v1' });
      run('skopeo', 'copy', `oci-archive:${path}:v1`, `docker-archive:${directory}/skopeo.tar:app:1`);
      const opened = await openImage({ kind: 'docker-archive', path: join(directory, 'skopeo.tar') });
      path = join(directory, 'first.tar');
      await write('docker-archive', opened, { name: 'app:1' });
      await opened.close();
      const again = await openImage({ kind: 'docker-archive', path });
      path = join(directory, 'second.tar');
      await write('docker-archive', again, { name: 'app:1' });
      await again.close();
      expect(readFileSync(path).equals(readFileSync(join(directory, 'first.tar')))).toBe(true);
      expect(statSync(path).size % 512).toBe(0);
    },
  );

  test('a gzip layer with a wrong checksum inside is refused', async () => {
    const gz = gzipSync(sampleTar('a'));
    gz[gz.length - 5] = (gz[gz.length - 5] as number) ^ 1;
    const { diffId } = layerOf(sampleTar('a'));
    const broken = layerOf(gz, 'none');
    await expect(write('docker-archive', imageOf([{ ...broken, diffId }]))).rejects.toMatchObject({
      code: 'tar',
    });
  });
});
