import { digestOf } from '../base/digest.ts';
import { assembleImage } from '../image/append.ts';
import type { Image, Layer } from '../image/image.ts';
import { mediaTypes } from '../image/media-type.ts';
import { collectBytes } from '../image/verified-stream.ts';
import { gzipReproducibly } from '../tar/codec/gzip-reproducibly.ts';

/** Types of layers that are stored as they are, and what they become. */
const compressedTypes: Readonly<Record<string, string>> = {
  [mediaTypes.ociLayer]: mediaTypes.ociLayerGzip,
  [mediaTypes.dockerLayer]: mediaTypes.dockerLayerGzip,
};

/**
 * The image with some of its uncompressed layers compressed, for a registry: the same config, so the same image ID, and
 * the same bytes on every machine. For the small layers that gsc adds; those of the app image pass as they are.
 */
export async function compressLayers(image: Image, isAdded: (layer: Layer) => boolean): Promise<Image> {
  const layers = await Promise.all(image.layers.map((layer) => (isAdded(layer) ? compress(layer) : layer)));
  if (layers.every((layer, index) => layer === image.layers[index])) return image;
  return assembleImage({
    name: image.name,
    config: image.config,
    configBytes: image.configBytes,
    layers,
    isDocker: image.manifest.mediaType === mediaTypes.dockerManifest,
  });
}

async function compress(layer: Layer): Promise<Layer> {
  const mediaType = compressedTypes[layer.descriptor.mediaType];
  if (mediaType === undefined) return layer;
  const bytes = gzipReproducibly(await collectBytes(layer.open()));
  return {
    diffId: layer.diffId,
    descriptor: { mediaType, digest: digestOf(bytes), sizeBytes: bytes.length },
    async *open() {
      yield bytes;
    },
  };
}
