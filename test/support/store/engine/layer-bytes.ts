import type { Image } from '../../../../src/image/image.ts';
import { bytesOf } from '../sample.ts';

/** The stored bytes of all layers. */
export function layerBytes(image: Image): Promise<readonly Buffer[]> {
  return Promise.all(image.layers.map((layer) => bytesOf(layer.open())));
}
