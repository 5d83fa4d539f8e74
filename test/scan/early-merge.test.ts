import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/base/digest.ts';
import { EarlyMerge } from '../../src/scan/early-merge.ts';
import type { LayerIndex } from '../../src/scan/layer-index.ts';
import { scanLayer } from '../../src/scan/scan-layer.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { layerFrom, type MadeEntry, tarWith } from '../support/scan/made-layers.ts';

const nameLayer = (layer: number) => `layer ${layer}`;

async function indexOf(...entries: MadeEntry[]): Promise<LayerIndex> {
  return scanLayer(layerFrom(await tarWith(entries)), { subject: 'test' });
}

function mergeOf(indexes: readonly LayerIndex[], order: readonly LayerIndex[] = indexes) {
  const merge = new EarlyMerge(
    indexes.map(({ diffId }): Digest => diffId),
    nameLayer,
  );
  for (const index of order) merge.add(index);
  return merge.finish();
}

describe('EarlyMerge', () => {
  it('merges layers to the same tree in whatever order they come, one that an image has twice too', async () => {
    const [a, b, c] = [
      await indexOf(['d/x', 'a'], ['l', { link: 'd' }]),
      await indexOf(['d/.wh.x', ''], ['l/y', 'b']),
      await indexOf(['d/z', { hard: 'd/x' }], ['d/x', 'c']),
    ].map((index) => index as LayerIndex) as [LayerIndex, LayerIndex, LayerIndex];
    const layers = [a, b, a, c];
    const tree = mergeLayers(
      layers.map(({ entries }) => entries),
      nameLayer,
    );
    for (const order of [
      [a, b, c],
      [c, b, a],
      [b, c, a],
    ]) {
      const found = await mergeOf(layers, order);
      expect(found.tree).toEqual(tree);
      expect(found.indexes).toEqual(layers);
    }
  });

  it('keeps what does not merge for the end, the lowest first', async () => {
    const fine = await indexOf(['a', 'x']);
    const first = await indexOf(['b', { hard: 'gone' }]);
    const second = await indexOf(['c', { hard: 'gone' }]);
    await expect(mergeOf([fine, first, second], [second, first, fine])).rejects.toMatchObject({
      code: 'tree',
      subject: 'layer 1: /b',
    });
  });

  it('does not end without a layer', async () => {
    const [one, other] = [await indexOf(['a', 'x']), await indexOf(['b', 'x'])];
    await expect(mergeOf([one, other], [other])).rejects.toThrow(RangeError);
  });

  it('takes the entries of the next layer while that is listed, with the same result', async () => {
    const layers = [
      await indexOf(['d/x', 'a'], ['d/q', 'a'], ['l', { link: 'd' }]),
      await indexOf(['d/.wh.x', ''], ['l/y', 'b'], ['l/y', 'c'], ['z', { hard: 'd/q' }]),
      await indexOf(['d/x', 'd']),
    ];
    const diffIds = [...layers, ...layers.slice(0, 1)].map(({ diffId }) => diffId);
    const all = [...layers, ...layers.slice(0, 1)] as LayerIndex[];
    const merge = new EarlyMerge(diffIds, nameLayer);
    const [first, second, third] = layers as [LayerIndex, LayerIndex, LayerIndex];
    expect(merge.follow(second.diffId)).toBeUndefined();
    const take = merge.follow(first.diffId);
    expect(merge.follow(first.diffId)).toBeUndefined();
    for (const entry of first.entries) take?.(entry);
    merge.add(second);
    merge.add(first);
    merge.add(third);
    const found = await merge.finish();
    expect(found.tree).toEqual(
      mergeLayers(
        all.map(({ entries }) => entries),
        nameLayer,
      ),
    );
    expect(found.indexes).toEqual(all);
    expect(found.repeating).toEqual((await mergeOf(all)).repeating);
  });

  it('keeps what does not merge on the way for the end', async () => {
    const index = await indexOf(['b', { hard: 'gone' }], ['c', 'x']);
    const merge = new EarlyMerge([index.diffId], nameLayer);
    const take = merge.follow(index.diffId);
    for (const entry of index.entries) take?.(entry);
    merge.add(index);
    await expect(merge.finish()).rejects.toMatchObject({ code: 'tree', subject: 'layer 0: /b' });
  });

  it('follows no layer that the image below has too: its index may be taken before it is listed', async () => {
    const [a, w, b] = [
      await indexOf(['x', 'a'], ['y', 'a']),
      await indexOf(['.wh.x', ''], ['.wh.y', '']),
      await indexOf(['z', 'b']),
    ] as [LayerIndex, LayerIndex, LayerIndex];
    const below = await mergeOf([a, w]);
    const all = [a, w, a, b];
    const merge = new EarlyMerge(
      all.map(({ diffId }) => diffId),
      nameLayer,
      { below },
    );
    const take = merge.follow(a.diffId);
    for (const entry of a.entries.slice(0, 1)) take?.(entry);
    merge.add(b);
    await setImmediate();
    for (const entry of a.entries.slice(1)) take?.(entry);
    merge.add(a);
    expect((await merge.finish()).tree).toEqual(
      mergeLayers(
        all.map(({ entries }) => entries),
        nameLayer,
      ),
    );
  });
});
