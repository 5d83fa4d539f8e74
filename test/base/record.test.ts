import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeRecord, encodeRecord, type RecordLayout } from '../../src/base/record.ts';

const layout: RecordLayout = {
  sizeBytes: 32,
  fields: [
    ['small', 0, 1],
    ['word', 2, 2],
    ['double', 4, 4],
    ['long', 12, 8],
    ['tail', 24, { bytes: 4 }],
  ],
};

test('decode(encode(x)) is x', () => {
  const values = fc.record({
    small: fc.integer({ min: 0, max: 0xff }),
    word: fc.integer({ min: 0, max: 0xffff }),
    double: fc.nat({ max: 0xffffffff }),
    long: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
    tail: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  });
  fc.assert(
    fc.property(values, (given) => {
      const decoded = decodeRecord(layout, encodeRecord(layout, given));
      expect({ ...decoded, tail: Uint8Array.from(decoded.tail as Uint8Array) }).toEqual(given);
    }),
  );
});

test('numbers are little-endian and what is not named is zero', () => {
  expect(encodeRecord(layout, { word: 0x1234 }).toString('hex')).toBe(`0000${'3412'}${'00'.repeat(28)}`);
});

test.each([
  ['an unknown field', { nothing: 1 }],
  ['a number that does not fit', { small: 256 }],
  ['a negative number', { word: -1 }],
  ['a number where a bigint belongs', { long: 1 }],
  ['a bigint that does not fit', { long: 1n << 64n }],
  ['bytes of another length', { tail: new Uint8Array(3) }],
])('%s is refused', (_name, values) => {
  expect(() => encodeRecord(layout, values)).toThrow(RangeError);
});

test('bytes of another size are not a record', () => {
  expect(() => decodeRecord(layout, Buffer.alloc(31))).toThrow('expected 32 bytes, got 31');
});
