import { expect, test } from 'vitest';
import { inParallel } from '../../src/base/in-parallel.ts';

test('each item is taken once, and never more than so many at a time', async () => {
  const [taken, running] = [[] as number[], new Set<number>()];
  let most = 0;
  await inParallel([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    running.add(item);
    most = Math.max(most, running.size);
    await new Promise(setImmediate);
    taken.push(item);
    running.delete(item);
  });
  expect(taken.sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(most).toBe(3);
});

test('a failure is thrown', async () => {
  const failing = inParallel([1, 2], 2, async (item) => {
    if (item === 2) throw new RangeError('two');
  });
  await expect(failing).rejects.toThrow('two');
});

test('no items are no work', async () => {
  await inParallel([], 4, () => Promise.reject(new Error('called')));
});
