import type { Digest } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import {
  fullNameIn,
  type ImageName,
  showFullName,
  showImageName,
  withDefaultTag,
} from '../../reference/image-name.ts';

/** One image of the file's `manifest.json`. Docker Image Specification v1.2, "Combined Image JSON + Filesystem". */
export interface ArchivedImage {
  readonly configPath: string;
  readonly names: readonly string[];
  readonly layerPaths: readonly string[];
}

/** Which image of an archive is meant. */
export interface WantedArchivedImage {
  readonly name?: ImageName | undefined;
  readonly digest?: Digest | undefined;
}

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
  const named = digest === undefined ? images.filter((image) => isNamed(image, name)) : [];
  if (named.length === 1) return named[0] as ArchivedImage;
  const listed = await Promise.all(
    (named.length > 0 ? named : images).map(async (image) => ({
      ...image,
      digest: await facts.configDigest(image),
    })),
  );
  const config = digest && (await configNamedBy(digest, listed, facts));
  const found = named.length > 0 ? listed : listed.filter((image) => image.digest === config);
  const [first, ...others] = found;
  if (first === undefined) throw noSuchImage(listed, wanted, facts.subject);
  if (others.every((other) => other.digest === first.digest)) return first;
  throw severalImages(found, facts.subject);
}

interface ListedImage extends ArchivedImage {
  /** That of its config. */
  readonly digest: Digest;
}

/** The digest is that of a config, or of a manifest or index that the archive holds too. */
async function configNamedBy(
  digest: Digest,
  images: readonly ListedImage[],
  { configOfManifest }: ArchiveFacts,
): Promise<Digest | undefined> {
  return images.some((image) => image.digest === digest) ? digest : configOfManifest(digest);
}

function severalImages(found: readonly ListedImage[], subject: string): GscError {
  const names = found.flatMap((image) => image.names);
  const name = names.find((each) => names.indexOf(each) === names.lastIndexOf(each));
  return new GscError({
    code: 'usage',
    subject,
    message: `expected one image, got ${found.length}: ${listOf(found)}`,
    hint: `name one of them, by its name or its digest: ${subject}${name === undefined ? `@${found[0]?.digest}` : `:${name}`}`,
  });
}

function noSuchImage(
  images: readonly ListedImage[],
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
    hint: images.length === 0 ? 'export the image again' : 'use one of these names or digests',
  });
}

function listOf(images: readonly ListedImage[]): string {
  return images
    .map(
      ({ names, configPath, digest }) =>
        `${names.join(' = ') || `an untagged one (${configPath})`} (${digest})`,
    )
    .join(', ');
}

function isNamed(image: ArchivedImage, name: ImageName | undefined): boolean {
  if (name === undefined) return true;
  const wanted = showFullName(withDefaultTag(name));
  // Docker writes familiar names, skopeo full ones.
  return image.names.some((text) => fullNameIn(text) === wanted);
}
