import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOfValue } from '../../src/base/value-digest.ts';

describe('digestOfValue', () => {
  test.each<[string, unknown, unknown]>([
    ['the order of keys', { a: 1, b: 2 }, { b: 2, a: 1 }],
    ['members that are undefined', { a: 1, b: undefined }, { a: 1 }],
    ['the class of bytes', Buffer.from('ab'), new Uint8Array([0x61, 0x62])],
  ])('does not depend on %s', (_, a, b) => expect(digestOfValue(a)).toBe(digestOfValue(b)));

  test.each<[string, unknown, unknown]>([
    ['a text and the number in it', '1', 1],
    ['a number and a big one', 1, 1n],
    ['a text and its bytes', 'ab', Buffer.from('ab')],
    ['null and nothing', null, undefined],
    ['texts that join to the same', ['ab', 'c'], ['a', 'bc']],
    ['lists in lists', [['a'], 'b'], [['a', 'b']]],
    ['a list and a map', [['a', 1]], new Map([['a', 1]])],
    ['a map and an object', new Map([['a', 1]]), { a: 1 }],
    [
      'maps in another order',
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
      new Map([
        ['b', 2],
        ['a', 1],
      ]),
    ],
    ['zeros', 0, -0],
    ['lone surrogates', '\ud800', '\ud801'],
    ['an empty list and none', [], undefined],
  ])('tells apart %s', (_, a, b) => expect(digestOfValue(a)).not.toBe(digestOfValue(b)));

  test.each([
    ['a function', () => 1],
    ['a function inside', { a: [() => 1] }],
    ['a date', new Date(0)],
    ['a set', new Set([1])],
    ['a symbol', Symbol('x')],
  ])('refuses %s', (_, value) => expect(() => digestOfValue(value)).toThrow(RangeError));

  test('is that of a copy, and of no other value', () => {
    const property = fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      expect(digestOfValue(a)).toBe(digestOfValue(structuredClone(a)));
      if (JSON.stringify(sorted(a)) !== JSON.stringify(sorted(b)))
        expect(digestOfValue(a)).not.toBe(digestOfValue(b));
    });
    fc.assert(property, { numRuns: 300 });
  });
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => [key, sorted(member)]);
}
