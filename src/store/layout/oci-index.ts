import type { Digest } from '../../base/digest.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { readImageJson } from '../../image/image-json.ts';
import { descriptorToJson } from '../../image/manifest.ts';
import { mediaTypes } from '../../image/media-type.ts';
import { canonicalJson } from '../../json/canonical-json.ts';
import { listOf, mapOf, object, required, text, type ValueOf } from '../../json/shape.ts';
import { nameAnnotation, tagAnnotation } from './oci-tags.ts';

/** The file `oci-layout`. OCI image-spec, image-layout.md. */
export const layoutVersion: Buffer = canonicalJson({ imageLayoutVersion: '1.0.0' });

const indexShape = object({
  manifests: required(listOf(object({ digest: required(text), annotations: mapOf(text) }))),
});
type Index = ValueOf<typeof indexShape>;

/** What adding an image to an index comes to. */
export type IndexChange =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'taken'; readonly digest: string }
  | { readonly kind: 'changed'; readonly bytes: Buffer };

/** An index with one image. */
export function newIndex(manifest: Descriptor): Buffer {
  const annotations = Object.keys(manifest.annotations ?? {}).length > 0 ? manifest.annotations : undefined;
  const { mediaType, digest, sizeBytes } = manifest;
  return canonicalJson({
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [descriptorToJson({ mediaType, digest, sizeBytes, ...(annotations && { annotations }) })],
  });
}

/**
 * Puts an image into an index under a tag, or as the untagged one. All other entries stay, with every key that gsc does
 * not know. `taken` means that another image has the tag. Throws an `image` error if `existing` is not an index.
 */
export function addToIndex(
  existing: Buffer | undefined,
  image: { readonly manifest: Descriptor; readonly tag: string | undefined },
  options: { readonly force: boolean; readonly subject: string },
): IndexChange {
  const { manifest, tag } = image;
  const entry = { ...manifest, ...(tag !== undefined && { annotations: { [tagAnnotation]: tag } }) };
  if (existing === undefined) return { kind: 'changed', bytes: newIndex(entry) };
  const index = readIndex(existing, options.subject);
  const sameTag = index.manifests.filter((other) => tagOf(other) === tag);
  const others = sameTag.filter((other) => other.digest !== (manifest.digest satisfies Digest));
  const [taken] = others;
  if (taken !== undefined && !options.force) return { kind: 'taken', digest: taken.digest };
  if (taken === undefined && sameTag.length > 0) return { kind: 'unchanged' };
  const kept = index.manifests.filter((other) => !sameTag.includes(other));
  return {
    kind: 'changed',
    bytes: canonicalJson({ ...index, manifests: [...kept, descriptorToJson(entry)] }),
  };
}

function readIndex(bytes: Buffer, subject: string): Index {
  const hint = 'the layout is damaged; write to another directory';
  return readImageJson(bytes, indexShape, { subject, what: 'image index', hint });
}

function tagOf({ annotations }: Index['manifests'][number]): string | undefined {
  return annotations?.[tagAnnotation] ?? annotations?.[nameAnnotation];
}
