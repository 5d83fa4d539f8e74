import { newDirectory } from './directory-builder.ts';
import type { LayerEntry } from './entry.ts';
import type { FileTree } from './file-tree.ts';
import { LayerMerger } from './layer-merger.ts';

/**
 * Merges layers, lowest first, into the tree that a container starts with. OCI image-spec, layer.md, "Applying
 * Changesets"; where that is silent, as container engines unpack: entries in the order of the layer, the last of a name
 * wins, missing parents are implied (mode 0755, root), links in an entry's directory are followed inside the root.
 * Whiteouts act on the lower layers alone, wherever in their layer they stand. Throws a `tree` error that names the layer
 * (as `nameLayer` has it) and the path for what no engine unpacks, such as a hard link to a file that is not there.
 */
export function mergeLayers(
  layers: readonly (readonly LayerEntry[])[],
  nameLayer: (layer: number) => string = (layer) => `layer ${layer + 1}`,
): FileTree {
  const root = newDirectory(0);
  for (const [layer, entries] of layers.entries()) {
    const merger = new LayerMerger(root, layer, nameLayer(layer));
    for (const entry of entries) merger.apply(entry);
  }
  return { root };
}
