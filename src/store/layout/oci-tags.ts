import { GscError } from '../../base/error.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type { ImageIndex } from '../../image/manifest.ts';
import { parseImageName, showFullName, withDefaultTag } from '../../reference/image-name.ts';

/** The annotation that holds an image's tag in a layout. OCI image-spec, annotations.md. */
export const tagAnnotation = 'org.opencontainers.image.ref.name';

/** The annotation that holds the full name; containerd and `docker save` since Engine 25 write it. */
export const nameAnnotation = 'io.containerd.image.name';

/**
 * The entries of a layout's index that belong to one image: those with the tag (or the full name), else the only
 * image. More than one entry comes back if they differ in platform. Throws `not-found` or `usage` with a list.
 */
export function chooseEntries(
  index: ImageIndex,
  tag: string | undefined,
  subject: string,
): readonly Descriptor[] {
  const entries = index.manifests;
  const chosen = tag === undefined ? entries : firstNonEmpty(entries, [hasTag(tag), hasName(tag)]);
  if (chosen.length === 0) throw noSuchImage(entries, tag, subject);
  const distinct = [...new Map(chosen.map((entry) => [entry.digest, entry])).values()];
  if (distinct.length === 1 || areOneImage(distinct)) return chosen;
  throw severalImages(distinct, tag, subject);
}

/** The tags and full names on the entries. */
export function namesOf(entries: readonly Descriptor[]): readonly string[] {
  const names = entries.flatMap(
    ({ annotations }) => annotations?.[nameAnnotation] ?? annotations?.[tagAnnotation] ?? [],
  );
  return [...new Set(names)];
}

function firstNonEmpty(
  entries: readonly Descriptor[],
  tests: readonly ((entry: Descriptor) => boolean)[],
): readonly Descriptor[] {
  return tests.map((test) => entries.filter(test)).find((found) => found.length > 0) ?? [];
}

function hasTag(tag: string): (entry: Descriptor) => boolean {
  return ({ annotations }) => annotations?.[tagAnnotation] === tag;
}

function hasName(text: string): (entry: Descriptor) => boolean {
  const wanted = fullNameOf(text);
  return ({ annotations }) =>
    wanted !== undefined && fullNameOf(annotations?.[nameAnnotation] ?? '') === wanted;
}

function fullNameOf(text: string): string | undefined {
  try {
    return showFullName(withDefaultTag(parseImageName(text)));
  } catch {
    return undefined;
  }
}

/** Entries of one image for several platforms: each names its platform, and none has a name of its own. */
function areOneImage(entries: readonly Descriptor[]): boolean {
  return entries.every((entry) => entry.platform !== undefined) && namesOf(entries).length <= 1;
}

function noSuchImage(entries: readonly Descriptor[], tag: string | undefined, subject: string): GscError {
  return new GscError({
    code: 'not-found',
    subject,
    message:
      tag === undefined
        ? 'there is no image in it'
        : `no image with the tag ${tag}; there is ${listOf(entries)}`,
    hint: entries.length === 0 ? 'copy an image into it first' : 'use one of these tags',
  });
}

function severalImages(entries: readonly Descriptor[], tag: string | undefined, subject: string): GscError {
  if (tag === undefined) {
    return new GscError({
      code: 'usage',
      subject,
      message: `expected one image, got ${entries.length}: ${listOf(entries)}`,
      hint: 'add :TAG to say which one',
    });
  }
  const fullNames = new Set(entries.flatMap(({ annotations }) => annotations?.[nameAnnotation] ?? []));
  const hasNames = fullNames.size === entries.length;
  const digests = entries.map(({ digest }) => digest);
  return new GscError({
    code: 'usage',
    subject,
    message: `expected one image with the tag ${tag}, got ${entries.length}: ${hasNames ? listOf(entries) : digests.join(', ')}`,
    hint: hasNames
      ? 'give one of these names in place of the tag'
      : 'give each its own tag: skopeo copy, or umoci tag',
  });
}

function listOf(entries: readonly Descriptor[]): string {
  const names = entries.map((entry) => namesOf([entry])[0] ?? `an untagged one (${entry.digest})`);
  return [...new Set(names)].join(', ') || 'nothing';
}
