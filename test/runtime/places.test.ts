import { describe, expect, test } from 'vitest';
import { labels } from '../../src/image/labels.ts';
import { labelledEnclaves } from '../../src/runtime/places.ts';

describe('the enclaves of an image', () => {
  const manifestsOf = (text: string | undefined, more: Readonly<Record<string, string>>) =>
    labelledEnclaves({ ...more, ...(text !== undefined && { [labels.manifests]: text }) }).map(
      ({ manifest }) => manifest,
    );
  const graphene = (release: string) => ({ [labels.family]: 'graphene', [labels.runtimeVersion]: release });
  const usual = ['/gramine/app_files/entrypoint.manifest'];

  test('are with Graphene until v1.1 those that the label names, in its order', () => {
    expect(manifestsOf('["/x/b","/x/a"]', graphene('1.1'))).toEqual(['/x/b.manifest', '/x/a.manifest']);
  });

  test('are in one directory: the loader changes into one', () => {
    expect(manifestsOf('["/x/b","/y/a"]', graphene('1.1'))).toEqual(['/x/b.manifest']);
  });

  test('is with Gramine, and with Graphene v1.2-rc1, the one that starts, whatever the label says', () => {
    expect(manifestsOf('["/gramine/app_files/genuine"]', {})).toEqual(usual);
    expect(manifestsOf('["/genuine"]', { [labels.family]: 'gramine' })).toEqual(usual);
    expect(manifestsOf('["/genuine"]', graphene('1.2-rc1'))).toEqual(['/entrypoint.manifest']);
  });

  test.each([undefined, '', '{', '[]', 'null', '{}', '[1]', '"/a"'])('are the usual one with %j', (text) => {
    expect(manifestsOf(text, {})).toEqual(usual);
    expect(manifestsOf(text, graphene('1.1'))).toEqual(usual);
  });
});
