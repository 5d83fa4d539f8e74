import { describe, expect, test } from 'vitest';
import { patchesIn, patchMark, showRuntimeVersion } from '../../src/runtime/patch-marks.ts';
import { parseRuntimeVersion } from '../../src/runtime/version.ts';

const marked = (...names: readonly string[]) =>
  Buffer.from(`\x7fELF${names.map((name) => `\0${patchMark(name)}\0`).join('\x01')}end`, 'latin1');

describe('the patches of a compiled file', () => {
  test('are those whose marks it has, sorted, each once', () => {
    expect(patchesIn(marked('linear-parse', 'a-2', 'linear-parse'))).toEqual(['a-2', 'linear-parse']);
  });

  test.each([
    ['no mark', Buffer.from('gsc and patches')],
    ['a mark without a name', Buffer.from('gsc patch: \0')],
    ['a mark without its end', Buffer.from('gsc patch: linear-parse')],
    ['a text that goes on', Buffer.from('gsc patch: linear-parse is good\0')],
    ['a name of other characters', Buffer.from('gsc patch: Linear_Parse\0')],
    ['a name without an end nearby', Buffer.from(`gsc patch: ${'a'.repeat(100)}\0`)],
    ['nothing', Buffer.alloc(0)],
  ])('are none with %s', (_name, content) => {
    expect(patchesIn(content)).toEqual([]);
  });
});

test('reports name the release and the patches in words', () => {
  expect(showRuntimeVersion(parseRuntimeVersion('1.9'), [])).toBe('Gramine 1.9');
  expect(showRuntimeVersion(parseRuntimeVersion('1.9'), ['linear-parse', 'mine.patch'])).toBe(
    'Gramine 1.9, linear parse, mine.patch',
  );
});
