import { assembleImage } from './append.ts';
import type { Image, Layer } from './image.ts';
import { mediaTypes } from './media-type.ts';

/** Docker's types of layers and what OCI calls the same bytes. OCI image-spec, media-types.md, "Compatibility Matrix". */
const layerTypes: Readonly<Record<string, string>> = {
  [mediaTypes.dockerLayer]: mediaTypes.ociLayer,
  [mediaTypes.dockerLayerGzip]: mediaTypes.ociLayerGzip,
};

/**
 * The image with OCI's media types in its manifest: config and layers keep their bytes, so the image ID stays. For OCI
 * layouts, in which skopeo and podman find no other images. Pure.
 */
export function withOciMediaTypes(image: Image): Image {
  if (image.manifest.mediaType !== mediaTypes.dockerManifest) return image;
  const { name, config, configBytes } = image;
  return assembleImage({ name, config, configBytes, layers: image.layers.map(renamed), isDocker: false });
}

function renamed(layer: Layer): Layer {
  const { descriptor } = layer;
  const mediaType = layerTypes[descriptor.mediaType] ?? descriptor.mediaType;
  return { ...layer, descriptor: { ...descriptor, mediaType } };
}
