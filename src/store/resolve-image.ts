import { type Digest, isDigest } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { parseImageConfig } from '../image/config.ts';
import type { Descriptor } from '../image/descriptor.ts';
import type { Image, Layer } from '../image/image.ts';
import { type ImageIndex, type ImageManifest, parseManifest } from '../image/manifest.ts';
import { isManifestType, mediaTypes } from '../image/media-type.ts';
import { candidatesForSgx } from '../image/select-platform.ts';
import { checkLayerCount, checkPlatform } from './stored-image.ts';

/** A place that keeps manifests, configs and layers by digest. What it gives is verified by it. */
export interface BlobSource {
  /** How messages call the image. */
  readonly name: string;
  readonly readManifest: (descriptor: Descriptor) => Promise<Buffer>;
  readonly readConfig: (descriptor: Descriptor) => Promise<Buffer>;
  readonly openLayer: (descriptor: Descriptor, diffId: Digest) => Promise<Layer>;
}

/** Indexes in indexes, the outermost included; two are seen in practice. */
const maximalIndexDepth = 4;

/** Types of layers that hold a file system. OCI image-spec, media-types.md; Docker's and containerd's own. */
const layerTypePattern =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+(?:gzip|zstd|xz|bzip2))?|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.(?:gzip|zstd|xz|bzip2))?)$/;

/** The image for linux/amd64 behind a manifest or index that was read already. Throws `platform`, `image` or `blob`. */
export function resolveDocument(
  source: BlobSource,
  descriptor: Descriptor,
  bytes: Buffer,
  depth = 0,
): Promise<Image> {
  const subject = `${source.name}: manifest ${descriptor.digest}`;
  const document = parseManifest(bytes, subject, descriptor.mediaType);
  if (document.kind === 'manifest') return openManifest(source, document, descriptor, bytes);
  if (depth < maximalIndexDepth) return resolveIndex(source, document, depth);
  throw new GscError({
    code: 'image',
    subject,
    message: `expected at most ${maximalIndexDepth} indexes inside each other, got more`,
    hint: 'name the image itself by its digest',
  });
}

/**
 * The image for linux/amd64 of an index. Tries the candidates in turn: one that names no platform may turn out to be for
 * another one. Throws as {@link resolveDocument}.
 */
export async function resolveIndex(source: BlobSource, index: ImageIndex, depth = 0): Promise<Image> {
  const manifests = index.manifests.filter((entry) => !isAttestation(entry));
  let wrongPlatform: GscError | undefined;
  for (const candidate of candidatesForSgx({ ...index, manifests }, source.name)) {
    try {
      return await resolveDocument(source, candidate, await source.readManifest(candidate), depth + 1);
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

async function openManifest(
  source: BlobSource,
  manifest: ImageManifest,
  { digest, sizeBytes }: Descriptor,
  manifestBytes: Buffer,
): Promise<Image> {
  const subject = `${source.name}: manifest ${digest}`;
  checkIsImage(manifest, subject);
  const configBytes = await source.readConfig(manifest.config);
  const configSubject = `${source.name}: config ${manifest.config.digest}`;
  const config = parseImageConfig(configBytes, configSubject);
  checkPlatform(config, configSubject);
  checkLayerCount(config, manifest.layers.length, subject);
  const diffIds = (config.rootfs.diff_ids ?? []).filter((text): text is Digest => isDigest(text));
  return {
    name: source.name,
    manifest: { mediaType: manifest.mediaType, digest, sizeBytes },
    manifestBytes,
    configDescriptor: manifest.config,
    configBytes,
    config,
    layers: await Promise.all(diffIds.map((id, i) => source.openLayer(manifest.layers[i] as Descriptor, id))),
  };
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
