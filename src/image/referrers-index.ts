import { canonicalJson } from '../json/canonical-json.ts';
import { count, listOf, mapOf, object, required, text, type ValueOf } from '../json/shape.ts';
import type { Referrer, StoredArtifact } from './artifact.ts';
import { digestShape } from './config.ts';
import { readImageJson } from './image-json.ts';
import { mediaTypes } from './media-type.ts';

const entryShape = object({
  mediaType: text,
  digest: required(digestShape),
  size: required(count),
  artifactType: text,
  annotations: mapOf(text),
});
const indexShape = object({ manifests: required(listOf(entryShape)) });

/** The artifacts that an index lists, in its order. Throws an `image` error that names `subject`. */
export function readReferrers(bytes: Buffer, subject: string): readonly Referrer[] {
  return read(bytes, subject).manifests.map(({ mediaType, digest, size, artifactType, annotations }) => ({
    descriptor: { mediaType: mediaType ?? mediaTypes.ociManifest, digest, sizeBytes: size },
    artifactType: artifactType ?? undefined,
    annotations: annotations ?? {},
  }));
}

/** The index with an artifact added, all else kept; undefined if it lists that artifact already. */
export function withReferrer(
  existing: Buffer | undefined,
  { manifest, indexEntry }: StoredArtifact,
  subject: string,
): Buffer | undefined {
  const index: ValueOf<typeof indexShape> =
    existing === undefined ? { manifests: [] } : read(existing, subject);
  if (index.manifests.some(({ digest }) => digest === manifest.digest)) return undefined;
  return canonicalJson({
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    ...index,
    manifests: [...index.manifests, indexEntry],
  });
}

function read(bytes: Buffer, subject: string): ValueOf<typeof indexShape> {
  const hint = 'the list of referrers is damaged; push it again';
  return readImageJson(bytes, indexShape, { subject, what: 'image index', hint });
}
