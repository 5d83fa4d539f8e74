import type { ImageName } from '../reference/image-name.ts';
import type { Descriptor } from './descriptor.ts';
import type { ByteStream, Image, Layer } from './image.ts';

/** What a store must know of a layer before its bytes come. */
export type LayerKey = Pick<Layer, 'descriptor' | 'diffId'>;

/** What became of an image. `manifest` is the stored one; OCI layouts have OCI's media types, docker-archives uncompressed layers. */
export interface StoreResult {
  readonly outcome: 'written' | 'unchanged';
  readonly manifest: Descriptor;
}

/**
 * Takes one image. Layers may come early, while they are read for another purpose; `commit` fetches what is still
 * missing. Until then nothing can be seen under the image's name. Call `abort` in a `finally`: after `commit` it does
 * nothing.
 */
export interface ImageWriter {
  /** True if the layer exists already, whole and verified, so that it need not be sent. */
  hasLayer(layer: LayerKey): Promise<boolean>;
  /**
   * Passes the layer's stored bytes through and keeps them on the way. Size and digest are verified; the layer is kept
   * once the consumer has read to the end, and dropped if it stops before. One layer at a time. A piece may still be on
   * its way to the disk when the consumer gets it: it must not be changed or transferred to a worker.
   */
  teeLayer(layer: LayerKey, stored: ByteStream): ByteStream;
  /**
   * Stores the image under its name. Throws `exists` if another image has that name, unless the writer was opened with
   * `force`; what was there stays as it was.
   */
  commit(image: Image): Promise<StoreResult>;
  /** Removes what was kept, unless it was committed. */
  abort(): Promise<void>;
}

export interface OpenWriterOptions {
  /** Replace another image of the same name. */
  readonly force?: boolean;
  /** Name for `docker load`, if the reference to the docker-archive gives none. */
  readonly archivedName?: ImageName;
  readonly signal?: AbortSignal;
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
