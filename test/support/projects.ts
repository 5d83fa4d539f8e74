import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * How tests ask whether a program of the system is there; those that start an Engine or make images do so too. Long tests say so.
 */
const asksForMore = /\bhasTool\(|command -v |\blongTest\(/;

/**
 * The test files that need more than Node, a Docker Engine, root, or programs that packages bring, or more than a few seconds. They
 * ask whether a program is there, or for time, by themselves or through a helper. All others are unit tests.
 */
export function engineTests(): readonly string[] {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('test', name));
  const texts = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));
  const needy = new Set(files.filter((file) => asksForMore.test(texts.get(file) ?? '')));
  needy.delete('test/support/global-setup.ts');
  needy.delete('test/support/projects.ts');
  for (let before = 0; before < needy.size; ) {
    before = needy.size;
    for (const file of files) {
      if (importsOf(file, texts.get(file) ?? '').some((imported) => needy.has(imported))) needy.add(file);
    }
  }
  return [...needy].filter((file) => file.endsWith('.test.ts')).sort();
}

function importsOf(file: string, text: string): readonly string[] {
  return [...text.matchAll(/from '(\.[^']+)'/g)].map(([, path = '']) => join(dirname(file), path));
}
