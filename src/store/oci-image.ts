import { z } from 'zod/mini';
import { type Digest, isDigest } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { parseImageConfig } from '../image/config.ts';
import type { Descriptor } from '../image/descriptor.ts';
import type { Image } from '../image/image.ts';
import { parseJson } from '../image/json.ts';
import { type ImageIndex, type ImageManifest, parseManifest } from '../image/manifest.ts';
import { mediaTypes } from '../image/media-type.ts';
import { candidatesForSgx } from '../image/select-platform.ts';
import { type FileSet, readDocument } from './file-set.ts';
import { openLayer, readBlob } from './oci-blobs.ts';
import { chooseEntries, namesOf } from './oci-tags.ts';
import { checkLayerCount, checkPlatform } from './stored-image.ts';

const layoutSchema = z.looseObject({ imageLayoutVersion: z.string() });

/** Types of layers that hold a file system. OCI image-spec, media-types.md; Docker's and containerd's own. */
const layerTypePattern =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+gzip|\+zstd)?|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.gzip|\.zstd)?)$/;

/**
 * The image for linux/amd64 in an OCI layout: the one with the tag, or the only one. Throws `archive` if this is no
 * layout, `not-found` if there is no such image, `usage` if there are several, `platform`, `blob` or `image` otherwise.
 */
export async function openOciImage(
  files: FileSet,
  tag: string | undefined,
): Promise<Image & { readonly names: readonly string[] }> {
  await checkLayoutVersion(files);
  const index = await readIndex(files);
  const entries = chooseEntries(index, tag, files.name);
  const image = await resolveIndex(files, { ...index, manifests: entries }, tag);
  return { ...image, names: namesOf(entries) };
}

async function readIndex(files: FileSet): Promise<ImageIndex> {
  const bytes = await readDocument(files, 'index.json');
  if (bytes === undefined) {
    throw new GscError({
      code: 'archive',
      subject: files.name,
      message: 'not an OCI layout: there is no index.json',
      hint: 'for a file of docker save say docker-archive:FILE; for a layout name its own directory',
    });
  }
  const index = parseManifest(bytes, `${files.name}: index.json`, mediaTypes.ociIndex);
  if (index.kind === 'index') return index;
  throw new GscError({
    code: 'image',
    subject: `${files.name}: index.json`,
    message: 'expected an image index, got a manifest',
    hint: 'export the image again',
  });
}

async function checkLayoutVersion(files: FileSet): Promise<void> {
  const bytes = await readDocument(files, 'oci-layout');
  if (bytes === undefined) return;
  const subject = `${files.name}: oci-layout`;
  const parsed = layoutSchema.safeParse(parseJson(bytes, subject, 'layout version'));
  if (parsed.success && /^1\./.test(parsed.data.imageLayoutVersion)) return;
  throw new GscError({
    code: 'archive',
    subject,
    message: `expected the layout version 1.0.0, got ${parsed.success ? parsed.data.imageLayoutVersion : 'none'}`,
    hint: 'export the image again with a current docker, podman or skopeo',
  });
}

/** Tries the candidates in turn; one that names no platform may turn out to be for another one. */
async function resolveIndex(files: FileSet, index: ImageIndex, tag: string | undefined): Promise<Image> {
  const subject = tag === undefined ? files.name : `${files.name}, image ${tag}`;
  const images = index.manifests.filter((entry) => !isAttestation(entry));
  let wrongPlatform: GscError | undefined;
  for (const candidate of candidatesForSgx({ ...index, manifests: images }, subject)) {
    try {
      return await openCandidate(files, candidate, tag);
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

async function openCandidate(
  files: FileSet,
  descriptor: Descriptor,
  tag: string | undefined,
): Promise<Image> {
  const bytes = await readBlob(files, descriptor);
  const subject = `${files.name}: manifest ${descriptor.digest}`;
  const manifest = parseManifest(bytes, subject, descriptor.mediaType);
  if (manifest.kind === 'index') return resolveIndex(files, manifest, tag);
  return openManifest(files, manifest, { subject, descriptor, bytes });
}

interface ManifestSource {
  readonly subject: string;
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

async function openManifest(files: FileSet, manifest: ImageManifest, source: ManifestSource): Promise<Image> {
  checkIsImage(manifest, source.subject);
  const configBytes = await readBlob(files, manifest.config);
  const configSubject = `${files.name}: config ${manifest.config.digest}`;
  const config = parseImageConfig(configBytes, configSubject);
  checkPlatform(config, configSubject);
  checkLayerCount(config, manifest.layers.length, source.subject);
  const diffIds = (config.rootfs.diff_ids ?? []).filter((text): text is Digest => isDigest(text));
  const layers = await Promise.all(
    diffIds.map((diffId, i) => openLayer(files, manifest.layers[i] as Descriptor, diffId)),
  );
  const { digest, sizeBytes } = source.descriptor;
  return {
    name: files.name,
    manifest: { mediaType: manifest.mediaType, digest, sizeBytes },
    manifestBytes: source.bytes,
    configDescriptor: manifest.config,
    configBytes,
    config,
    layers,
  };
}

function checkIsImage(manifest: ImageManifest, subject: string): void {
  const { config, layers } = manifest;
  const odd = [mediaTypes.ociConfig, mediaTypes.dockerConfig].some((type) => type === config.mediaType)
    ? layers.find((layer) => !layerTypePattern.test(layer.mediaType))?.mediaType
    : config.mediaType;
  if (odd === undefined) return;
  throw new GscError({
    code: 'image',
    subject,
    message: odd.endsWith('+encrypted')
      ? 'the layers are encrypted'
      : `this is an artifact that is no container image: it holds ${odd}`,
    hint: odd.endsWith('+encrypted') ? 'decrypt it first: skopeo copy --decryption-key' : 'name an image',
  });
}
