import type { ByteStream, Layer } from '../image/image.ts';
import { decompress } from '../tar/codec/decompress.ts';

/** The uncompressed tar of a layer: the one at hand, if there is one, else out of the blob. Throws what reading that throws. */
export async function* openTar(layer: Layer, subject: string): ByteStream {
  const tar = await layer.tar?.();
  if (tar === undefined) yield* decompress(layer.open(), subject);
  else yield tar;
}
