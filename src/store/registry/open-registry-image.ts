import { type Digest, digestOf, hexOf } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import type { Descriptor, Platform } from '../../image/descriptor.ts';
import { type BlobSource, resolveDocument } from '../../image/resolve-image.ts';
import type { StoredImage } from '../../image/stored-image.ts';
import { collectBytes } from '../../image/verified-stream.ts';
import { type ImageName, showFullName, withDefaultTag } from '../../reference/image-name.ts';
import { maximalDocumentBytes } from '../local/file-set.ts';
import { downloadBlob } from './blob-download.ts';
import { getManifest, type StoredManifest } from './manifest-request.ts';
import { type RegistrySession, type Repository, repositoryOf } from './registry-session.ts';

/** An image in a registry. Its layers are downloaded when they are opened. */
export interface RegistryImage extends StoredImage {
  /** Where its blobs are, for mounting them into another repository of the same registry. */
  readonly repository: Repository;
}

export interface OpenRegistryImageOptions {
  /** Manifests and configs that were read before; default none. */
  readonly documents?: DocumentStore;
  /** Which level of linux/amd64 to take of an index; default the plainest. */
  readonly platform?: Platform;
}

/**
 * The image for linux/amd64 that a tag (default `latest`) or a digest names. Manifest and config are downloaded and
 * verified now; those whose digests are known are taken from `documents`, if they are there. Closing it does nothing: the
 * session holds the connections. Throws `not-found`, `registry`, `platform`, `image` or `blob`.
 */
export async function openRegistryImage(
  session: RegistrySession,
  name: ImageName,
  { documents = nowhere, platform }: OpenRegistryImageOptions = {},
): Promise<RegistryImage> {
  const full = withDefaultTag(name);
  const shown = `docker://${showFullName(full)}`;
  const place: Place = { session, repository: repositoryOf(full), name: shown, documents, platform };
  const stored = await readTop(place, full);
  const { digest, mediaType } = stored;
  const descriptor = { digest, mediaType: mediaType ?? '', sizeBytes: stored.bytes.length };
  const image = await resolveDocument(blobSource(place), descriptor, stored.bytes);
  const { repository } = place;
  return { ...image, repository, names: [showFullName(full)], warnings: [], close: async () => {} };
}

/** Where manifests and configs that were read before are kept, by their SHA-256 (64 hex digits). */
export interface DocumentStore {
  load(sha256: string): Promise<Buffer | undefined>;
  save(sha256: string, document: Buffer): Promise<void>;
}

const nowhere: DocumentStore = { load: async () => undefined, save: async () => {} };

interface Place {
  readonly session: RegistrySession;
  readonly repository: Repository;
  readonly name: string;
  readonly documents: DocumentStore;
  readonly platform: Platform | undefined;
}

function blobSource(place: Place): BlobSource {
  const { session, repository, name, platform } = place;
  return {
    name,
    platform,
    readManifest: ({ digest, ...rest }) =>
      remembered(place, digest, () => readManifest(place, { digest, ...rest })),
    readConfig: ({ digest, ...rest }) =>
      remembered(place, digest, () => readConfig(place, { digest, ...rest })),
    openLayer: async (descriptor, diffId) => ({
      descriptor,
      diffId,
      open: () => downloadBlob(session, repository, descriptor),
    }),
  };
}

/** What the reference itself names: a tag may have moved, a digest never does. */
async function readTop(place: Place, { digest, tag }: ImageName): Promise<StoredManifest> {
  const { session, repository } = place;
  if (digest === undefined) return getManifest(session, repository, tag ?? '');
  let mediaType: string | undefined;
  const bytes = await remembered(place, digest, async () => {
    const stored = await getManifest(session, repository, digest);
    mediaType = stored.mediaType;
    return stored.bytes;
  });
  return { bytes, digest, mediaType };
}

/** A document that the store has is checked against its digest. */
async function remembered(
  { documents }: Place,
  digest: Digest,
  read: () => Promise<Buffer>,
): Promise<Buffer> {
  const known = await documents.load(hexOf(digest));
  if (known !== undefined && digestOf(known) === digest) return known;
  const bytes = await read();
  await documents.save(hexOf(digest), bytes);
  return bytes;
}

async function readManifest(place: Place, { digest, sizeBytes }: Descriptor): Promise<Buffer> {
  const { bytes } = await getManifest(place.session, place.repository, digest);
  if (bytes.length === sizeBytes) return bytes;
  throw new GscError({
    code: 'blob',
    subject: `${place.name}: manifest ${digest}`,
    message: `expected ${sizeBytes} bytes, got ${bytes.length}`,
    hint: 'the index is damaged; push the image again',
  });
}

async function readConfig({ session, repository, name }: Place, descriptor: Descriptor): Promise<Buffer> {
  if (descriptor.sizeBytes <= maximalDocumentBytes) {
    return collectBytes(downloadBlob(session, repository, descriptor));
  }
  throw new GscError({
    code: 'image',
    subject: `${name}: config ${descriptor.digest}`,
    message: `expected a document of at most ${maximalDocumentBytes} bytes, got ${descriptor.sizeBytes}`,
    hint: 'this is not an image',
  });
}
