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
});
