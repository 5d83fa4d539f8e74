import { setImmediate } from 'node:timers/promises';
import type { Digest } from '../base/digest.ts';
import type { LayerEntry } from '../tree/entry.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { LayerMerger, type NextLayer } from '../tree/merge-layers.ts';
import type { ImageScan } from './image-scan.ts';
import type { LayerIndex } from './layer-index.ts';
import { eachEntry } from './packed-index.ts';
import type { ScanImageOptions } from './scan-options.ts';

/**
 * Merges the layers of an image while they are listed: each as soon as all below it are there, entry by entry if these were there
 * before its listing began.
 */
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
  #mergedCount = 0;
  #followed: FollowedLayer | undefined;
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
    this.#mergedCount = this.belowCount;
    this.#merger =
      below && isBelow
        ? LayerMerger.upon(below.tree, this.belowCount, nameLayer)
        : new LayerMerger(nameLayer);
  }

  /** Asked when a layer is about to be listed: what takes its entries on the way; undefined if they are merged afterwards. */
  follow(diffId: Digest): ((entry: LayerEntry) => void) | undefined {
    const isNext = this.#mergedCount === this.#indexes.length && this.#diffIds[this.#mergedCount] === diffId;
    // Of a layer that the image below has too, the index is there already.
    if (!isNext || this.#found.has(diffId) || this.#followed || this.#failure) return undefined;
    const followed = new FollowedLayer(this.#merger.begin());
    this.#followed = followed;
    return (entry) => followed.apply(entry);
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
      const followed = this.#followed;
      this.#followed = undefined;
      if (followed) followed.finish();
      else for (const _ of this.#merger.add(eachEntry(index))) await setImmediate();
      this.#mergedCount = count;
      if (count === this.#lowerLayers) this.#lower = this.#scanOf(this.#merger.split(), count);
    } catch (error) {
      this.#failure = { error };
    }
  }
}

/** A layer that is merged while it is listed. */
class FollowedLayer {
  readonly #next: NextLayer;
  /** For the end, as its listing may fail for another reason. */
  #failure: { readonly error: unknown } | undefined;

  constructor(next: NextLayer) {
    this.#next = next;
  }

  apply(entry: LayerEntry): void {
    if (this.#failure) return;
    try {
      this.#next.apply(entry);
    } catch (error) {
      this.#failure = { error };
    }
  }

  finish(): void {
    if (this.#failure) throw this.#failure.error;
    this.#next.finish();
  }
}
