import { GscError } from '../base/error.ts';
import type { Image } from '../image/image.ts';
import { type ImageReference, showReference } from '../reference/image-reference.ts';
import type { ImageWriter, OpenWriterOptions } from '../store/image-writer.ts';
import { type FileReference, openImage } from '../store/open-image.ts';
import { openWriter } from '../store/open-writer.ts';
import type { StoredImage } from '../store/stored-image.ts';
import type { World } from './console.ts';

/** Opens the image that a reference names, wherever it lies. The caller closes it. */
export async function openSource(reference: ImageReference, world: World): Promise<StoredImage> {
  return openImage(fileReference(reference), { signal: world.signal });
}

/** Opens the place where a result goes. The caller commits or aborts. */
export async function openSink(reference: ImageReference, options: OpenWriterOptions): Promise<ImageWriter> {
  return openWriter(fileReference(reference), options);
}

/** Passes every layer that the writer does not have yet through it, so that reading the image stores it too. */
export async function teeLayers(image: Image, writer: ImageWriter): Promise<Image> {
  const layers = [];
  for (const layer of image.layers) {
    const isThere = await writer.hasLayer(layer);
    layers.push(isThere ? layer : { ...layer, open: () => writer.teeLayer(layer, layer.open()) });
  }
  return { ...image, layers };
}

function fileReference(reference: ImageReference): FileReference {
  switch (reference.kind) {
    case 'oci':
    case 'oci-archive':
    case 'docker-archive':
      return reference;
    case 'docker-daemon':
    case 'registry':
    case 'containers-storage':
    case 'bare':
      throw new GscError({
        code: 'usage',
        subject: showReference(reference),
        message: 'this version of gsc reads and writes images in files only',
        hint: 'use oci:DIR[:TAG], oci-archive:FILE[:TAG] or docker-archive:FILE[:REF]; skopeo copy makes one',
      });
  }
}
