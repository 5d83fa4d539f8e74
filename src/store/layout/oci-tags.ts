import { GscError } from '../../base/error.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { fullNameIn } from '../../reference/image-name.ts';

/** The annotation that holds an image's tag in a layout. OCI image-spec, annotations.md. */
export const tagAnnotation = 'org.opencontainers.image.ref.name';

/** The annotation that holds the full name; containerd and `docker save` since Engine 25 write it. */
export const nameAnnotation = 'io.containerd.image.name';

/** What a layout's index is searched for. */
export interface WantedEntry {
  /** A tag, or a full name; without it there has to be one image only. */
  readonly tag: string | undefined;
  /** How messages call the layout. */
  readonly subject: string;
  /** The entries without what is not an image; asked only where there is more than one to choose from. */
  readonly withoutArtifacts: (entries: readonly Descriptor[]) => Promise<readonly Descriptor[]>;
}

/**
 * The entries of a layout's index that belong to one image: those with the tag (or the full name), else the only image.
 * More than one entry comes back if they differ in platform. Throws `not-found` or `usage` with a list.
 */
export async function chooseEntries(
  entries: readonly Descriptor[],
  { tag, subject, withoutArtifacts }: WantedEntry,
): Promise<readonly Descriptor[]> {
  const chosen = tag === undefined ? entries : firstNonEmpty(entries, [hasTag(tag), hasName(tag)]);
  if (chosen.length === 0) throw noSuchImage(entries, tag, subject);
  if (areOneImage(chosen)) return chosen;
  const images = await withoutArtifacts(chosen);
  if (images.length === 0 || areOneImage(images)) return images.length === 0 ? chosen : images;
  throw severalImages(images, tag, subject);
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
  const wanted = fullNameIn(text);
  return ({ annotations }) =>
    wanted !== undefined && fullNameIn(annotations?.[nameAnnotation] ?? '') === wanted;
}

/** The same image, or one for several platforms: then each entry names its own, and none has its own name. */
function areOneImage(entries: readonly Descriptor[]): boolean {
  if (new Set(entries.map(({ digest }) => digest)).size === 1) return true;
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

function severalImages(all: readonly Descriptor[], tag: string | undefined, subject: string): GscError {
  const entries = [...new Map(all.map((entry) => [entry.digest, entry])).values()];
  const names = new Set(entries.flatMap((entry) => ownNameOf(entry, tag) ?? []));
  const [name] = names.size === entries.length ? names : [];
  const list =
    name === undefined && tag !== undefined
      ? entries.map(({ digest }) => digest).join(', ')
      : listOf(entries);
  const wanted = tag === undefined ? 'one image' : `one image with the tag ${tag}`;
  return new GscError({
    code: 'usage',
    subject,
    message: `expected ${wanted}, got ${entries.length}: ${list}`,
    hint:
      name === undefined
        ? `name one by its digest: ${subject}@${entries[0]?.digest}`
        : `give one of these names, as in ${subject}:${name}`,
  });
}

/** What tells an entry from others with the same tag, if there is such a name. */
function ownNameOf({ annotations }: Descriptor, tag: string | undefined): string | undefined {
  return annotations?.[nameAnnotation] ?? (tag === undefined ? annotations?.[tagAnnotation] : undefined);
}

function listOf(entries: readonly Descriptor[]): string {
  const names = entries.map((entry) => namesOf([entry])[0] ?? `an untagged one (${entry.digest})`);
  return [...new Set(names)].join(', ') || 'nothing';
}
