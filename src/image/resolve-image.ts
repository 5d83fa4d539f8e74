import type { Digest } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { parseImageConfig } from './config.ts';
import { type Descriptor, type Platform, showPlatform } from './descriptor.ts';
import type { Image, Layer } from './image.ts';
import { type ImageManifest, parseManifest } from './manifest.ts';
import { isIndexType, isManifestType, mediaTypes } from './media-type.ts';
import { candidatesForSgx, choiceNote, wrongPlatform } from './select-platform.ts';
import { checkLayerCount, platformProblem } from './stored-image.ts';

/** A place that keeps manifests, configs and layers by digest. What it gives is verified by it. */
export interface BlobSource {
  /** How messages call the image. */
  readonly name: string;
  /** Which level of linux/amd64 is wanted of an index; see {@link candidatesForSgx}. */
  readonly platform?: Platform | undefined;
  readonly readManifest: (descriptor: Descriptor) => Promise<Buffer>;
  readonly readConfig: (descriptor: Descriptor) => Promise<Buffer>;
  readonly openLayer: (descriptor: Descriptor, diffId: Digest) => Promise<Layer>;
}

/** An image and what to report about how it was chosen. */
export interface ResolvedImage extends Image {
  readonly notes: readonly string[];
}

/** What a manifest or an index turned out to hold. */
type Outcome =
  | { readonly kind: 'image'; readonly image: ResolvedImage }
  /** Something that runs nowhere: what it says that it is. */
  | { readonly kind: 'artifact'; readonly types: readonly string[] }
  | { readonly kind: 'other-platform'; readonly error: GscError };

/** Indexes in indexes, the outermost included; two are seen in practice. */
const maximalIndexDepth = 4;

/** Types of layers that hold a file system. OCI image-spec, media-types.md; Docker's and containerd's own. */
const layerTypePattern =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+(?:gzip|zstd|xz|bzip2))?|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.(?:gzip|zstd|xz|bzip2))?)$/;

/** The image for linux/amd64 of a manifest or index that was read already. Throws `platform`, `image` or `blob`. */
export async function resolveDocument(
  source: BlobSource,
  descriptor: Descriptor,
  bytes: Buffer,
): Promise<ResolvedImage> {
  const subject = `${source.name}: manifest ${descriptor.digest}`;
  return imageIn(await readDocument(source, descriptor, { bytes, depth: 0 }), subject);
}

/** The image for linux/amd64 among the entries of an index. Throws as {@link resolveDocument}. */
export async function resolveEntries(
  source: BlobSource,
  entries: readonly Descriptor[],
): Promise<ResolvedImage> {
  return imageIn(await tryEntries(source, entries, 0), source.name);
}

/** The entries without artifacts, such as signed statements about images; none may be left. Throws `image` or `blob`. */
export async function withoutArtifacts(
  source: BlobSource,
  entries: readonly Descriptor[],
): Promise<readonly Descriptor[]> {
  const images: Descriptor[] = [];
  for (const entry of entries) {
    if (foreignType(entry) !== undefined) continue;
    const subject = `${source.name}: manifest ${entry.digest}`;
    const document = parseManifest(await source.readManifest(entry), subject, entry.mediaType);
    if (document.kind === 'index' || artifactType(document) === undefined) images.push(entry);
  }
  return images;
}

function imageIn(outcome: Outcome, subject: string): ResolvedImage {
  switch (outcome.kind) {
    case 'image':
      return outcome.image;
    case 'other-platform':
      throw outcome.error;
    case 'artifact':
      throw new GscError({
        code: 'image',
        subject,
        message: `not a container image: its type is ${[...new Set(outcome.types)].join(', ')}`,
        hint: 'name an image',
      });
  }
}

interface Document {
  readonly bytes: Buffer;
  /** How many indexes lead to it. */
  readonly depth: number;
}

async function readDocument(
  source: BlobSource,
  descriptor: Descriptor,
  { bytes, depth }: Document,
): Promise<Outcome> {
  const subject = `${source.name}: manifest ${descriptor.digest}`;
  const document = parseManifest(bytes, subject, descriptor.mediaType);
  if (document.kind === 'manifest') return openManifest(source, document, { descriptor, bytes });
  if (depth < maximalIndexDepth) return tryEntries(source, document.manifests, depth);
  throw new GscError({
    code: 'image',
    subject,
    message: `expected at most ${maximalIndexDepth} nested indexes, got more`,
    hint: 'name the image itself by its digest',
  });
}

/** Tries the candidates in turn: one that names no platform may turn out to be for another one, or an artifact. */
async function tryEntries(
  source: BlobSource,
  entries: readonly Descriptor[],
  depth: number,
): Promise<Outcome> {
  const images = entries.filter((entry) => foreignType(entry) === undefined);
  const types = entries.flatMap((entry) => foreignType(entry) ?? []);
  let other: Outcome | undefined;
  for (const candidate of candidatesForSgx(images, source.platform)) {
    const bytes = await source.readManifest(candidate);
    const outcome = await readDocument(source, candidate, { bytes, depth: depth + 1 });
    if (outcome.kind === 'image') return { ...outcome, image: withChoice(outcome.image, candidate, images) };
    if (outcome.kind === 'artifact') types.push(...outcome.types);
    else if (candidate.platform) throw outcome.error;
    else other = outcome;
  }
  const named = images.flatMap(({ platform }) => (platform ? [showPlatform(platform)] : []));
  if (other === undefined && named.length === 0 && types.length > 0) return { kind: 'artifact', types };
  return other ?? { kind: 'other-platform', error: wrongPlatform(source.name, named, source.platform) };
}

function withChoice(image: ResolvedImage, taken: Descriptor, entries: readonly Descriptor[]): ResolvedImage {
  const note = choiceNote(taken, entries);
  return note === undefined ? image : { ...image, notes: [note, ...image.notes] };
}

/** The type of an entry that is known not to be an image; undefined if it may be one. */
function foreignType({ mediaType, annotations, platform }: Descriptor): string | undefined {
  // What programs do not know they are to pass by. OCI image-spec, image-index.md, "mediaType".
  if (!isManifestType(mediaType) && !isIndexType(mediaType)) return mediaType;
  // Signed statements about images. BuildKit, docs/attestations/attestation-storage.md.
  const isAttestation =
    annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' ||
    (platform?.os === 'unknown' && platform.architecture === 'unknown');
  return isAttestation ? 'application/vnd.in-toto+json' : undefined;
}

async function openManifest(
  source: BlobSource,
  manifest: ImageManifest,
  { descriptor: { digest, sizeBytes }, bytes }: { readonly descriptor: Descriptor; readonly bytes: Buffer },
): Promise<Outcome> {
  const subject = `${source.name}: manifest ${digest}`;
  const type = artifactType(manifest);
  if (type !== undefined) return { kind: 'artifact', types: [type] };
  if (manifest.layers.some(isEncrypted)) throw encrypted(subject);
  const configBytes = await source.readConfig(manifest.config);
  const configSubject = `${source.name}: config ${manifest.config.digest}`;
  const config = parseImageConfig(configBytes, configSubject);
  const error = platformProblem(config, configSubject);
  if (error) return { kind: 'other-platform', error };
  checkLayerCount(config, manifest.layers.length, subject);
  const diffIds = config.rootfs.diff_ids ?? [];
  const layers = diffIds.map((id, i) => source.openLayer(manifest.layers[i] as Descriptor, id));
  const image: ResolvedImage = {
    name: source.name,
    manifest: { mediaType: manifest.mediaType, digest, sizeBytes },
    manifestBytes: bytes,
    configDescriptor: manifest.config,
    configBytes,
    config,
    layers: await Promise.all(layers),
    notes: [],
  };
  return { kind: 'image', image };
}

/** What a manifest holds if it is not an image: its own word, else the type of its config or of its odd layer. */
function artifactType({ artifactType: own, config, layers }: ImageManifest): string | undefined {
  const isConfig = [mediaTypes.ociConfig, mediaTypes.dockerConfig].some((type) => type === config.mediaType);
  if (!isConfig) return own ?? config.mediaType;
  return layers.find((layer) => !layerTypePattern.test(layer.mediaType) && !isEncrypted(layer))?.mediaType;
}

/** containers/ocicrypt, spec/spec.go. */
function isEncrypted({ mediaType }: Descriptor): boolean {
  return mediaType.endsWith('+encrypted');
}

function encrypted(subject: string): GscError {
  return new GscError({
    code: 'image',
    subject,
    message: 'the layers are encrypted',
    hint: 'decrypt it first: skopeo copy --decryption-key',
  });
}
