import { onTestFinished } from 'vitest';
import type { Digest } from '../../../../src/base/digest.ts';
import { appendLayers } from '../../../../src/image/append.ts';
import type { Image } from '../../../../src/image/image.ts';
import type { StoreResult } from '../../../../src/image/image-writer.ts';
import { type ImageId, type ImageName, parseImageNameOrId } from '../../../../src/reference/image-name.ts';
import { connectEngine, type Engine } from '../../../../src/store/engine/engine.ts';
import type { EngineOptions } from '../../../../src/store/engine/engine-connection.ts';
import { type EngineWriterOptions, openEngineWriter } from '../../../../src/store/engine/engine-writer.ts';
import type { ImageRecordStore } from '../../../../src/store/engine/image-record.ts';
import {
  type EngineImage,
  type OpenEngineImageOptions,
  openEngineImage,
} from '../../../../src/store/engine/open-engine-image.ts';
import { layerOf, sampleTar } from '../sample.ts';

/** Connects for one test. */
export async function connect(socket: string, options: EngineOptions = {}): Promise<Engine> {
  const engine = await connectEngine({ kind: 'unix', path: socket, origin: 'the test' }, options);
  onTestFinished(() => engine.close());
  return engine;
}

/** Opens an image for one test. */
export async function open(
  engine: Engine,
  name: string,
  options: OpenEngineImageOptions = {},
): Promise<EngineImage> {
  const image = await openEngineImage(engine, nameOf(name), options);
  onTestFinished(() => image.close());
  return image;
}

/** ImageStore an image with its own writer. */
export async function store(
  engine: Engine,
  name: string,
  image: Image,
  options: EngineWriterOptions = {},
): Promise<StoreResult> {
  const writer = await openEngineWriter(engine, nameOf(name), options);
  try {
    return await writer.commit(image);
  } finally {
    await writer.abort();
  }
}

/** An image with one small layer on top, as gsc makes them. */
export function withAddedLayer(base: Image, seed: string): Image {
  return appendLayers(base, {
    name: 'result',
    layers: [{ layer: layerOf(sampleTar(seed), 'none'), comment: seed }],
    configure: (config) => ({ ...config, Labels: { seed } }),
    created: '2024-01-01T00:00:00Z',
  });
}

/** A store of records in memory. */
export function recordStore(): ImageRecordStore & { readonly records: Map<Digest, Buffer> } {
  const records = new Map<Digest, Buffer>();
  return {
    records,
    load: async (id) => records.get(id),
    save: async (id, record) => void records.set(id, record),
  };
}

export function nameOf(text: string): ImageName | ImageId {
  return parseImageNameOrId(text);
}
