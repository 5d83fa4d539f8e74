import { type ImagePath, isWithin, showBytes } from '../base/image-path.ts';
import type { LayerIndex } from '../scan/layer-index.ts';
import type { LayerEntry } from '../tree/entry.ts';
import { type GraminizedImage, showLayer } from './graminized-image.ts';

/** What the layers say about a path, lowest first, in words: for a file that is not what it should be. */
export function pathHistory({ image, indexes }: GraminizedImage, path: ImagePath): readonly string[] {
  return indexes.flatMap(({ entries }, layer) =>
    entries.flatMap((entry) => {
      const words = wordsOn(entry, path);
      return words === undefined ? [] : [`${showLayer(image, layer)}: ${words}`];
    }),
  );
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
export function ambiguousFiles({ indexes }: GraminizedImage): ReadonlyMap<ImagePath, number> {
  const known = ambiguousByImage.get(indexes) ?? findAmbiguous(indexes);
  ambiguousByImage.set(indexes, known);
  return known;
}

function findAmbiguous(indexes: readonly LayerIndex[]): ReadonlyMap<ImagePath, number> {
  const found = new Map<ImagePath, number>();
  for (const [layer, { entries }] of indexes.entries()) {
    const seen = new Map<ImagePath, string>();
    for (const entry of entries) {
      if (entry.kind === 'directory' || entry.kind === 'whiteout' || entry.kind === 'opaque') continue;
      const content = entry.kind === 'file' ? entry.sha256 : JSON.stringify({ ...entry, path: '' });
      const before = seen.get(entry.path);
      if (before !== undefined && before !== content) found.set(entry.path, layer);
      seen.set(entry.path, content);
    }
  }
  return found;
}
