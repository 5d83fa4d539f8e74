import type { Digest } from '../base/digest.ts';
import type { ByteStream, Layer } from '../image/image.ts';
import { stateOf } from '../image/labels.ts';
import type { StoredImage } from '../image/stored-image.ts';

/** Keeps the tars of layers that gsc has added to images, by diffId. */
export interface LayerStore {
  /** The whole tar, as its diffId names it; undefined if it is not kept. */
  load(diffId: Digest): Promise<Buffer | undefined>;
  /** Keeps a layer, unless it is kept already or too large. */
  save(layer: Layer): Promise<void>;
}

/** The image, its layers read from what is kept rather than from where it is stored. Only graminized ones have such layers. */
export function withKeptLayers<Stored extends StoredImage>(image: Stored, kept: LayerStore): Stored {
  if (stateOf(image.config.config?.Labels ?? {}) === 'app') return image;
  return { ...image, layers: image.layers.map((layer) => withTar(layer, kept)) };
}

function withTar(layer: Layer, kept: LayerStore): Layer {
  const tar = () => kept.load(layer.diffId);
  const isTar = layer.descriptor.digest === layer.diffId;
  return { ...layer, tar, ...(isTar && { open: () => firstOf(tar, layer) }) };
}

async function* firstOf(tar: () => Promise<Buffer | undefined>, layer: Layer): ByteStream {
  const bytes = await tar();
  if (bytes === undefined) yield* layer.open();
  else yield bytes;
}
