import { describe, expect, test } from 'vitest';
import { labels } from '../../src/image/labels.ts';
import { labelledEnclaves } from '../../src/runtime/places.ts';

describe('the enclaves of an image, by its label,', () => {
  const manifestsOf = (text?: string) =>
    labelledEnclaves(text === undefined ? {} : { [labels.manifests]: text }).map(({ manifest }) => manifest);
  const usual = ['/gramine/app_files/entrypoint.manifest'];

  test('are those that it names, in its order', () => {
    expect(manifestsOf('["/b","/a"]')).toEqual(['/b.manifest', '/a.manifest']);
  });

  test.each([undefined, '', '{', '[]', 'null', '{}', '[1]', '"/a"'])('are the usual one with %j', (text) => {
    expect(manifestsOf(text)).toEqual(usual);
  });
});
