import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/base/digest.ts';
import { assembleImage } from '../../src/image/append.ts';
import type { Layer } from '../../src/image/image.ts';
import { mediaTypes } from '../../src/image/media-type.ts';
import { collectBytes } from '../../src/image/verified-stream.ts';
import { compressLayers } from '../../src/layer/compress-layers.ts';

function layerOf(text: string, mediaType: string): Layer {
  const bytes = Buffer.from(text.repeat(1000));
  return {
    descriptor: { mediaType, digest: digestOf(bytes), sizeBytes: bytes.length },
    diffId: digestOf(bytes),
    async *open() {
      yield bytes;
    },
  };
}

function imageOf(layers: readonly Layer[], isDocker = false) {
  const config = { rootfs: { type: 'layers' as const, diff_ids: layers.map((layer) => layer.diffId) } };
  return assembleImage({ name: 'x', config, layers, isDocker });
}

test('an added layer is compressed, its diffId and the image ID stay', async () => {
  const [base, added] = [layerOf('base', mediaTypes.ociLayer), layerOf('added', mediaTypes.ociLayer)];
  const image = imageOf([base, added]);
  const compressed = await compressLayers(image, (layer) => layer === added);
  expect(compressed.configDescriptor).toEqual(image.configDescriptor);
  expect(compressed.layers[0]).toBe(base);
  const [, layer] = compressed.layers;
  expect(layer?.descriptor.mediaType).toBe(mediaTypes.ociLayerGzip);
  expect(layer?.diffId).toBe(added.diffId);
  const stored = await collectBytes(layer?.open() ?? (async function* () {})());
  expect(digestOf(stored)).toBe(layer?.descriptor.digest);
  expect(digestOf(gunzipSync(stored))).toBe(added.diffId);
});

test('the same layers give the same manifest', async () => {
  const image = () => imageOf([layerOf('added', mediaTypes.dockerLayer)], true);
  const [one, two] = await Promise.all([
    compressLayers(image(), () => true),
    compressLayers(image(), () => true),
  ]);
  expect(one.manifest.digest).toBe(two.manifest.digest);
  expect(one.layers[0]?.descriptor.mediaType).toBe(mediaTypes.dockerLayerGzip);
});

test('layers that are compressed already pass as they are', async () => {
  const image = imageOf([layerOf('x', mediaTypes.ociLayerZstd)]);
  expect(await compressLayers(image, () => true)).toBe(image);
});
