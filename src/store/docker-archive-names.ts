import type { Digest } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import {
  type ImageName,
  parseImageName,
  showFullName,
  showImageName,
  withDefaultTag,
} from '../reference/image-name.ts';
import type { ArchivedImage, WantedArchivedImage } from './docker-archive-image.ts';

/** What of an archive counts for the choice of an image. */
export interface ArchiveFacts {
  /** How messages call the archive. */
  readonly subject: string;
  readonly configDigest: (image: ArchivedImage) => Promise<Digest>;
  /** The config of a manifest in the archive; undefined if there is no such manifest. */
  readonly configOfManifest: (digest: Digest) => Promise<Digest | undefined>;
}

/** The image with the digest or the name, else the only one. Throws `not-found` or `usage` with a list of what there is. */
export async function chooseArchived(
  images: readonly ArchivedImage[],
  wanted: WantedArchivedImage,
  facts: ArchiveFacts,
): Promise<ArchivedImage> {
  const { name, digest } = wanted;
  const found =
    digest === undefined
      ? images.filter((image) => isNamed(image, name))
      : await withDigest(images, digest, facts);
  const [first, ...others] = found;
  if (first === undefined) throw noSuchImage(images, wanted, facts.subject);
  if (digest !== undefined || others.every((other) => other.configPath === first.configPath)) return first;
  const other = found.flatMap(({ names }) => names)[0];
  const { subject, configDigest } = facts;
  throw new GscError({
    code: 'usage',
    subject,
    message: `expected one image, got ${found.length}: ${listOf(images)}`,
    hint:
      name === undefined && other !== undefined
        ? `name one of them: ${subject}:${other}`
        : `name one by the digest of its config: ${subject}@${await configDigest(first)}`,
  });
}

async function withDigest(
  images: readonly ArchivedImage[],
  digest: Digest,
  { configDigest, configOfManifest }: ArchiveFacts,
): Promise<readonly ArchivedImage[]> {
  const digests = await Promise.all(images.map(configDigest));
  const config = digests.includes(digest) ? digest : await configOfManifest(digest);
  return images.filter((_, i) => digests[i] === config);
}

function noSuchImage(
  images: readonly ArchivedImage[],
  { name, digest }: WantedArchivedImage,
  subject: string,
): GscError {
  const wanted = digest === undefined ? name && `named ${showImageName(name)}` : `with the digest ${digest}`;
  return new GscError({
    code: 'not-found',
    subject,
    message:
      wanted === undefined
        ? 'there is no image in it'
        : `no image ${wanted}; there is ${listOf(images) || 'nothing'}`,
    hint: images.length === 0 ? 'export the image again' : 'use one of these names',
  });
}

function listOf(images: readonly ArchivedImage[]): string {
  return images.map((image) => image.names.join(' = ') || `an untagged one (${image.configPath})`).join(', ');
}

function isNamed(image: ArchivedImage, name: ImageName | undefined): boolean {
  if (name === undefined) return true;
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
