import { describe, expect, test } from 'vitest';
import { keepElements, replaceAt } from '../../../src/manifest/toml/document-edits.ts';
import { serializeManifest } from '../../../src/manifest/toml/serialize.ts';
import { parseToml } from '../../../src/manifest/toml/toml.ts';

const text = 'a.b = 1\nlist = [\n  { x = 1 },\n  { x = 2 },\n  { x = 3 },\n]\n';
const document = parseToml(text, 'd');

describe('replaceAt', () => {
  test('sets a value, in its place or at the end, and leaves the document as it was', () => {
    const { root } = replaceAt(replaceAt(document, ['a', 'b'], 'new'), ['a', 'c', 'd'], 2n);
    expect(serializeManifest(root)).toMatch(/^\[a\]\n?b = "new"/m);
    expect(serializeManifest(root)).toContain('[a.c]\nd = 2');
    expect(serializeManifest(document.root)).not.toContain('new');
  });

  test('removes a key, and nothing if there is none', () => {
    expect(replaceAt(document, ['a', 'b'], undefined).root.get('a')).toEqual(new Map());
    expect(replaceAt(document, ['a', 'z'], undefined).root.get('a')).toEqual(new Map([['b', 1n]]));
  });

  test('reaches into elements of arrays', () => {
    const { root } = replaceAt(document, ['list', 1, 'x'], 9n);
    expect(root.get('list')).toEqual([1n, 9n, 3n].map((x) => new Map([['x', x]])));
  });
});

describe('keepElements', () => {
  test('keeps the positions of what stays', () => {
    const kept = keepElements(document, ['list'], [2]);
    expect(kept.root.get('list')).toEqual([new Map([['x', 3n]])]);
    expect(kept.locate(['list', 0, 'x'])).toEqual(document.locate(['list', 2, 'x']));
    expect(kept.locate(['a', 'b'])).toEqual({ line: 1, column: 3 });
  });

  test('a repeated text counts from its first mention', () => {
    const once = keepElements(document, ['list'], [1, 2]);
    const twice = keepElements(once, ['list'], [1]);
    expect(twice.locate(['list', 0])).toEqual(document.locate(['list', 2]));
  });
});
