import { digestOf, hexOf } from '../base/digest.ts';
import { canonicalJson } from '../json/canonical-json.ts';
import type { Descriptor } from './descriptor.ts';
import { descriptorToJson } from './manifest.ts';
import { mediaTypes } from './media-type.ts';

/** What stands for the config of an artifact that has none. OCI image-spec 1.1, manifest.md, "empty descriptor". */
const emptyConfig = Buffer.from('{}');
const emptyConfigType = 'application/vnd.oci.empty.v1+json';

/** One document, which may say something of an image: its subject. OCI image-spec 1.1, manifest.md. */
export interface Artifact {
  readonly artifactType: string;
  /** The image's manifest. */
  readonly subject?: Descriptor;
  readonly annotations: Readonly<Record<string, string>>;
  readonly content: Buffer;
}

/** An artifact as it is stored: its blobs, then its manifest. */
export interface StoredArtifact {
  readonly manifest: Descriptor;
  readonly manifestBytes: Buffer;
  readonly blobs: readonly { readonly descriptor: Descriptor; readonly bytes: Buffer }[];
  /** How an index lists it: with its type and annotations, so that nobody has to read the manifest to know. */
  readonly indexEntry: Readonly<Record<string, unknown>>;
}

/** An artifact that an index lists. */
export interface Referrer {
  readonly descriptor: Descriptor;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Makes the manifest of an artifact. The content is a layer of the artifact's own type. Pure. */
export function assembleArtifact({ artifactType, subject, annotations, content }: Artifact): StoredArtifact {
  const config = blobOf(emptyConfigType, emptyConfig);
  const layer = blobOf(artifactType, content);
  const manifestBytes = canonicalJson({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType,
    config: descriptorToJson(config.descriptor),
    layers: [descriptorToJson(layer.descriptor)],
    subject: subject && plainJson(subject),
    annotations,
  });
  const manifest = blobOf(mediaTypes.ociManifest, manifestBytes).descriptor;
  return {
    manifest,
    manifestBytes,
    blobs: [config, layer],
    indexEntry: { ...descriptorToJson({ ...manifest, annotations }), artifactType },
  };
}

function plainJson({ mediaType, digest, sizeBytes }: Descriptor) {
  return descriptorToJson({ mediaType, digest, sizeBytes });
}

/** The tag of the index that stands for the referrers API. OCI distribution-spec 1.1, "Referrers Tag Schema". */
export function referrersTag({ digest }: Descriptor): string {
  return `sha256-${hexOf(digest)}`;
}

function blobOf(mediaType: string, bytes: Buffer) {
  return { descriptor: { mediaType, digest: digestOf(bytes), sizeBytes: bytes.length }, bytes };
}
