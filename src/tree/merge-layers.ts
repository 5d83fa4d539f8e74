import { type ImagePath, showBytes } from '../base/image-path.ts';
import type { LayerEntry } from './entry.ts';
import type { DirectoryNode, FileTree } from './file-tree.ts';
import { LayerUnpacker } from './layer-unpacker.ts';
import { type DirectoryBuilder, type Disagreement, newDirectory, overlay } from './overlay.ts';

/**
 * Merges layers, lowest first, into the tree that a container starts with. OCI image-spec, layer.md, "Applying
 * Changesets"; where that is silent, as Docker, Podman and containerd do on overlay file systems: each layer is unpacked by
 * itself, entries in its order, the last of a name wins, missing parents are implied (mode 0755, root), links in an
 * entry's directory are followed inside the root if this layer made them; the result is laid over the layers below, so
 * that a directory hides a link of theirs. `warnings` says where tools disagree. Throws a `tree` error that names the layer
 * (as `nameLayer` has it) and the path for what no engine unpacks: a hard link to a file that is not there, names and
 * paths longer than Linux allows.
 */
export function mergeLayers(
  layers: readonly (readonly LayerEntry[])[],
  nameLayer: (layer: number) => string = (layer) => `layer ${layer + 1}`,
): FileTree {
  const merger = new LayerMerger(nameLayer);
  for (const entries of layers) for (const _ of merger.add(entries));
  return merger.tree;
}

/** A layer on its way into the tree. Both throw what {@link mergeLayers} throws. */
export interface NextLayer {
  /** Takes the layer's next entry. */
  apply(entry: LayerEntry): void;
  /** Lays the layer over those before, which nothing has changed so far. */
  finish(): void;
}

/** Merges layers one by one, as {@link mergeLayers}. */
export class LayerMerger {
  readonly #nameLayer: (layer: number) => string;
  #root = newDirectory(0);
  #warnings: string[] = [];
  #count = 0;
  #repeating = new Set<number>();
  /** Directories of a tree that others have: they are copied before they are changed. */
  #shared: ReadonlySet<DirectoryNode> = new Set();

  constructor(nameLayer: (layer: number) => string) {
    this.#nameLayer = nameLayer;
  }

  /** Begins with the tree of layers that are merged already, of which it changes nothing. */
  static upon(tree: FileTree, layerCount: number, nameLayer: (layer: number) => string): LayerMerger {
    const merger = new LayerMerger(nameLayer);
    merger.#count = layerCount;
    merger.#begin(tree);
    return merger;
  }

  /** What all layers so far come to. */
  get tree(): FileTree {
    return { root: this.#root, warnings: this.#warnings };
  }

  /** Which of the layers that were added may give a name more than once. */
  get repeating(): ReadonlySet<number> {
    return new Set(this.#repeating);
  }

  /** The same as `tree`; it stays as it is when layers are added, and has in common with what they come to what they do not change. */
  split(): FileTree {
    const { tree } = this;
    this.#begin(tree);
    return tree;
  }

  /** Lays the next layer over those before. Pauses now and then, for whoever has other things to do meanwhile. */
  *add(entries: Iterable<LayerEntry>): Generator<void> {
    const next = this.begin();
    let count = 0;
    for (const entry of entries) {
      next.apply(entry);
      if (++count % entriesAtOnce === 0) yield;
    }
    next.finish();
  }

  /** Begins with the next layer, whose entries come one by one. No other is begun before it is finished. */
  begin(): NextLayer {
    const layer = this.#count;
    const subject = this.#nameLayer(layer);
    const unpacker = new LayerUnpacker({ lower: this.tree, layer, subject });
    return {
      apply: (entry) => unpacker.apply(entry),
      finish: () => {
        this.#count += 1;
        if (unpacker.hasRepeats) this.#repeating.add(layer);
        this.#warnings.push(...fileWarning(subject, [...unpacker.replacedFiles]));
        const disputes = overlay(this.#root, unpacker.root, layer, (directory) => this.#own(directory));
        this.#warnings.push(...disputeWarnings(subject, disputes));
      },
    };
  }

  #begin({ root, warnings }: FileTree): void {
    this.#shared = new Set(directoriesOf(root));
    this.#root = this.#own(root);
    this.#warnings = [...warnings];
  }

  /** Every directory that is not shared was made for this tree alone. */
  #own(directory: DirectoryNode): DirectoryBuilder {
    return this.#shared.has(directory)
      ? { ...directory, children: new Map(directory.children) }
      : (directory as DirectoryBuilder);
  }
}

/** These take a few milliseconds. */
const entriesAtOnce = 1000;

function directoriesOf(root: DirectoryNode): readonly DirectoryNode[] {
  const found = [root];
  for (const directory of found) {
    for (const node of directory.children.values()) if (node.kind === 'directory') found.push(node);
  }
  return found;
}

const namedInWarnings = 3;
const disputed =
  'unpacking tools disagree about it, gsc follows Docker, Podman and containerd on overlay file systems';

function fileWarning(subject: string, files: readonly ImagePath[]): readonly string[] {
  if (files.length === 0) return [];
  return [
    `${subject} has entries below ${listOf(files.map(showBytes))}, which it first has as a file: container engines refuse it, gsc takes the directory`,
  ];
}

function disputeWarnings(subject: string, disagreements: readonly Disagreement[]): readonly string[] {
  const links = disagreements.flatMap((each) =>
    each.kind === 'link' ? [`${showBytes(each.path)} (a link to ${showBytes(each.target)})`] : [],
  );
  const returns = disagreements.flatMap(({ kind, path }) => (kind === 'return' ? [showBytes(path)] : []));
  const onLinks = `${subject} has entries below ${listOf(links)} of lower layers, without one for the link itself: ${disputed}, where a new directory hides the link`;
  const onReturns = `${subject} removes or replaces ${listOf(returns)}, then recreates the directory without an opaque marker: ${disputed}, where the content of lower layers stays`;
  return [...(links.length > 0 ? [onLinks] : []), ...(returns.length > 0 ? [onReturns] : [])];
}

function listOf(places: readonly string[]): string {
  const shown = places.slice(0, namedInWarnings);
  const more = places.length - shown.length;
  return more === 0 ? shown.join(', ') : `${shown.join(', ')} and ${more} more`;
}
