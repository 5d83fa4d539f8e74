import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { imagePath, isWithin } from '../../src/base/image-path.ts';
import { PlaceIndex, placesOf } from '../../src/base/place-index.ts';

const path = fc
  .array(fc.constantFrom('a', 'b', 'ab', '\xff'), { maxLength: 4 })
  .map((parts) => imagePath(`/${parts.join('/')}`));

describe('PlaceIndex', () => {
  test.each([
    ['/a/b/c', ['/a/b/c', '/a', '/']],
    ['/a/b', ['/a', '/']],
    ['/ab', ['/']],
    ['/', ['/']],
    ['a/b', ['a/b', 'a', '']],
    ['a/bc', ['a', '']],
    ['', ['']],
  ])('above %s it finds the place itself and those above, the innermost first', (at, found) => {
    const index = placesOf(['/', '/a', '/a/b/c', '/a/bc', 'a', 'a/b', '']);
    expect(index.above(at)).toEqual(found);
  });

  test('of equal places the last one counts, and none hold nothing', () => {
    expect(new PlaceIndex([['/a', 1] as const, ['/a', 2] as const]).above('/a/b')).toEqual([2]);
    expect(placesOf([]).holds('/')).toBe(false);
  });

  test('holds what lies within any of the places, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(path, { maxLength: 5 }), path, (places, at) => {
        expect(placesOf(places).holds(at)).toBe(places.some((place) => isWithin(at, place)));
      }),
    );
  });
});
