import { showBytes } from '../base/image-path.ts';
import type { LayerEntry } from './entry.ts';
import type { FileTree } from './file-tree.ts';
import { LayerUnpacker } from './layer-unpacker.ts';
import { type Disagreement, newDirectory, overlay } from './overlay.ts';

/**
 * Merges layers, lowest first, into the tree that a container starts with. OCI image-spec, layer.md, "Applying
 * Changesets"; where that is silent, as Docker, Podman and containerd do on overlay file systems: each layer is unpacked by
 * itself, entries in its order, the last of a name wins, missing parents are implied (mode 0755, root), links in an
 * entry's directory are followed inside the root if this layer made them; the result is laid over the layers below, so
 * that a directory hides a link of theirs. `warnings` says where tools disagree. Throws a `tree` error that names the layer
 * (as `nameLayer` has it) and the path for what no engine unpacks: a hard link to a file that is not there, names and
 * paths longer than Linux allows, a file below a file.
 */
export function mergeLayers(
  layers: readonly (readonly LayerEntry[])[],
  nameLayer: (layer: number) => string = (layer) => `layer ${layer + 1}`,
): FileTree {
  const root = newDirectory(0);
  const warnings: string[] = [];
  for (const [layer, entries] of layers.entries()) {
    const subject = nameLayer(layer);
    const unpacker = new LayerUnpacker({ lower: { root, warnings }, layer, subject });
    for (const entry of entries) unpacker.apply(entry);
    warnings.push(...warningsOn(subject, overlay(root, unpacker.root, layer)));
  }
  return { root, warnings };
}

const namedInWarnings = 3;

function warningsOn(subject: string, disagreements: readonly Disagreement[]): readonly string[] {
  const links = disagreements.filter(({ kind }) => kind === 'link');
  const returns = disagreements.filter(({ kind }) => kind === 'return');
  const disagree =
    'unpacking tools disagree about it, gsc follows Docker, Podman and containerd on overlay file systems';
  return [
    ...(links.length === 0
      ? []
      : [
          `${subject} has entries below ${listOf(links)} of lower layers, without one for the link itself: ${disagree}, where a new directory hides the link`,
        ]),
    ...(returns.length === 0
      ? []
      : [
          `${subject} removes or replaces ${listOf(returns)}, then gives the directory again without an opaque marker: ${disagree}, where the content of lower layers stays`,
        ]),
  ];
}

function listOf(disagreements: readonly Disagreement[]): string {
  const shown = disagreements.slice(0, namedInWarnings).map((each) => {
    const link = each.kind === 'link' ? ` (a link to ${showBytes(each.target)})` : '';
    return `${showBytes(each.path)}${link}`;
  });
  const more = disagreements.length - shown.length;
  return more === 0 ? shown.join(', ') : `${shown.join(', ')} and ${more} more`;
}
