import * as v from 'valibot';
import { expect, test } from 'vitest';
import { objectOf, recordOf, strictObjectOf } from '../../src/base/object-schema.ts';
import { describeShape } from '../../src/base/shape-problem.ts';

const schema = objectOf({ layers: v.array(objectOf({ size: v.number('expected a size') })) });

function describe(value: unknown, shape: v.GenericSchema = schema): string {
  const { issues } = v.safeParse(shape, value);
  if (issues === undefined) throw new Error('expected a problem');
  return describeShape(issues);
}

test('a problem is reported on one line with its place, as JavaScript would write it', () => {
  expect(describe({ layers: [{ size: 1 }, { size: 'x' }] })).toBe('layers[1].size: expected a size');
});

test('a problem of the whole value has no place', () => {
  expect(describe(3)).toBe('expected an object');
});

test('of many problems the first are reported, and how many more there are', () => {
  const text = describe({ layers: Array.from({ length: 1000 }, () => ({ size: null })) });
  expect(text).toMatch(/^layers\[0].size: .*layers\[2].size: .*; and 997 more$/);
  expect(text).not.toContain('\n');
});

test.each<[v.GenericSchema, unknown, string]>([
  [v.string(), 1, 'expected a string'],
  [v.number(), 'x', 'expected a number'],
  [v.pipe(v.number(), v.safeInteger()), 1.5, 'expected a whole number'],
  [v.pipe(v.number(), v.safeInteger()), 2 ** 53, 'expected a whole number'],
  [v.boolean(), null, 'expected true or false'],
  [v.array(v.string()), {}, 'expected an array'],
  [recordOf(v.string(), v.string()), [], 'expected an object'],
  [v.picklist([2, 'two']), 3, 'expected 2 or "two"'],
  [v.picklist(['a', 'b']), 'c', 'expected "a" or "b"'],
  [v.pipe(v.number(), v.minValue(3)), 2, 'expected at least 3'],
  [v.pipe(v.string(), v.maxLength(1)), 'ab', 'expected at most 1'],
  [v.pipe(v.string(), v.regex(/^x$/)), 'y', 'expected a string of the form /^x$/'],
  [strictObjectOf({}), { a: 1, b: 2 }, 'unknown key a'],
  [objectOf({ a: objectOf({ b: v.string() }) }), { a: {} }, 'a.b: expected a string'],
  [objectOf({ a: v.pipe(v.string('expected a name'), v.minLength(1)) }), {}, 'a: expected a name'],
  [
    v.union([v.string(), v.number()]),
    true,
    'expected one of several forms: expected a string, or expected a number',
  ],
  [v.nullish(v.array(v.string())), [1], '[0]: expected a string'],
  [
    v.array(v.union([v.string(), strictObjectOf({ a: v.string() })])),
    [{ a: '', b: 1 }],
    '[0]: unknown key b',
  ],
  [
    v.union([v.string(), objectOf({ a: v.union([v.number(), v.array(v.string())]) })]),
    { a: [1] },
    'a[0]: expected a string',
  ],
])('a schema without its own message still says what it expects (%#)', (shape, value, message) => {
  expect(describe(value, shape)).toBe(message);
});
