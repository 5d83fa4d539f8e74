import { describe, expect, test } from 'vitest';
import { labels } from '../../src/image/labels.ts';
import { scanImage } from '../../src/scan/scan-image.ts';
import { diffFacts, haveSameFiles, isSame } from '../../src/verify/diff-facts.ts';
import type { GraminizedImage } from '../../src/verify/graminized-image.ts';
import { factsOf } from '../../src/verify/image-facts.ts';
import { imageOf, layerFrom, type MadeEntry, tarWith } from '../support/scan/made-layers.ts';

/** As far as files are compared. */
async function withFiles(entries: readonly MadeEntry[], version = '1.9'): Promise<GraminizedImage> {
  const image = imageOf([layerFrom(await tarWith(entries))]);
  const { tree } = await scanImage(image);
  const nothing = { problem: 'none' };
  const read = { image, tree, labels: { [labels.runtimeVersion]: version }, isSigned: false };
  return { ...read, manifest: nothing, signature: nothing } as unknown as GraminizedImage;
}

const entries: readonly MadeEntry[] = [
  ['a', 'x'],
  ['d/b', 'y'],
  ['l', { link: 'd' }],
  ['gramine/app_files/entrypoint.sig', 'signature'],
];
const without = (name: string) => entries.filter(([other]) => other !== name);

describe('haveSameFiles', () => {
  test.each<readonly [string, readonly MadeEntry[], boolean]>([
    ['the same files', entries, true],
    ['files in another order', [...entries].reverse(), true],
    ['an empty directory more', [...entries, ['e/', null]], true],
    ['another signature', [...without('gramine/app_files/entrypoint.sig')], true],
    ['a file less', without('a'), false],
    ['the last file less', without('l'), false],
    ['a file more', [...entries, ['z', '']], false],
    ['another content', [...without('a'), ['a', 'z']], false],
    ['a link that leads elsewhere', [...without('l'), ['l', { link: 'a' }]], false],
    ['a link in place of a file', [...without('a'), ['a', { link: 'd/b' }]], false],
    ['another file in the directory of the runtime', [...entries, ['gramine/runtime/x', '']], false],
  ])('%s: as a comparison of all facts says', async (_, others, expected) => {
    const [one, other] = [await withFiles(entries), await withFiles(others)];
    for (const [a, b] of [
      [one, other],
      [other, one],
    ] as const) {
      expect(haveSameFiles(a, b)).toBe(expected);
      expect(isSame(diffFacts(factsOf(a), factsOf(b)))).toBe(expected);
    }
  });

  test('another version of the runtime is a difference', async () => {
    expect(haveSameFiles(await withFiles(entries), await withFiles(entries, '1.8'))).toBe(false);
  });
});
