import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { bundledGsc } from '../support/cli/gsc.ts';

/** The files of a bundle that are loaded when one of them is, without what is imported while a command runs. */
function loadedWith(file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  for (const [, name = ''] of text.matchAll(/(?:from|import)\s*"(\.\/[^"]+\.js)"/g))
    loadedWith(join(dirname(file), name), seen);
  return seen;
}

test('what makes a page is not loaded with gsc itself', async () => {
  const loaded = [...loadedWith(await bundledGsc())].map((file) => readFileSync(file, 'utf8'));
  const everything = loaded.join('\n');
  expect(loaded.length).toBeGreaterThan(0);
  for (const mark of ['<!DOCTYPE html>', 'autoEscape', 'paddingInner'])
    expect(everything).not.toContain(mark);
});
