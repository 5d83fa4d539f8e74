import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { describeShape } from '../../src/base/shape-problem.ts';

const schema = z.object({ layers: z.array(z.object({ size: z.number('expected a size') })) });

function describe(value: unknown): string {
  const { error } = schema.safeParse(value);
  if (error === undefined) throw new Error('expected a problem');
  return describeShape(error);
}

test('a problem is told on one line with its place, as JavaScript would write it', () => {
  expect(describe({ layers: [{ size: 1 }, { size: 'x' }] })).toBe('layers[1].size: expected a size');
});

test('a problem of the whole value has no place', () => {
  expect(describe(3)).not.toContain(':');
});

test('of many problems the first are told, and how many more there are', () => {
  const text = describe({ layers: Array.from({ length: 1000 }, () => ({ size: null })) });
  expect(text).toMatch(/^layers\[0].size: .*layers\[2].size: .*; and 997 more$/);
  expect(text).not.toContain('\n');
});
