import { showBytes } from '../base/image-path.ts';
import type { Image } from '../image/image.ts';
import { EarlyMerge } from './early-merge.ts';
import type { ImageScan } from './image-scan.ts';
import type { LayerIndex } from './layer-index.ts';
import { listLayers } from './list-layers.ts';
import type { ScanImageOptions } from './scan-options.ts';

/**
 * Lists the layers of an image that are not known yet, each once, and merges all into the file tree. Throws what
 * {@link scanLayer} and `mergeLayers` throw; of several layers that fail, the lowest one's error.
 */
export async function scanImage(image: Image, options: ScanImageOptions = {}): Promise<ImageScan> {
  const nameLayer = (layer: number) => `${image.name}: layer ${image.layers[layer]?.diffId}`;
  const diffIds = image.layers.map(({ diffId }) => diffId);
  const merge = new EarlyMerge(diffIds, nameLayer, options);
  const wanted = new Map(image.layers.slice(merge.belowCount).map((layer) => [layer.diffId, layer]));
  await listLayers([...wanted.values()], {
    ...options,
    subject: image.name,
    take: (index) => merge.add(index),
    follow: ({ diffId }) => merge.follow(diffId),
  });
  options.onListed?.();
  const { lower, ...whole } = await merge.finish();
  const known = merge.belowCount;
  const withIgnored = ({ tree, ...scan }: ImageScan): ImageScan => {
    const ignored = scan.indexes.flatMap((index, layer) =>
      layer < known ? [] : ignoredWarning(nameLayer(layer), index),
    );
    return { ...scan, tree: { ...tree, warnings: [...ignored, ...tree.warnings] } };
  };
  return { ...withIgnored(whole), ...(lower && { lower: withIgnored(lower) }) };
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
