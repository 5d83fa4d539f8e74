import { GscError } from '../../base/error.ts';
import {
  type ImageName,
  parseImageName,
  showFullName,
  showImageName,
  withDefaultTag,
} from '../../reference/image-name.ts';
import type { ArchivedImage } from './docker-archive-image.ts';

/** The image with the name, else the only one. Throws `not-found` or `usage` with a list of what there is. */
export function chooseArchived(
  images: readonly ArchivedImage[],
  name: ImageName | undefined,
  subject: string,
): ArchivedImage {
  const found = name === undefined ? images : images.filter((image) => isNamed(image, name));
  const [first, ...others] = found;
  if (first !== undefined && others.every((other) => other.configPath === first.configPath)) return first;
  const list = images
    .map((image) => image.names.join(' = ') || `an untagged one (${image.configPath})`)
    .join(', ');
  if (first !== undefined) {
    throw new GscError({
      code: 'usage',
      subject,
      message: `expected one image, got ${found.length}: ${list}`,
      hint: 'add :NAME:TAG to say which one',
    });
  }
  throw new GscError({
    code: 'not-found',
    subject,
    message:
      name === undefined
        ? 'there is no image in it'
        : `no image named ${showImageName(name)}; there is ${list || 'nothing'}`,
    hint: images.length === 0 ? 'export the image again' : 'use one of these names',
  });
}

function isNamed(image: ArchivedImage, name: ImageName): boolean {
  const wanted = showFullName(withDefaultTag(name));
  return image.names.some((text) => fullNameOf(text) === wanted);
}

/** Docker writes familiar names, skopeo full ones. A name that is none can only be listed. */
function fullNameOf(text: string): string | undefined {
  try {
    return showFullName(withDefaultTag(parseImageName(text)));
  } catch {
    return undefined;
  }
}
