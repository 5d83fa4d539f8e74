import { expect, test } from 'vitest';
import { engineTests } from './support/projects.ts';

test('what starts an Engine, makes images or asks for a program is not a unit test, also through helpers', () => {
  const needy = engineTests();
  expect(needy).toEqual(
    expect.arrayContaining([
      'test/end-to-end/engine.test.ts',
      'test/samples.test.ts',
      'test/inspect/explain-path.test.ts',
      'test/store/registry/real.test.ts',
      'test/tar/foreign-tars.test.ts',
    ]),
  );
});

test('what needs Node alone is a unit test', () => {
  const needy = engineTests();
  for (const file of ['projects', 'tree/merge-layers', 'tar/read-tar', 'cli/build', 'store/registry/push']) {
    expect(needy).not.toContain(`test/${file}.test.ts`);
  }
  expect(needy.every((file) => file.endsWith('.test.ts'))).toBe(true);
});
