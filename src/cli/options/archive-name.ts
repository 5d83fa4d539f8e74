import type { ImageReference, OpenedImage } from '../../index.ts';
import { parseImageName } from '../../reference/image-name.ts';

/**
 * A result in a docker-archive for which the user gives no name gets the one that follows from its source's name in such
 * an archive, so that `docker load` knows it by a name. `derive` makes a result's name of a source's.
 */
export function nameInArchive(
  result: ImageReference,
  source: OpenedImage,
  derive: (source: ImageReference) => ImageReference | undefined,
): ImageReference {
  if (result.kind !== 'docker-archive' || result.name !== undefined) return result;
  const [name, ...others] = source.reference.kind === 'docker-archive' ? source.image.names : [];
  if (name === undefined || others.length > 0) return result;
  const derived = derive({ kind: 'bare', image: parseImageName(name) });
  const isNamed = derived?.kind === 'bare' && derived.image.kind === 'name';
  return isNamed ? { ...result, name: derived.image } : result;
}
