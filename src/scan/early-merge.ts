import { setImmediate } from 'node:timers/promises';
import type { Digest } from '../base/digest.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { LayerMerger } from '../tree/merge-layers.ts';
import type { ImageScan } from './image-scan.ts';
import type { LayerIndex } from './layer-index.ts';
import { eachEntry } from './packed-index.ts';
import type { ScanImageOptions } from './scan-options.ts';

/** Merges the layers of an image while others are still listed: each as soon as all below it are there. */
export class EarlyMerge {
  /** How many of the layers the image below has merged already. */
  readonly belowCount: number;
  readonly #diffIds: readonly Digest[];
  readonly #merger: LayerMerger;
  readonly #lowerLayers: number | undefined;
  readonly #found = new Map<Digest, LayerIndex>();
  readonly #indexes: LayerIndex[] = [];
  readonly #below: ImageScan | undefined;
  #lower: ImageScan | undefined;
  #merged = Promise.resolve();
  /** For the end: an image whose layers cannot be read is wrong before one whose layers do not merge. */
  #failure: { readonly error: unknown } | undefined;

  /** `diffIds` are those of all layers, lowest first. */
  constructor(
    diffIds: readonly Digest[],
    nameLayer: (layer: number) => string,
    { below, lowerLayers }: Pick<ScanImageOptions, 'below' | 'lowerLayers'> = {},
  ) {
    this.#diffIds = diffIds;
    this.#lowerLayers = lowerLayers;
    const isBelow = below?.indexes.every(({ diffId }, layer) => diffIds[layer] === diffId);
    for (const index of isBelow ? (below?.indexes ?? []) : []) {
      this.#indexes.push(index);
      this.#found.set(index.diffId, index);
    }
    this.#below = isBelow ? below : undefined;
    this.belowCount = this.#indexes.length;
    this.#merger =
      below && isBelow
        ? LayerMerger.upon(below.tree, this.belowCount, nameLayer)
        : new LayerMerger(nameLayer);
  }

  /** Takes the index of one of the layers, of all that have its diffId. */
  add(index: LayerIndex): void {
    this.#found.set(index.diffId, index);
    for (let next = this.#next(); next !== undefined; next = this.#next()) this.#append(next);
  }

  #append(index: LayerIndex): void {
    const count = this.#indexes.push(index);
    this.#merged = this.#merged.then(() => this.#merge(index, count));
  }

  /** Throws what `mergeLayers` throws. */
  async finish(): Promise<ImageScan> {
    const missing = this.#diffIds[this.#indexes.length];
    if (missing !== undefined) throw new RangeError(`no index of ${missing}`);
    await this.#merged;
    if (this.#failure) throw this.#failure.error;
    const lower = this.#lower;
    return { ...this.#scanOf(this.#merger.tree, this.#indexes.length), ...(lower && { lower }) };
  }

  #scanOf(tree: FileTree, count: number): ImageScan {
    const repeating = new Set([...(this.#below?.repeating ?? []), ...this.#merger.repeating]);
    return { indexes: this.#indexes.slice(0, count), tree, repeating };
  }

  #next(): LayerIndex | undefined {
    const diffId = this.#diffIds[this.#indexes.length];
    return diffId && this.#found.get(diffId);
  }

  /** `count` is that of the layers up to this one. */
  async #merge(index: LayerIndex, count: number): Promise<void> {
    if (this.#failure) return;
    try {
      for (const _ of this.#merger.add(eachEntry(index))) await setImmediate();
      if (count === this.#lowerLayers) this.#lower = this.#scanOf(this.#merger.split(), count);
    } catch (error) {
      this.#failure = { error };
    }
  }
}
