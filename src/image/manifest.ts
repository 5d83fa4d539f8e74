import type { Digest } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import {
  anything,
  count,
  exactly,
  listOf,
  mapOf,
  object,
  required,
  text,
  type ValueOf,
} from '../json/shape.ts';
import { digestShape } from './config.ts';
import { type Descriptor, normalPlatform, type Platform } from './descriptor.ts';
import { readImageJson } from './image-json.ts';
import { isIndexType, isManifestType, mediaTypes } from './media-type.ts';

const platformShape = object({ os: text, architecture: text, variant: text });

const descriptorShape = object({
  mediaType: required(text),
  digest: required(digestShape),
  size: required(count),
  annotations: mapOf(text),
  urls: listOf(text),
  platform: platformShape,
});

const manifestShape = object({
  schemaVersion: required(exactly(2)),
  artifactType: text,
  config: required(descriptorShape),
  layers: required(listOf(descriptorShape)),
  annotations: mapOf(text),
});

const indexShape = object({
  schemaVersion: required(exactly(2)),
  manifests: required(listOf(descriptorShape)),
});

/** What tells the kinds of documents apart. `fsLayers` and `history` are those of schema version 1. */
const kindShape = object({
  schemaVersion: anything,
  mediaType: text,
  config: anything,
  layers: anything,
  manifests: anything,
  fsLayers: anything,
  history: anything,
});

/** The members by which programs know a manifest and an index: a document has those of one kind. */
const membersOfKind = { manifest: ['config', 'layers'], index: ['manifests'] } as const;
const allMembers = ['config', 'layers', 'manifests', 'fsLayers', 'history'] as const;

/** One image's manifest. OCI image-spec, manifest.md; Docker's schema 2 has the same shape. */
export interface ImageManifest {
  readonly kind: 'manifest';
  readonly mediaType: string;
  /** What an artifact says that it is. */
  readonly artifactType: string | undefined;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** A list of manifests, usually one per platform, possibly nested. OCI image-spec, image-index.md. */
export interface ImageIndex {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
}

/**
 * Reads a manifest or an index. The media type is the document's own, else the declared one (of the descriptor or the HTTP
 * header), else what its members show. Throws an `image` error that names `subject`, also for a document that programs may
 * take for either kind (OCI advisory GHSA-77vh-xpmg-72qh).
 */
export function parseManifest(
  bytes: Buffer,
  subject: string,
  declaredType?: string,
): ImageManifest | ImageIndex {
  const found = readImageJson(bytes, kindShape, wordsFor('manifest', subject));
  const members = allMembers.filter((name) => found[name] !== undefined && found[name] !== null);
  if (found.schemaVersion === 1) throw schemaVersion1(subject);
  const own = found.mediaType || undefined;
  const known = [own, declaredType].filter((type) => type !== undefined && kindOfType(type) !== undefined);
  const mediaType = known[0] ?? guessMediaType(members, subject, own ?? declaredType);
  checkIsOneKind({ subject, mediaType, members, declaredType });
  return kindOfType(mediaType) === 'index'
    ? readIndex(bytes, subject, mediaType)
    : readManifest(bytes, subject, mediaType);
}

const subjectShape = object({ subject: object({ digest: digestShape }) });

/** The digest of the image that an artifact's manifest is about; undefined for none. OCI image-spec 1.1, manifest.md. */
export function subjectOf(bytes: Buffer, subject: string): Digest | undefined {
  return readImageJson(bytes, subjectShape, wordsFor('manifest', subject)).subject?.digest ?? undefined;
}

/** The JSON form of a descriptor, as manifests hold it. */
export function descriptorToJson(descriptor: Descriptor): Record<string, unknown> {
  const { mediaType, digest, sizeBytes, annotations, platform, urls } = descriptor;
  return {
    mediaType,
    digest,
    size: sizeBytes,
    ...(urls && { urls }),
    ...(annotations && { annotations }),
    ...(platform && { platform }),
  };
}

function kindOfType(mediaType: string): 'index' | 'manifest' | undefined {
  if (isIndexType(mediaType)) return 'index';
  return isManifestType(mediaType) ? 'manifest' : undefined;
}

function guessMediaType(members: readonly string[], subject: string, found: string | undefined): string {
  if (members.includes('manifests')) return mediaTypes.ociIndex;
  if (members.includes('config') && members.includes('layers')) return mediaTypes.ociManifest;
  throw new GscError({
    code: 'image',
    subject,
    message: `expected an image manifest or an index, got ${found ?? 'JSON of another kind'}`,
    hint: 'this may be an artifact that is not an image (a chart, a signature)',
  });
}

interface Claims {
  readonly subject: string;
  readonly mediaType: string;
  readonly members: readonly string[];
  readonly declaredType: string | undefined;
}

function checkIsOneKind({ subject, mediaType, members, declaredType = mediaType }: Claims): void {
  const kind = kindOfType(mediaType) ?? 'manifest';
  const odd = members.filter((name) => !(membersOfKind[kind] as readonly string[]).includes(name));
  const declared = kindOfType(declaredType) ?? kind;
  if (odd.length === 0 && declared === kind) return;
  const what = `${kind === 'index' ? 'an image index' : 'an image manifest'} by its media type`;
  throw new GscError({
    code: 'image',
    subject,
    message: `ambiguous: ${what}, ${odd.length > 0 ? `but with ${odd.join(' and ')}` : `but listed as ${declaredType}`}; programs take it for different images`,
    hint: 'do not use it unless you know who made it, and why; then push or export the image again',
  });
}

function schemaVersion1(subject: string): GscError {
  return new GscError({
    code: 'image',
    subject,
    message: 'a manifest of schema version 1, which Docker gave up in 2017',
    hint: 'push the image again with a current Docker, podman or skopeo',
  });
}

function readManifest(bytes: Buffer, subject: string, mediaType: string): ImageManifest {
  const document = readImageJson(bytes, manifestShape, wordsFor('image manifest', subject));
  return {
    kind: 'manifest',
    mediaType,
    artifactType: document.artifactType || undefined,
    config: toDescriptor(document.config),
    layers: document.layers.map(toDescriptor),
    annotations: document.annotations ?? {},
  };
}

function readIndex(bytes: Buffer, subject: string, mediaType: string): ImageIndex {
  const { manifests } = readImageJson(bytes, indexShape, wordsFor('image index', subject));
  return { kind: 'index', mediaType, manifests: manifests.map(toDescriptor) };
}

function wordsFor(what: string, subject: string) {
  return { subject, what, hint: 'push or export the image again' };
}

function toDescriptor(json: ValueOf<typeof descriptorShape>): Descriptor {
  const platform = toPlatform(json.platform ?? {});
  return {
    mediaType: json.mediaType,
    digest: json.digest,
    sizeBytes: json.size,
    ...(json.annotations && { annotations: json.annotations }),
    ...(json.urls && { urls: json.urls }),
    ...(platform && { platform }),
  };
}

/** Tools that know no platform write an empty one. */
function toPlatform({ os, architecture, variant }: ValueOf<typeof platformShape>): Platform | undefined {
  if (!os && !architecture) return undefined;
  return normalPlatform({ os: os ?? '', architecture: architecture ?? '', ...(variant && { variant }) });
}
