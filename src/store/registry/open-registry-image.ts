import { type Digest, isDigest } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import { parseImageConfig } from '../../image/config.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type { Layer } from '../../image/image.ts';
import { type ImageIndex, type ImageManifest, parseManifest } from '../../image/manifest.ts';
import { isManifestType, mediaTypes } from '../../image/media-type.ts';
import { candidatesForSgx } from '../../image/select-platform.ts';
import { collectBytes } from '../../image/verified-stream.ts';
import { type ImageName, showFullName, withDefaultTag } from '../../reference/image-name.ts';
import { maximalDocumentBytes } from '../file-set.ts';
import { checkLayerCount, checkPlatform, type StoredImage } from '../stored-image.ts';
import { downloadBlob } from './blob-download.ts';
import { getManifest, type StoredManifest } from './manifest-request.ts';
import { type RegistrySession, type Repository, repositoryOf } from './registry-session.ts';

/** An image in a registry. Its layers are downloaded when they are opened. */
export interface RegistryImage extends StoredImage {
  /** Where its blobs are, for mounting them into another repository of the same registry. */
  readonly repository: Repository;
}

/** Indexes in indexes, the outermost included; two are seen in practice. */
const maximalIndexDepth = 4;

/** Types of layers that hold a file system. OCI image-spec, media-types.md; Docker's and containerd's own. */
const layerTypePattern =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+gzip|\+zstd)?|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.gzip|\.zstd)?)$/;

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
  const image = await resolve(place, stored, 0);
  return { ...image, name: shown, names: [showFullName(full)] };
}

interface Place {
  readonly session: RegistrySession;
  readonly repository: Repository;
  readonly name: string;
}

async function resolve(place: Place, stored: StoredManifest, depth: number): Promise<RegistryImage> {
  const subject = `${place.name}: manifest ${stored.digest}`;
  const manifest = parseManifest(stored.bytes, subject, stored.mediaType);
  if (manifest.kind === 'manifest') return openManifest(place, manifest, stored);
  if (depth < maximalIndexDepth) return resolveIndex(place, manifest, depth);
  throw new GscError({
    code: 'image',
    subject,
    message: `expected at most ${maximalIndexDepth} indexes inside each other, got more`,
    hint: 'name the image itself by its digest',
  });
}

/** Tries the candidates in turn; one that names no platform may turn out to be for another one. */
async function resolveIndex(place: Place, index: ImageIndex, depth: number): Promise<RegistryImage> {
  const manifests = index.manifests.filter((entry) => !isAttestation(entry));
  let wrongPlatform: GscError | undefined;
  for (const candidate of candidatesForSgx({ ...index, manifests }, place.name)) {
    try {
      return await resolve(place, await getCandidate(place, candidate), depth + 1);
    } catch (error) {
      if (!(error instanceof GscError) || error.code !== 'platform' || candidate.platform) throw error;
      wrongPlatform = error;
    }
  }
  throw wrongPlatform;
}

/** Signed statements about images that BuildKit stores beside them. BuildKit, docs/attestations/attestation-storage.md. */
function isAttestation({ annotations, platform }: Descriptor): boolean {
  return (
    annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' ||
    (platform?.os === 'unknown' && platform.architecture === 'unknown')
  );
}

async function getCandidate(place: Place, candidate: Descriptor): Promise<StoredManifest> {
  const stored = await getManifest(place.session, place.repository, candidate.digest);
  if (stored.bytes.length !== candidate.sizeBytes) {
    throw new GscError({
      code: 'blob',
      subject: `${place.name}: manifest ${candidate.digest}`,
      message: `expected ${candidate.sizeBytes} bytes, got ${stored.bytes.length}`,
      hint: 'the index is damaged; push the image again',
    });
  }
  return { ...stored, mediaType: candidate.mediaType };
}

async function openManifest(
  place: Place,
  manifest: ImageManifest,
  stored: StoredManifest,
): Promise<RegistryImage> {
  const subject = `${place.name}: manifest ${stored.digest}`;
  checkIsImage(manifest, subject);
  const configBytes = await readConfig(place, manifest.config);
  const configSubject = `${place.name}: config ${manifest.config.digest}`;
  const config = parseImageConfig(configBytes, configSubject);
  checkPlatform(config, configSubject);
  checkLayerCount(config, manifest.layers.length, subject);
  const diffIds = (config.rootfs.diff_ids ?? []).filter((text): text is Digest => isDigest(text));
  return {
    name: place.name,
    names: [],
    repository: place.repository,
    manifest: {
      mediaType: manifest.mediaType,
      digest: stored.digest,
      sizeBytes: stored.bytes.length,
    },
    manifestBytes: stored.bytes,
    configDescriptor: manifest.config,
    configBytes,
    config,
    layers: diffIds.map((diffId, i) => layerOf(place, manifest.layers[i] as Descriptor, diffId)),
    close: async () => {},
  };
}

function layerOf({ session, repository }: Place, descriptor: Descriptor, diffId: Digest): Layer {
  return { descriptor, diffId, open: () => downloadBlob(session, repository, descriptor) };
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

function checkIsImage({ config, layers, mediaType }: ImageManifest, subject: string): void {
  const isConfig = [mediaTypes.ociConfig, mediaTypes.dockerConfig].some((type) => type === config.mediaType);
  const oddLayer = layers.find((layer) => !layerTypePattern.test(layer.mediaType))?.mediaType;
  const odd = isConfig ? oddLayer : config.mediaType;
  if (odd === undefined && isManifestType(mediaType)) return;
  const isEncrypted = odd?.endsWith('+encrypted') === true;
  throw new GscError({
    code: 'image',
    subject,
    message: isEncrypted
      ? 'the layers are encrypted'
      : `this is an artifact that is no container image: it holds ${odd ?? mediaType}`,
    hint: isEncrypted ? 'decrypt it first: skopeo copy --decryption-key' : 'name an image',
  });
}
