import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, type TestContext, test } from 'vitest';
import { type Digest, digestOf } from '../../../src/base/digest.ts';
import { imagePath } from '../../../src/base/image-path.ts';
import { assembleImage } from '../../../src/image/append.ts';
import type { Image } from '../../../src/image/image.ts';
import { mediaTypes } from '../../../src/image/media-type.ts';
import type { LayerIndex } from '../../../src/scan/layer-index.ts';
import { openEngineWriter } from '../../../src/store/engine/engine-writer.ts';
import { openImage } from '../../../src/store/open-image.ts';
import { listLayersOfExport } from '../../../src/workspace/export-listener.ts';
import type { TestEngine } from '../../support/images/engine.ts';
import { engineForTest } from '../../support/images/image-for-test.ts';
import { childProgram } from '../../support/store/child.ts';
import {
  connect,
  nameOf,
  open,
  recordStore,
  store,
  withAddedLayer,
} from '../../support/store/engine/fixture.ts';
import { layerBytes } from '../../support/store/engine/layer-bytes.ts';
import { bytesOf, imageOf, layerOf, noise, sampleImage, sampleTar } from '../../support/store/sample.ts';
import { scratchDirectory } from '../../support/store/scratch.ts';

const scratch = scratchDirectory();

/** An image with a layer for each seed, in the Engine. */
async function loadSample(engine: TestEngine, name: string, seeds: readonly string[]): Promise<Image> {
  const image = sampleImage(seeds);
  const connection = await connect(engine.socket);
  await store(connection, name, image, { force: true });
  return image;
}

describe('Docker Engine 20.10', () => {
  test('gives what docker save gives', async (context: TestContext) => {
    const engine = await engineForTest(context);
    await loadSample(engine, 'app:save', ['a', 'b', 'a']);
    const file = `${scratch}/saved.tar`;
    await engine.docker('save', '-o', file, 'app:save');
    const saved = await openImage({ kind: 'docker-archive', path: file });
    const image = await open(await connect(engine.socket), 'app:save');
    expect(image.manifest).toEqual(saved.manifest);
    expect(image.configBytes).toEqual(saved.configBytes);
    expect(await layerBytes(image)).toEqual(await layerBytes(saved));
    expect(`${image.id}\n`).toBe(await engine.docker('image', 'inspect', '--format', '{{.Id}}', 'app:save'));
    expect(image.names).toEqual(['app:save']);
    await saved.close();
  });

  test('gives the same image where its layers are only listed, and single files of it', async (context) => {
    const engine = await engineForTest(context);
    const tars = [sampleTar('a', 900_000), sampleTar('b', 500_000), sampleTar('a', 900_000)];
    const connection = await connect(engine.socket);
    await store(connection, 'app:listed', imageOf(tars.map((tar) => layerOf(tar, 'none'))), { force: true });
    const whole = await open(connection, 'app:listed');
    const indexes: LayerIndex[] = [];
    const listen = (diffIds: readonly Digest[]) =>
      listLayersOfExport(diffIds, async (index) => void indexes.push(index));
    const listed = await open(connection, 'app:listed', { listen, isListed: true });
    expect(listed.manifestBytes).toEqual(whole.manifestBytes);
    expect(new Set(indexes.map(({ diffId }) => diffId))).toEqual(new Set(tars.map((tar) => digestOf(tar))));
    const path = imagePath('/data/b');
    const files = await listed.readSingleFiles?.([path, imagePath('/data/none')]);
    expect([...(files?.keys() ?? [])]).toEqual([path]);
    expect(files?.get(path)?.equals(noise('b', 500_000))).toBe(true);
    expect(await layerBytes(listed)).toEqual(await layerBytes(whole));
    // Now that it is exported whole, its layers are at hand.
    expect(await listed.readSingleFiles?.([path])).toBeUndefined();
  });

  test('gives the same image from its record as from an export', async (context) => {
    const engine = await engineForTest(context);
    await loadSample(engine, 'app:warm', ['a', 'b']);
    const connection = await connect(engine.socket);
    const records = recordStore();
    const cold = await open(connection, 'app:warm', { records });
    const warm = await open(connection, 'app:warm', { records });
    expect(warm.manifestBytes).toEqual(cold.manifestBytes);
    expect(warm.configBytes).toEqual(cold.configBytes);
    expect(withAddedLayer(warm, 'x').configBytes).toEqual(withAddedLayer(cold, 'x').configBytes);
    expect(await layerBytes(warm)).toEqual(await layerBytes(cold));
  });

  test('finds an image by its ID and by a name without a tag', async (context) => {
    const engine = await engineForTest(context);
    const { configDescriptor } = await loadSample(engine, 'app', ['a']);
    const connection = await connect(engine.socket);
    expect((await open(connection, configDescriptor.digest)).id).toBe(configDescriptor.digest);
    expect((await open(connection, 'app')).id).toBe(configDescriptor.digest);
    expect((await open(connection, 'docker.io/library/app:latest')).id).toBe(configDescriptor.digest);
  });

  test('finds a result by its name and the digest that gsc prints, or its ID; another digest is refused', async (context) => {
    const engine = await engineForTest(context);
    await loadSample(engine, 'app:base', ['a']);
    const connection = await connect(engine.socket);
    const added = withAddedLayer(await open(connection, 'app:base'), 'x');
    // As gsc makes it: with Docker's types, as the Engine's own layers have them.
    const layers = added.layers.map((layer) => ({
      ...layer,
      descriptor: { ...layer.descriptor, mediaType: mediaTypes.dockerLayer },
    }));
    const result = assembleImage({ ...added, layers, isDocker: true });
    const { manifest } = await store(connection, 'app:result', result);
    for (const digest of [manifest.digest, result.configDescriptor.digest]) {
      expect((await open(connection, `app:result@${digest}`)).id).toBe(result.configDescriptor.digest);
    }
    const other = digestOf('other');
    await expect(open(connection, `app:result@${other}`)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(
        `no image by the digest ${other}, and the tag names another image: ${manifest.digest}`,
      ),
    });
    await expect(open(connection, `app@${other}`)).rejects.toMatchObject({ code: 'not-found' });
  });

  test('finds an image by the beginning of its ID, unless an image has that name', async (context) => {
    const engine = await engineForTest(context);
    const { configDescriptor } = await loadSample(engine, 'app:short', ['short']);
    const shortId = configDescriptor.digest.slice('sha256:'.length, 'sha256:'.length + 12);
    const connection = await connect(engine.socket);
    expect((await open(connection, shortId)).id).toBe(configDescriptor.digest);
    await expect(open(connection, `${shortId}:1`)).rejects.toMatchObject({ code: 'not-found' });
    const other = await loadSample(engine, shortId, ['other']);
    expect((await open(connection, shortId)).id).toBe(other.configDescriptor.digest);
  });

  test('takes a thin archive: the image has the digest of its config, and docker saves it with all layers', async (context) => {
    const engine = await engineForTest(context);
    await loadSample(engine, 'app:thin', ['big', 'b']);
    const connection = await connect(engine.socket);
    const base = await open(connection, 'app:thin');
    const layers = base.layers.map((layer) => ({ ...layer, open: neverOpened }));
    const image = withAddedLayer({ ...base, layers }, 'added');
    const diffIds = base.layers.map((layer) => layer.diffId);
    expect(await store(connection, 'gsc-app:thin', image, { base: diffIds })).toMatchObject({
      outcome: 'written',
    });
    expect(await idOf(engine, 'gsc-app:thin')).toBe(image.configDescriptor.digest);
    const file = `${scratch}/thin.tar`;
    await engine.docker('save', '-o', file, 'gsc-app:thin');
    expect(execFileSync('tar', ['-xOf', file, 'manifest.json'], { encoding: 'utf8' })).toContain(
      'gsc-app:thin',
    );
    const again = await openImage({ kind: 'docker-archive', path: file });
    expect(again.layers.map((layer) => layer.diffId)).toEqual(image.layers.map((layer) => layer.diffId));
    expect(await layerBytes(again)).toContainEqual(sampleTar('added'));
    await again.close();
  });

  test('takes the whole archive when the base is not where it was said to be', async (context) => {
    const engine = await engineForTest(context);
    const image = sampleImage(['gone', 'c']);
    const connection = await connect(engine.socket);
    const base = image.layers.slice(0, 1).map((layer) => layer.diffId);
    expect(await store(connection, 'app:whole', image, { base })).toMatchObject({ outcome: 'written' });
    expect(await idOf(engine, 'app:whole')).toBe(image.configDescriptor.digest);
  });

  test('takes layers that were kept while they were read', async (context) => {
    const engine = await engineForTest(context);
    const image = sampleImage(['kept', 'read later']);
    const connection = await connect(engine.socket);
    const writer = await openEngineWriter(connection, nameOf('app:kept'), { temporaryDirectory: scratch });
    const [first, second] = image.layers;
    if (!first || !second) throw new Error('no layers');
    expect(await writer.hasLayer(first)).toBe(false);
    await bytesOf(writer.teeLayer(first, first.open()));
    expect(await writer.hasLayer(first)).toBe(true);
    await writer.commit({ ...image, layers: [{ ...first, open: neverOpened }, second] });
    await writer.abort();
    expect(await idOf(engine, 'app:kept')).toBe(image.configDescriptor.digest);
  });

  test('is left alone by the same image, refuses another one, and replaces it when forced', async (context) => {
    const engine = await engineForTest(context);
    const connection = await connect(engine.socket);
    const [first, second] = [sampleImage(['one']), sampleImage(['two'])];
    await store(connection, 'app:force', first);
    expect(await store(connection, 'app:force', first)).toMatchObject({ outcome: 'unchanged' });
    await expect(store(connection, 'app:force', second)).rejects.toMatchObject({
      code: 'exists',
      hint: expect.stringContaining('--force'),
    });
    expect(await idOf(engine, 'app:force')).toBe(first.configDescriptor.digest);
    const images = await engine.docker('images', '--all', '--no-trunc', '--quiet');
    expect(images).not.toContain(second.configDescriptor.digest);
    expect(await store(connection, 'app:force', second, { force: true })).toMatchObject({
      outcome: 'written',
    });
    expect(await idOf(engine, 'app:force')).toBe(second.configDescriptor.digest);
  });

  test('names an image that it has already without getting it again', async (context) => {
    const engine = await engineForTest(context);
    const connection = await connect(engine.socket);
    const image = sampleImage(['named twice']);
    await store(connection, 'app:first', image);
    const layers = image.layers.map((layer) => ({ ...layer, open: neverOpened }));
    expect(await store(connection, 'app:second', { ...image, layers })).toMatchObject({ outcome: 'written' });
    expect(await idOf(engine, 'app:second')).toBe(image.configDescriptor.digest);
  });

  test('has no name and no image of a load whose source breaks', async (context) => {
    const engine = await engineForTest(context);
    const connection = await connect(engine.socket);
    const layer = layerOf(sampleTar('broken', 500_000), 'none');
    const image = imageOf([{ ...layer, open: () => brokenAfter(layer.open()) }]);
    await expect(store(connection, 'app:broken', image)).rejects.toThrow('the source broke');
    await expect(open(connection, 'app:broken')).rejects.toMatchObject({ code: 'not-found' });
    await expect(open(connection, image.configDescriptor.digest)).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  test('has no name of a load that was aborted', async (context) => {
    const engine = await engineForTest(context);
    const controller = new AbortController();
    const { signal } = controller;
    const connection = await connect(engine.socket, { signal });
    const layer = layerOf(sampleTar('aborted', 500_000), 'none');
    const abort = () => controller.abort();
    const image = imageOf([{ ...layer, open: () => callingAfter(layer.open(), abort) }]);
    await expect(store(connection, 'app:aborted', image, { signal })).rejects.toMatchObject({
      code: 'aborted',
    });
    const other = await connect(engine.socket);
    await expect(open(other, 'app:aborted')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('has no name of a load whose process was killed', async (context) => {
    const engine = await engineForTest(context);
    const start = await childProgram(scratch, slowLoad);
    const { child, done } = start(engine.socket, 'app:killed');
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await done;
    const connection = await connect(engine.socket);
    await expect(open(connection, 'app:killed')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('says what is wrong with an archive in its own words', async (context) => {
    const engine = await engineForTest(context);
    const connection = await connect(engine.socket);
    const notTar = noise('no tar', 3000);
    const image = imageOf([layerOf(notTar, 'none')]);
    await expect(store(connection, 'app:bad', image)).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringMatching(/cannot load the image: .*tar/),
    });
    await expect(open(connection, 'app:bad')).rejects.toMatchObject({ code: 'not-found' });
  });

  test('proposes a name that it has for one that it has not', async (context) => {
    const engine = await engineForTest(context);
    await loadSample(engine, 'pythonic:3.12', ['a']);
    const connection = await connect(engine.socket);
    await expect(open(connection, 'pythonc:3.12')).rejects.toMatchObject({
      code: 'not-found',
      hint: 'did you mean pythonic:3.12?',
    });
    await expect(open(connection, 'nothing-like-it:7')).rejects.toMatchObject({
      hint: expect.stringContaining('docker pull nothing-like-it:7'),
    });
  });
});

const slowLoad = `
  import { connectEngine } from './src/store/engine/engine.ts';
  import { openEngineWriter } from './src/store/engine/engine-writer.ts';
  import { parseImageName } from './src/reference/image-name.ts';
  import { imageOf, unfinishedLayer } from './test/support/store/sample.ts';
  const [socket, name] = process.argv.slice(2);
  const engine = await connectEngine({ kind: 'unix', path: socket, origin: 'the test' });
  const writer = await openEngineWriter(engine, parseImageName(name));
  await writer.commit(imageOf([unfinishedLayer()]));
`;

function neverOpened(): never {
  throw new Error('a layer was read that is there already');
}

async function* brokenAfter(source: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let count = 0;
  for await (const piece of source) {
    if (count++ === 200) throw new Error('the source broke');
    yield piece;
  }
}

async function* callingAfter(source: AsyncIterable<Buffer>, call: () => void): AsyncIterable<Buffer> {
  let count = 0;
  for await (const piece of source) {
    if (count++ === 200) call();
    yield piece;
  }
}

async function idOf(engine: TestEngine, name: string): Promise<string> {
  return (await engine.docker('image', 'inspect', '--format', '{{.Id}}', name)).trim();
}
