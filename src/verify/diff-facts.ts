import { type FactKind, factKinds, type ImageFacts } from './image-facts.ts';

/** One thing that two images do not have in common. */
export interface ImageChange {
  readonly kind: 'added' | 'removed' | 'changed';
  /** A path, a key, a variable, a field. */
  readonly subject: string;
  /** Of what was removed or changed; of a file its SHA-256, or what else it is. */
  readonly before?: string;
  readonly after?: string;
  /** Of a file: the layer that it comes from, in the second image unless it was removed. */
  readonly layer?: string;
}

/** What changed from one image to another, by kind; each list is sorted by subject. */
export type ImageDifference = Readonly<Record<FactKind, readonly ImageChange[]>>;

/** Compares what is known of two images. */
export function diffFacts(before: ImageFacts, after: ImageFacts): ImageDifference {
  const parts = factKinds.map((kind) => {
    const changes = diffMaps(before[kind], after[kind]);
    return [
      kind,
      kind === 'files' || kind === 'runtime' ? withLayers(changes, before, after) : changes,
    ] as const;
  });
  return Object.fromEntries(parts) as Record<FactKind, readonly ImageChange[]>;
}

/** Compares two maps by their keys. */
export function diffMaps(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly ImageChange[] {
  const changes: ImageChange[] = [];
  for (const [subject, value] of before) {
    const now = after.get(subject);
    if (now === undefined) changes.push({ kind: 'removed', subject, before: value });
    else if (now !== value) changes.push({ kind: 'changed', subject, before: value, after: now });
  }
  for (const [subject, value] of after) {
    if (!before.has(subject)) changes.push({ kind: 'added', subject, after: value });
  }
  return changes.sort((a, b) => (a.subject < b.subject ? -1 : 1));
}

function withLayers(
  changes: readonly ImageChange[],
  before: ImageFacts,
  after: ImageFacts,
): readonly ImageChange[] {
  return changes.map((change) => {
    const layer = (change.kind === 'removed' ? before : after).layerOf.get(change.subject);
    return layer === undefined ? change : { ...change, layer };
  });
}

/** True if nothing differs. */
export function isSame(difference: ImageDifference): boolean {
  return factKinds.every((kind) => difference[kind].length === 0);
}

const signs = { added: '+', removed: '-', changed: '~' } as const;

/** `~ sgx.debug: false -> true`; hashes are cut, as the subject is what counts. */
export function showChange({ kind, subject, before, after, layer }: ImageChange): string {
  const values = [before, after].flatMap((value) => (value ? [shorten(value)] : []));
  const where = layer === undefined ? '' : ` (${layer})`;
  return `${signs[kind]} ${subject}${values.length > 0 ? `: ${values.join(' -> ')}` : ''}${where}`;
}

function shorten(value: string): string {
  return value.replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, '$1…');
}

/** All changes as lines, those of each kind under its name; of very many in a kind the first ones. */
export function showDifference(difference: ImageDifference, mostOfAKind: number): readonly string[] {
  return factKinds.flatMap((kind) => {
    const changes = difference[kind];
    if (changes.length === 0) return [];
    const shown = changes.slice(0, mostOfAKind).map((change) => `  ${showChange(change)}`);
    const more = changes.length - shown.length;
    return [`${kind}: ${changes.length}`, ...shown, ...(more > 0 ? [`  and ${more} more`] : [])];
  });
}
