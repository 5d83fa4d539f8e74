import { GscError } from '../../base/error.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { collectBytes } from '../../image/verified-stream.ts';
import { type ImageName, showFullName, withDefaultTag } from '../../reference/image-name.ts';
import { maximalDocumentBytes } from '../file-set.ts';
import { type BlobSource, resolveDocument } from '../resolve-image.ts';
import type { StoredImage } from '../stored-image.ts';
import { downloadBlob } from './blob-download.ts';
import { getManifest } from './manifest-request.ts';
import { type RegistrySession, type Repository, repositoryOf } from './registry-session.ts';

/** An image in a registry. Its layers are downloaded when they are opened. */
export interface RegistryImage extends StoredImage {
  /** Where its blobs are, for mounting them into another repository of the same registry. */
  readonly repository: Repository;
}

/**
 * The image for linux/amd64 that a tag (default `latest`) or a digest names. Manifest and config are downloaded and
 * verified now. Closing it does nothing: the session holds the connections. Throws `not-found`, `registry`, `platform`,
 * `image` or `blob`.
 */
export async function openRegistryImage(session: RegistrySession, name: ImageName): Promise<RegistryImage> {
  const full = withDefaultTag(name);
  const shown = `docker://${showFullName(full)}`;
  const place: Place = { session, repository: repositoryOf(full), name: shown };
  const stored = await getManifest(session, place.repository, full.digest ?? full.tag ?? '');
  const { digest, mediaType } = stored;
  const descriptor = { digest, mediaType: mediaType ?? '', sizeBytes: stored.bytes.length };
  const image = await resolveDocument(blobSource(place), descriptor, stored.bytes);
  const { repository } = place;
  return { ...image, repository, names: [showFullName(full)], close: async () => {} };
}

interface Place {
  readonly session: RegistrySession;
  readonly repository: Repository;
  readonly name: string;
}

function blobSource({ session, repository, name }: Place): BlobSource {
  return {
    name,
    readManifest: (descriptor) => readManifest({ session, repository, name }, descriptor),
    readConfig: (descriptor) => readConfig({ session, repository, name }, descriptor),
    openLayer: async (descriptor, diffId) => ({
      descriptor,
      diffId,
      open: () => downloadBlob(session, repository, descriptor),
    }),
  };
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
    hint: 'this is no image',
  });
}
