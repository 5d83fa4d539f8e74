import { describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { readTopFiles } from '../../src/scan/read-top-files.ts';
import { imageOf, layerFrom, type MadeEntry, tarWith } from '../support/scan/made-layers.ts';

const wanted = ['/d/a', '/d/b'].map(imagePath);
const lower: readonly MadeEntry[] = [
  ['d/', null],
  ['d/a', 'A'],
  ['d/b', 'B'],
];

/** The contents that are found below an upper layer of these entries. */
async function found(...upper: readonly MadeEntry[]): Promise<Record<string, string>> {
  const layers = await Promise.all([lower, upper].map(async (entries) => layerFrom(await tarWith(entries))));
  const contents = await readTopFiles(imageOf(layers), wanted);
  return Object.fromEntries([...contents].map(([path, content]) => [path, content.toString()]));
}

describe('readTopFiles', () => {
  test('gives the contents of the uppermost layer that has a file', async () => {
    expect(await found(['d/a', 'new'])).toEqual({ '/d/a': 'new', '/d/b': 'B' });
    expect(await found(['other', 'x'], ['d/.wh.c', ''])).toEqual({ '/d/a': 'A', '/d/b': 'B' });
  });

  test.each<[string, readonly MadeEntry[], Record<string, string>]>([
    ['a whiteout', [['d/.wh.a', '']], { '/d/b': 'B' }],
    ['a whiteout of a directory above', [['.wh.d', '']], {}],
    ['an opaque marker', [['d/.wh..wh..opq', '']], {}],
    [
      'an opaque marker beside a file',
      [
        ['d/.wh..wh..opq', ''],
        ['d/a', 'new'],
      ],
      { '/d/a': 'new' },
    ],
    ['an opaque root', [['.wh..wh..opq', '']], {}],
    ['a link of its name', [['d/a', { link: 'b' }]], { '/d/b': 'B' }],
    ['a link in the place of its directory', [['d', { link: 'e' }]], {}],
    ['a file in the place of its directory', [['d', 'file']], {}],
    ['a directory of its name', [['d/a/', null]], { '/d/b': 'B' }],
    ['its directory again', [['d/', null]], { '/d/a': 'A', '/d/b': 'B' }],
    ['what lies below a name like a whiteout', [['d/.wh.a/x', '']], { '/d/a': 'A', '/d/b': 'B' }],
  ])('what is below %s', async (_, upper, contents) => {
    expect(await found(...upper)).toEqual(contents);
  });
});
