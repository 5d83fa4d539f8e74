import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GscError } from '../../src/base/error.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';
import { LayerMerger, mergeLayers } from '../../src/tree/merge-layers.ts';
import { resolvePath } from '../../src/tree/resolve-path.ts';
import { walkTree } from '../../src/tree/walk-tree.ts';
import { diffOf, type FlatTree, flatTree, layerEntry } from '../support/tree/arbitrary-layers.ts';
import { linesOf } from '../support/tree/layer-stack.ts';

function mergedOrFailure(layers: LayerEntry[][]): readonly string[] | undefined {
  try {
    return linesOf(mergeLayers(layers));
  } catch (error) {
    if (error instanceof GscError && error.code === 'tree') return undefined;
    throw error;
  }
}

function linesOfFlat(tree: FlatTree): readonly string[] {
  const paths = [...tree.keys()].sort((a, b) => (a.replaceAll('/', '\0') < b.replaceAll('/', '\0') ? -1 : 1));
  return ['/', ...paths.map((at) => (tree.get(at) === undefined ? `${at}/ 755` : `${at} = ${tree.get(at)}`))];
}

describe('mergeLayers', () => {
  it('a history of file systems, stored as diffs, merges to the last one', () => {
    fc.assert(
      fc.property(fc.array(flatTree, { minLength: 1, maxLength: 5 }), (history) => {
        const empty: FlatTree = new Map();
        const layers = history.map((tree, i) => diffOf(history[i - 1] ?? empty, tree));
        expect(linesOf(mergeLayers(layers))).toEqual(linesOfFlat(history.at(-1) ?? empty));
      }),
      { numRuns: 500 },
    );
  });

  it('the order of whiteouts in a layer does not matter where no links are involved', () => {
    fc.assert(
      fc.property(flatTree, flatTree, fc.infiniteStream(fc.nat()), (from, to, order) => {
        const diff = diffOf(from, to);
        const keyed = diff.map((entry) => ({
          entry,
          key: entry.kind === 'whiteout' ? order.next().value : 0,
        }));
        const shuffled = keyed.sort((a, b) => (a.key ?? 0) - (b.key ?? 0)).map(({ entry }) => entry);
        const base = diffOf(new Map(), from);
        expect(linesOf(mergeLayers([base, shuffled]))).toEqual(linesOf(mergeLayers([base, diff])));
      }),
    );
  });

  it('an empty layer changes nothing, and any layers merge or fail with a tree error', () => {
    fc.assert(
      fc.property(fc.array(fc.array(layerEntry, { maxLength: 10 }), { maxLength: 4 }), (layers) => {
        const result = mergedOrFailure(layers);
        expect(mergedOrFailure([...layers, []])).toEqual(result);
      }),
      { numRuns: 1000 },
    );
  });

  it('a tree that was split off stays as it is, and what is merged upon it is what merging all at once gives', () => {
    const nameLayer = (layer: number) => `layer ${layer + 1}`;
    const history = fc.array(fc.array(layerEntry, { maxLength: 10 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(history, fc.nat(4), fc.array(layerEntry, { maxLength: 10 }), (layers, at, other) => {
        const count = Math.min(at, layers.length);
        const upper = layers.slice(count);
        fc.pre(mergedOrFailure(layers) !== undefined);
        const merger = new LayerMerger(nameLayer);
        for (const entries of layers.slice(0, count)) for (const _ of merger.add(entries));
        const lower = merger.split();
        const before = linesOf(lower);
        for (const entries of upper) for (const _ of merger.add(entries));
        fc.pre(mergedOrFailure([...layers.slice(0, count), other]) !== undefined);
        const second = LayerMerger.upon(lower, count, nameLayer);
        for (const _ of second.add(other));
        expect(merger.tree).toEqual(mergeLayers(layers));
        expect(second.tree).toEqual(mergeLayers([...layers.slice(0, count), other]));
        expect(linesOf(lower)).toEqual(before);
        expect(lower).toEqual(mergeLayers(layers.slice(0, count)));
      }),
      { numRuns: 200 },
    );
  });

  it('a layer that has two files under one path is among those that may repeat a name', () => {
    fc.assert(
      fc.property(fc.array(layerEntry, { maxLength: 12 }), (entries) => {
        fc.pre(mergedOrFailure([entries]) !== undefined);
        const merger = new LayerMerger((layer) => `layer ${layer + 1}`);
        for (const _ of merger.add(entries));
        const files = entries.filter(({ kind }) => !['directory', 'whiteout', 'opaque'].includes(kind));
        const isTwice = new Set(files.map(({ path }) => path)).size < files.length;
        if (isTwice) expect([...merger.repeating]).toEqual([0]);
      }),
      { numRuns: 2000 },
    );
  });

  it('every name of a tree is found by its own path, and walks are in order of components', () => {
    fc.assert(
      fc.property(fc.array(layerEntry, { maxLength: 20 }), (layer) => {
        const usable = layer.filter((entry) => entry.kind !== 'hardlink');
        let tree: ReturnType<typeof mergeLayers>;
        try {
          tree = mergeLayers([usable]);
        } catch {
          return;
        }
        const names = [...walkTree(tree)];
        for (const { path, node } of names) {
          expect(resolvePath(tree, path, { followLast: false })).toEqual({ kind: 'found', path, node });
        }
        const keys = names.map(({ path }) => path.replaceAll('/', '\0'));
        expect(keys.slice(1)).toEqual([...keys.slice(1)].sort());
      }),
    );
  });
});
