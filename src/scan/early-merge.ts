import { setImmediate } from 'node:timers/promises';
import type { Digest } from '../base/digest.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { LayerMerger } from '../tree/merge-layers.ts';
import type { LayerIndex } from './layer-index.ts';
import { eachEntry } from './packed-index.ts';

/** Merges the layers of an image while others are still listed: each as soon as all below it are there. */
export class EarlyMerge {
  readonly #diffIds: readonly Digest[];
  readonly #merger: LayerMerger;
  readonly #found = new Map<Digest, LayerIndex>();
  readonly #indexes: LayerIndex[] = [];
  #merged = Promise.resolve();
  /** For the end: an image whose layers cannot be read is wrong before one whose layers do not merge. */
  #failure: { readonly error: unknown } | undefined;

  /** `diffIds` are those of all layers, lowest first. */
  constructor(diffIds: readonly Digest[], nameLayer: (layer: number) => string) {
    this.#diffIds = diffIds;
    this.#merger = new LayerMerger(nameLayer);
  }

  /** Takes the index of one of the layers, of all that have its diffId. */
  add(index: LayerIndex): void {
    this.#found.set(index.diffId, index);
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const index = next;
      this.#indexes.push(index);
      this.#merged = this.#merged.then(() => this.#merge(index));
    }
  }

  /** Throws what `mergeLayers` throws. */
  async finish(): Promise<{ readonly indexes: readonly LayerIndex[]; readonly tree: FileTree }> {
    const missing = this.#diffIds[this.#indexes.length];
    if (missing !== undefined) throw new RangeError(`no index of ${missing}`);
    await this.#merged;
    if (this.#failure) throw this.#failure.error;
    return { indexes: this.#indexes, tree: this.#merger.tree };
  }

  #next(): LayerIndex | undefined {
    const diffId = this.#diffIds[this.#indexes.length];
    return diffId && this.#found.get(diffId);
  }

  async #merge(index: LayerIndex): Promise<void> {
    if (this.#failure) return;
    try {
      for (const _ of this.#merger.add(eachEntry(index))) await setImmediate();
    } catch (error) {
      this.#failure = { error };
    }
  }
}
