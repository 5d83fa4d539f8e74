import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { openEngineWriter } from '../../../src/store/engine/engine-writer.ts';
import { engineDouble } from '../../support/store/engine/engine-double.ts';
import {
  connect,
  nameOf,
  open,
  recordStore,
  store,
  withAddedLayer,
} from '../../support/store/engine/fixture.ts';
import { layerBytes } from '../../support/store/engine/layer-bytes.ts';
import { hexDigest, sampleImage, sampleTar } from '../../support/store/sample.ts';
import { scratchDirectory } from '../../support/store/scratch.ts';

/** As BuildKit writes it today: no null fields, keys that gsc does not know. */
const config = {
  os: 'linux',
  architecture: 'amd64',
  created: '2025-01-01T00:00:00Z',
  config: { Env: ['A=1'], Cmd: ['/data/a'] },
  'moby.buildkit.buildinfo.v1': 'x',
};

describe('an Engine of today with its own store', () => {
  test('gives an image with its exact config, uncompressed layers and its own names', async () => {
    const double = await engineDouble();
    const id = double.put('app:1', config, [sampleTar('a'), sampleTar('b')]);
    const engine = await connect(double.socket);
    const image = await open(engine, 'app:1');
    expect(engine.apiVersion).toBe('1.51');
    expect(image).toMatchObject({ id, name: 'docker-daemon:app:1', names: ['app:1'] });
    expect([image.configDescriptor.digest, image.isManifestSynthesized]).toEqual([id, true]);
    expect(image.config['moby.buildkit.buildinfo.v1']).toBe('x');
    expect(image.layers.map(({ descriptor, diffId }) => descriptor.digest === diffId)).toEqual([true, true]);
    expect(await layerBytes(image)).toEqual([sampleTar('a'), sampleTar('b')]);
  });

  test('exports an image once, and not at all when its record is known and no layer is read', async () => {
    const double = await engineDouble();
    double.put('app:1', config, [sampleTar('a'), gzipSync(sampleTar('b'))]);
    const engine = await connect(double.socket);
    const records = recordStore();
    const cold = await open(engine, 'app:1', { records });
    await layerBytes(cold);
    await layerBytes(cold);
    expect(exportsOf(double.requests)).toBe(1);
    const warm = await open(engine, 'app:1', { records });
    expect(exportsOf(double.requests)).toBe(1);
    const { layers, ...facts } = warm;
    const { close, readSingleFiles } = cold;
    expect({ ...facts, close, readSingleFiles }).toEqual({ ...cold, layers: undefined });
    expect(layers.map(({ open: _, ...layer }) => layer)).toEqual(
      cold.layers.map(({ open: _, ...layer }) => layer),
    );
    expect(await layerBytes(warm)).toEqual(await layerBytes(cold));
    expect(exportsOf(double.requests)).toBe(2);
  });

  test.each([
    ['damaged', () => Buffer.from('{"version":1,')],
    [
      'of another version',
      (record: Buffer) => Buffer.from(record.toString().replace('"version":2', '"version":1')),
    ],
    ['with another config', (record: Buffer) => swapConfig(record)],
  ])('exports again when the record is %s', async (_, change) => {
    const double = await engineDouble();
    const id = double.put('app:1', config, [sampleTar('a')]);
    const engine = await connect(double.socket);
    const store = recordStore();
    await open(engine, 'app:1', { records: store });
    for (const [key, record] of store.records) store.records.set(key, change(record));
    const image = await open(engine, 'app:1', { records: store });
    expect(image.configDescriptor.digest).toBe(id);
    expect(exportsOf(double.requests)).toBe(2);
  });

  test('layers that wait for the commit are readable to their user alone', async () => {
    const double = await engineDouble();
    const engine = await connect(double.socket);
    const temporaryDirectory = scratchDirectory();
    const writer = await openEngineWriter(engine, nameOf('app:1'), { temporaryDirectory });
    const [layer] = sampleImage(['private']).layers;
    if (layer === undefined) throw new Error('no layer');
    for await (const _ of writer.teeLayer(layer, layer.open()));
    const [file = ''] = readdirSync(temporaryDirectory);
    expect(statSync(join(temporaryDirectory, file)).mode & 0o777).toBe(0o600);
    await writer.abort();
    expect(readdirSync(temporaryDirectory)).toEqual([]);
  });

  test('gets a thin archive for an image on a base that it has', async () => {
    const double = await engineDouble();
    double.put('app:1', config, [sampleTar('a'), sampleTar('b')]);
    const engine = await connect(double.socket);
    const image = withAddedLayer(await open(engine, 'app:1'), 'added');
    expect(await store(engine, 'gsc-app:1', image)).toMatchObject({ outcome: 'written' });
    const added = image.layers[2]?.descriptor.digest ?? '';
    expect(double.loads).toEqual([
      [
        `blobs/sha256/${added.slice(7)}`,
        `blobs/sha256/${image.configDescriptor.digest.slice(7)}`,
        'manifest.json',
      ],
    ]);
    expect(double.tags.get('gsc-app:1')).toBe(image.configDescriptor.digest);
  });

  test('gets the whole archive when it refuses a thin one', async () => {
    const double = await engineDouble({ refusesThin: true });
    double.put('app:1', config, [sampleTar('a')]);
    const engine = await connect(double.socket);
    const image = withAddedLayer(await open(engine, 'app:1'), 'added');
    await store(engine, 'gsc-app:1', image);
    expect(double.loads.map((files) => files.includes('oci-layout'))).toEqual([false, true]);
    expect(double.tags.get('gsc-app:1')).toBe(image.configDescriptor.digest);
  });

  test('gets the layers above the ones that it has, wherever the image comes from', async () => {
    const double = await engineDouble();
    double.put('base:1', config, [sampleTar('a')]);
    const engine = await connect(double.socket);
    const image = sampleImage(['a', 'b', 'c']);
    await store(engine, 'app:1', image);
    expect(double.loads[0]?.filter((name) => name.startsWith('blobs'))).toEqual(
      [...image.layers.slice(1).map((layer) => layer.descriptor.digest), image.configDescriptor.digest].map(
        (digest) => `blobs/sha256/${digest.slice(7)}`,
      ),
    );
    expect(double.tags.get('app:1')).toBe(image.configDescriptor.digest);
  });
});

describe('an Engine with the containerd store', () => {
  test('gives images by their manifests, layers compressed', async () => {
    const double = await engineDouble({ store: 'containerd' });
    const stored = gzipSync(sampleTar('a'));
    const id = double.put('app:1', config, [stored]);
    const image = await open(await connect(double.socket), 'app:1');
    expect(image.id).toBe(id);
    expect(image.configDescriptor.digest).not.toBe(id);
    expect(image.layers[0]?.descriptor.digest).toBe(`sha256:${hexDigest(stored)}`);
    expect(await layerBytes(image)).toEqual([stored]);
  });

  test('gets whole archives at once, keeps the manifest, and is unchanged by the same image', async () => {
    const double = await engineDouble({ store: 'containerd' });
    double.put('app:1', config, [gzipSync(sampleTar('a'))]);
    const engine = await connect(double.socket);
    const image = withAddedLayer(await open(engine, 'app:1'), 'added');
    expect(await store(engine, 'gsc-app:1', image)).toMatchObject({ outcome: 'written' });
    expect(double.loads).toHaveLength(1);
    expect(double.tags.get('gsc-app:1')).toBe(image.manifest.digest);
    expect(await store(engine, 'gsc-app:1', image)).toMatchObject({ outcome: 'unchanged' });
    expect(double.loads).toHaveLength(1);
  });
});

test('Podman gets whole archives, and keeps names without a host under localhost', async () => {
  const double = await engineDouble({ isPodman: true });
  double.put('localhost/app:1', config, [sampleTar('a')]);
  const engine = await connect(double.socket);
  const base = await open(engine, 'app:1');
  expect(base.name).toBe('containers-storage:app:1');
  const image = withAddedLayer(base, 'added');
  await store(engine, 'gsc-app:1', image);
  expect(double.loads.map((files) => files.includes('oci-layout'))).toEqual([true]);
  expect([...double.tags.keys()]).toEqual(['localhost/app:1', 'localhost/gsc-app:1']);
});

function exportsOf(requests: readonly string[]): number {
  return requests.filter((request) => request.endsWith('/get')).length;
}

function swapConfig(record: Buffer): Buffer {
  const parsed = JSON.parse(record.toString());
  const other = Buffer.from(parsed.config, 'base64').toString().replace('A=1', 'A=2');
  return Buffer.from(JSON.stringify({ ...parsed, config: Buffer.from(other).toString('base64') }));
}
