import { expect, test } from 'vitest';
import { digestOf } from '../../src/base/digest.ts';
import { appendLayers, assembleImage } from '../../src/image/append.ts';
import { parseImageConfig } from '../../src/image/config.ts';
import type { Layer } from '../../src/image/image.ts';
import { parseManifest } from '../../src/image/manifest.ts';
import { mediaTypes } from '../../src/image/media-type.ts';

function layerOf(text: string): Layer {
  const bytes = Buffer.from(text);
  return {
    descriptor: { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), sizeBytes: bytes.length },
    diffId: digestOf(bytes),
    async *open() {
      yield bytes;
    },
  };
}

function imageOf(history: object | undefined, isDocker = false) {
  const layer = layerOf('base');
  const json = {
    architecture: 'amd64',
    os: 'linux',
    config: { Env: ['A=1'], Labels: { x: 'y' } },
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
    ...(history && { history }),
  };
  const configBytes = Buffer.from(JSON.stringify(json));
  const config = parseImageConfig(configBytes, 'x');
  return assembleImage({ name: 'base', config, layers: [layer], isDocker, configBytes });
}

const append = (base: ReturnType<typeof imageOf>) =>
  appendLayers(base, {
    name: 'new',
    layers: [{ layer: layerOf('top'), comment: 'top' }],
    configure: (config) => ({ ...config, Entrypoint: ['/x'] }),
    created: '2024-01-01T00:00:00Z',
  });

test('base layers and unknown configuration stay, the new layer goes on top', () => {
  const base = imageOf([{ created_by: 'b' }]);
  const result = append(base);
  expect(result.layers.map((layer) => layer.diffId)).toEqual([digestOf('base'), digestOf('top')]);
  expect(result.config).toMatchObject({ config: { Env: ['A=1'], Labels: { x: 'y' }, Entrypoint: ['/x'] } });
  expect(result.config.history).toHaveLength(2);
});

test('manifest and config bytes say what the nouns say', () => {
  const result = append(imageOf(undefined, true));
  const manifest = parseManifest(result.manifestBytes, 'x');
  expect(manifest).toMatchObject({ kind: 'manifest', mediaType: mediaTypes.dockerManifest });
  expect(manifest).toMatchObject({ config: result.configDescriptor });
  expect(digestOf(result.configBytes)).toBe(result.configDescriptor.digest);
});

test('a history that does not cover the layers is not made worse', () => {
  expect(append(imageOf(undefined)).config.history).toBeUndefined();
});

test('appending twice gives the same bytes', () => {
  expect(append(imageOf([{}])).manifest.digest).toBe(append(imageOf([{}])).manifest.digest);
});
