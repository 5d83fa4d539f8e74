import { showBytes } from '../base/image-path.ts';
import type { Image } from '../image/image.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { EarlyMerge } from './early-merge.ts';
import type { LayerIndex } from './layer-index.ts';
import { listLayers } from './list-layers.ts';
import type { ScanImageOptions } from './scan-options.ts';

export interface ImageScan {
  /** One per layer of the image, lowest first. */
  readonly indexes: readonly LayerIndex[];
  readonly tree: FileTree;
}

/**
 * Lists the layers of an image that are not known yet, each once, and merges all into the file tree. Throws what
 * {@link scanLayer} and `mergeLayers` throw; of several layers that fail, the lowest one's error.
 */
export async function scanImage(image: Image, options: ScanImageOptions = {}): Promise<ImageScan> {
  const wanted = new Map(image.layers.map((layer) => [layer.diffId, layer]));
  const nameLayer = (layer: number) => `${image.name}: layer ${image.layers[layer]?.diffId}`;
  const merge = new EarlyMerge(
    image.layers.map(({ diffId }) => diffId),
    nameLayer,
  );
  const take = (index: LayerIndex) => merge.add(index);
  await listLayers([...wanted.values()], { ...options, subject: image.name, take });
  const { indexes, tree } = await merge.finish();
  const warnings = [
    ...indexes.flatMap((index, layer) => ignoredWarning(nameLayer(layer), index)),
    ...tree.warnings,
  ];
  return { indexes, tree: { ...tree, warnings } };
}

function ignoredWarning(subject: string, { ignoredKeys = [] }: LayerIndex): readonly string[] {
  if (ignoredKeys.length === 0) return [];
  const [shown, more] = [ignoredKeys.slice(0, namedKeys), ignoredKeys.length - namedKeys];
  const keys = `${shown.map(showBytes).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return [
    `${subject} has a global PAX header that sets ${keys} for all entries: ignored, as container engines do`,
  ];
}

const namedKeys = 6;
