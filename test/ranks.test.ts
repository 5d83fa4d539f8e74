import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/** The folders of src/ from ground to top. A file imports only from its own folder and from those before it. */
const ranks = [
  'base',
  'reference',
  'image',
  'tar',
  'tree',
  'scan',
  'runtime',
  'manifest',
  'profile',
  'trace',
  'enclave',
  'signature',
  'store',
  '.',
  'cli',
];

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);

describe('folder ranks', () => {
  test('every folder of src has a rank', () => {
    for (const file of files) expect(ranks).toContain(folderOf(file));
  });

  test.each(files)('%s imports only from its own folder and lower ones', (file) => {
    const own = ranks.indexOf(folderOf(file));
    for (const target of relativeImports(file)) {
      const rank = ranks.indexOf(folderOf(target));
      expect(rank, `${file} imports ${target}`).toBeLessThanOrEqual(own);
      expect(rank, `${file} imports ${target}`).toBeGreaterThanOrEqual(0);
    }
  });

  test('store knows nothing of what lies between it and the images, nor is it known there', () => {
    const between = ['tree', 'scan', 'runtime', 'manifest', 'enclave', 'signature'];
    for (const file of files.filter((name) => folderOf(name) === 'store')) {
      for (const target of relativeImports(file)) expect(between, file).not.toContain(folderOf(target));
    }
  });

  test('only cli prints, exits or reads the environment', () => {
    const forbidden = /process\.(exit|env|stdout|stderr|argv|cwd)|console\./;
    for (const file of files.filter((name) => folderOf(name) !== 'cli')) {
      expect(forbidden.exec(readFileSync(join('src', file), 'utf8'))?.[0], file).toBeUndefined();
    }
  });
});

/** The folder below src/ that decides the rank; folders inside it share it. */
function folderOf(file: string): string {
  return dirname(file).split('/')[0] ?? '.';
}

function relativeImports(file: string): readonly string[] {
  const text = readFileSync(join('src', file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((match) => match[1] ?? '');
  return specifiers.map((specifier) => normalize(join(dirname(file), specifier)));
}
