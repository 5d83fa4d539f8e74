import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { describeShape } from '../../src/base/shape-problem.ts';

const schema = z.object({ layers: z.array(z.object({ size: z.number('expected a size') })) });

function describe(value: unknown, shape: z.ZodMiniType = schema): string {
  const { error } = shape.safeParse(value);
  if (error === undefined) throw new Error('expected a problem');
  return describeShape(error);
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

test.each<[z.ZodMiniType, unknown, string]>([
  [z.string(), 1, 'expected a string'],
  [z.number(), 'x', 'expected a number'],
  [z.int(), 1.5, 'expected a whole number'],
  [z.boolean(), null, 'expected true or false'],
  [z.array(z.string()), {}, 'expected an array'],
  [z.record(z.string(), z.string()), [], 'expected an object'],
  [z.literal([2, 'two']), 3, 'expected 2 or "two"'],
  [z.enum(['a', 'b']), 'c', 'expected "a" or "b"'],
  [z.number().check(z.minimum(3)), 2, 'expected at least 3'],
  [z.string().check(z.maxLength(1)), 'ab', 'expected at most 1'],
  [z.string().check(z.regex(/^x$/)), 'y', 'expected a string of the form /^x$/'],
  [z.strictObject({}), { a: 1, b: 2 }, 'unknown keys a, b'],
  [
    z.union([z.string(), z.number()]),
    true,
    'expected one of several forms: expected a string, or expected a number',
  ],
  [z.nullish(z.array(z.string())), [1], '[0]: expected a string'],
])('a schema without its own message still says what it expects (%#)', (shape, value, message) => {
  expect(describe(value, shape)).toBe(message);
});
