import { isWithin } from '../base/image-path.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import type { LayerIndex } from '../scan/layer-index.ts';
import type { GraminizedImage } from '../verify/graminized-image.ts';

/** One layer of an image, lowest first. */
export interface LayerRow {
  /** From 1, the lowest. */
  readonly number: number;
  readonly role: 'app image' | 'runtime' | 'manifest and loader' | 'signature' | 'unknown';
  readonly diffId: string;
  /** As it is stored where the image was read. */
  readonly storedBytes: number;
  readonly tarBytes: number;
  readonly fileCount: number;
}

/** The layers with their sizes, and what each is for. */
export function layerRows({ image, indexes, record }: GraminizedImage): readonly LayerRow[] {
  const first = indexes.findIndex((index) => roleOf(index) !== 'unknown');
  const baseCount = record.value?.base.length ?? Math.max(first, 0);
  return indexes.map((index, layer) => ({
    number: layer + 1,
    role: layer < baseCount ? 'app image' : roleOf(index),
    diffId: index.diffId,
    storedBytes: image.layers[layer]?.descriptor.sizeBytes ?? 0,
    tarBytes: index.sizeBytes,
    fileCount: index.entries.filter(({ kind }) => kind === 'file').length,
  }));
}

/** By what it holds: a layer of gsc's has nothing of any other place. */
function roleOf({ entries }: LayerIndex): LayerRow['role'] {
  const has = (test: (entry: LayerIndex['entries'][number]) => boolean) => entries.some(test);
  if (has(({ path }) => path === graminizedPaths.sigstruct)) return 'signature';
  if (has(({ path }) => path === graminizedPaths.manifest)) return 'manifest and loader';
  if (has(({ path }) => isWithin(path, graminizedPaths.packageDirectory))) return 'runtime';
  return 'unknown';
}
