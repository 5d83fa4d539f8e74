import { expect, test } from 'vitest';
import { Stopwatch } from '../../../src/cli/terminal/stopwatch.ts';

test('times the steps in their order, those of one name together, and the total', () => {
  const watch = new Stopwatch();
  watch.lap('open');
  watch.lap('store');
  watch.lap('open');
  const { total = -1, ...steps } = watch.toJson();
  expect(Object.keys(steps)).toEqual(['open', 'store']);
  const sum = Object.values(steps).reduce((all, seconds) => all + seconds, 0);
  // Each is rounded to a millisecond.
  expect(Math.abs(total - sum)).toBeLessThan(0.002);
  expect(String(watch)).toMatch(/^open \d+\.\d\d s, store \d+\.\d\d s, total \d+\.\d\d s$/);
});
