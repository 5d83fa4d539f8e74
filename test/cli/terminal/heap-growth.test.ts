import { cachedDataVersionTag, setFlagsFromString } from 'node:v8';
import { expect, test } from 'vitest';
import { growHeapSlowly, restoreHeapGrowth } from '../../../src/cli/terminal/heap-growth.ts';

test("V8's settings are restored: code that it compiled under others it does not take", () => {
  // A command that another test has run in this process may have changed them.
  restoreHeapGrowth();
  const before = cachedDataVersionTag();
  growHeapSlowly();
  setFlagsFromString('--semi-space-growth-factor=1');
  expect(cachedDataVersionTag()).not.toBe(before);
  restoreHeapGrowth();
  expect(cachedDataVersionTag()).toBe(before);
});
