import { type ImagePath, isWithin, parentOf, showBytes } from '../base/image-path.ts';
import type { LayerIndex } from '../scan/layer-index.ts';
import { eachEntry } from '../scan/packed-index.ts';
import type { LayerEntry } from '../tree/entry.ts';
import { type GraminizedImage, showLayer } from './graminized-image.ts';

/** What the layers say about a path, lowest first, in words: for a file that is not what it should be. */
export function pathHistory({ image, indexes }: GraminizedImage, path: ImagePath): readonly string[] {
  return sayings(indexes, path).map(
    ({ layer, entry }) => `${showLayer(image, layer)}: ${wordsOn(entry, path)}`,
  );
}

interface Saying {
  readonly layer: number;
  /** The place of the entry among all of the image. */
  readonly order: number;
  readonly entry: LayerEntry;
}

/** Those about the path, and those above that matter to it, in their order. */
function sayings(indexes: readonly LayerIndex[], path: ImagePath): readonly Saying[] {
  const byPath = sayingsOf(indexes);
  const found = [...(byPath.get(path) ?? [])];
  for (let above = path; above !== '/'; ) {
    above = parentOf(above);
    found.push(...(byPath.get(above) ?? []));
  }
  return found.filter(({ entry }) => wordsOn(entry, path) !== undefined).sort((a, b) => a.order - b.order);
}

const sayingsByImage = new WeakMap<readonly LayerIndex[], ReadonlyMap<ImagePath, readonly Saying[]>>();

/** By their paths: an image may be wrong about every file. */
function sayingsOf(indexes: readonly LayerIndex[]): ReadonlyMap<ImagePath, readonly Saying[]> {
  const known = sayingsByImage.get(indexes);
  if (known) return known;
  const made = new Map<ImagePath, Saying[]>();
  let order = 0;
  for (const [layer, index] of indexes.entries()) {
    for (const entry of eachEntry(index)) {
      const saying = { layer, order: order++, entry };
      const others = made.get(entry.path);
      if (others) others.push(saying);
      else made.set(entry.path, [saying]);
    }
  }
  sayingsByImage.set(indexes, made);
  return made;
}

function wordsOn(entry: LayerEntry, path: ImagePath): string | undefined {
  const isItself = entry.path === path;
  if (!isItself && !isWithin(path, entry.path)) return undefined;
  const at = isItself ? '' : ` ${showBytes(entry.path)}`;
  switch (entry.kind) {
    case 'file':
      return isItself ? `a file with SHA-256 ${entry.sha256}` : `a file${at} in place of a directory`;
    case 'hardlink':
      return isItself ? `a hard link to ${showBytes(entry.target)}` : undefined;
    case 'symlink':
      return `a link${at} to ${showBytes(entry.target)}`;
    case 'special':
      return `a ${entry.type}${at}`;
    case 'whiteout':
      return `a whiteout of${at || ' it'}`;
    case 'opaque':
      return isItself ? undefined : `an opaque directory${at}, which hides what is below`;
    case 'directory':
      return isItself ? 'a directory' : undefined;
  }
}

const ambiguousByImage = new WeakMap<readonly LayerIndex[], ReadonlyMap<ImagePath, number>>();

/** Paths that one layer holds more than once, as files with different contents: unpacking tools may disagree about them. */
export function ambiguousFiles({ indexes, repeating }: GraminizedImage): ReadonlyMap<ImagePath, number> {
  const known = ambiguousByImage.get(indexes) ?? findAmbiguous(indexes, repeating);
  ambiguousByImage.set(indexes, known);
  return known;
}

function findAmbiguous(
  indexes: readonly LayerIndex[],
  repeating: ReadonlySet<number>,
): ReadonlyMap<ImagePath, number> {
  const found = new Map<ImagePath, number>();
  for (const [layer, index] of indexes.entries()) {
    if (!repeating.has(layer)) continue;
    const seen = new Map<ImagePath, string>();
    for (const entry of eachEntry(index)) {
      if (entry.kind === 'directory' || entry.kind === 'whiteout' || entry.kind === 'opaque') continue;
      const content = entry.kind === 'file' ? entry.sha256 : JSON.stringify({ ...entry, path: '' });
      const before = seen.get(entry.path);
      if (before !== undefined && before !== content) found.set(entry.path, layer);
      seen.set(entry.path, content);
    }
  }
  return found;
}
