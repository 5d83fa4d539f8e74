import { describe, expect, it } from 'vitest';
import type { Layer } from '../../src/image/image.ts';
import { scanImage } from '../../src/scan/scan-image.ts';
import { imageOf, layerFrom, tarWith } from '../support/scan/made-layers.ts';
import { rawEntry, rawPax, rawTar } from '../support/tar/raw-tar.ts';

const lower = layerFrom(
  await tarWith([
    ['a', 'first'],
    ['d/b', 'x'],
    ['d/c', 'y'],
  ]),
);
const global = layerFrom(rawTar(rawPax({ uid: '5' }, 'g'), rawEntry({ name: 'g' })));
const upper = layerFrom(
  await tarWith([
    ['a', 'other'],
    ['d/.wh.b', ''],
    ['e', 'new'],
  ]),
);
const other = layerFrom(await tarWith([['e', 'another']]));

const image = imageOf([lower, global, upper]);

describe('scanImage with an image below', () => {
  it('gives the lowest layers as an image of their own, with the same values as by themselves', async () => {
    const { lower: base, ...scan } = await scanImage(image, { lowerLayers: 2 });
    expect(scan).toEqual(await scanImage(image));
    expect(base).toEqual(await scanImage(imageOf([lower, global])));
    expect(scan.tree.root.children.get('d')).not.toBe(base?.tree.root.children.get('d'));
    expect(scan.tree.root.children.get('g')).toBe(base?.tree.root.children.get('g'));
  });

  it('takes over what the image below has, and changes nothing of it', async () => {
    const below = await scanImage(imageOf([lower, global]));
    const before = structuredClone(below);
    const again = imageOf([lower, global, other]);
    const unread = { load: async () => undefined, save: async (layer: Layer) => void saved.push(layer) };
    const saved: Layer[] = [];
    const scan = await scanImage(again, { below, indexes: unread });
    expect(scan).toEqual(await scanImage(again));
    expect(saved).toEqual([other]);
    expect(scan.tree.root.children.get('d')).toBe(below.tree.root.children.get('d'));
    expect(below).toEqual(before);
  });

  it.each([
    ['other layers', [lower, other]],
    ['more layers', [lower, global, upper, other]],
    ['the layers in another order', [global, lower]],
  ])('takes over nothing of an image with %s', async (_, layers) => {
    const below = await scanImage(imageOf(layers));
    expect(await scanImage(image, { below })).toEqual(await scanImage(image));
  });
});
