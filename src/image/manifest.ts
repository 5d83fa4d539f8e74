import * as z from 'zod/mini';
import { type Digest, isDigest } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { describeShape } from '../base/shape-problem.ts';
import type { Descriptor, Platform } from './descriptor.ts';
import { parseJson } from './json.ts';
import { isIndexType, isManifestType, mediaTypes } from './media-type.ts';

const descriptorSchema = z.looseObject({
  mediaType: z.string(),
  digest: z.string().check(z.refine((text) => isDigest(text), 'expected sha256: and 64 hex digits')),
  size: z.number().check(z.int(), z.minimum(0)),
  annotations: z.nullish(z.record(z.string(), z.string())),
  urls: z.nullish(z.array(z.string())),
  platform: z.nullish(
    z.looseObject({ os: z.string(), architecture: z.string(), variant: z.nullish(z.string()) }),
  ),
});

const manifestSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.nullish(z.string()),
  config: descriptorSchema,
  layers: z.array(descriptorSchema),
  annotations: z.nullish(z.record(z.string(), z.string())),
});

const indexSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.nullish(z.string()),
  manifests: z.array(descriptorSchema),
});

/** One image's manifest. OCI image-spec, manifest.md; Docker's schema 2 has the same shape. */
export interface ImageManifest {
  readonly kind: 'manifest';
  readonly mediaType: string;
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
 * Reads a manifest or an index. The media type is the declared one (of the descriptor or the HTTP header), else the
 * document's own, else what its members show. Throws an `image` error that names `subject`.
 */
export function parseManifest(
  bytes: Buffer,
  subject: string,
  declaredType?: string,
): ImageManifest | ImageIndex {
  const json = parseJson(bytes, subject, 'manifest');
  const own = ownMediaType(json);
  const known = [own, declaredType].find(
    (type) => type !== undefined && (isIndexType(type) || isManifestType(type)),
  );
  const mediaType = known ?? guessMediaType(json, subject, own ?? declaredType);
  return isIndexType(mediaType)
    ? readIndex(json, subject, mediaType)
    : readManifest(json, subject, mediaType);
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

function ownMediaType(json: unknown): string | undefined {
  if (json === null || typeof json !== 'object' || !('mediaType' in json)) return undefined;
  return typeof json.mediaType === 'string' ? json.mediaType : undefined;
}

function guessMediaType(json: unknown, subject: string, found: string | undefined): string {
  if (json !== null && typeof json === 'object') {
    if ('manifests' in json) return mediaTypes.ociIndex;
    if ('config' in json && 'layers' in json) return mediaTypes.ociManifest;
    if ('schemaVersion' in json && json.schemaVersion === 1) {
      throw new GscError({
        code: 'image',
        subject,
        message: 'a manifest of schema version 1, which Docker gave up in 2017',
        hint: 'push the image again with a current Docker, podman or skopeo',
      });
    }
  }
  throw new GscError({
    code: 'image',
    subject,
    message: `expected an image manifest or an index, got ${found ?? 'JSON of another kind'}`,
    hint: 'this may be an artifact that is no image (a chart, a signature)',
  });
}

function readManifest(json: unknown, subject: string, mediaType: string): ImageManifest {
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) throw invalid(subject, 'image manifest', parsed.error);
  const { config, layers, annotations } = parsed.data;
  return {
    kind: 'manifest',
    mediaType,
    config: toDescriptor(config),
    layers: layers.map(toDescriptor),
    annotations: annotations ?? {},
  };
}

function readIndex(json: unknown, subject: string, mediaType: string): ImageIndex {
  const parsed = indexSchema.safeParse(json);
  if (!parsed.success) throw invalid(subject, 'image index', parsed.error);
  return { kind: 'index', mediaType, manifests: parsed.data.manifests.map(toDescriptor) };
}

function invalid(subject: string, what: string, error: z.core.$ZodError): GscError {
  return new GscError({ code: 'image', subject, message: `not a valid ${what}: ${describeShape(error)}` });
}

function toDescriptor(json: z.infer<typeof descriptorSchema>): Descriptor {
  return {
    mediaType: json.mediaType,
    digest: json.digest as Digest,
    sizeBytes: json.size,
    ...(json.annotations && { annotations: json.annotations }),
    ...(json.urls && { urls: json.urls }),
    ...(json.platform && { platform: toPlatform(json.platform) }),
  };
}

function toPlatform(json: {
  os: string;
  architecture: string;
  variant?: string | null | undefined;
}): Platform {
  const { os, architecture, variant } = json;
  return variant ? { os, architecture, variant } : { os, architecture };
}
