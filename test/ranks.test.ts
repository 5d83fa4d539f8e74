import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/** The folders of src/ from the ground up: nouns, verbs, faces. A file imports only from its own folder and from those below. */
const nouns = [
  'base',
  'elf',
  'json',
  'reference',
  'config',
  'image',
  'tar/codec',
  'tar',
  'tree',
  'layer',
  'scan',
  'start',
  'trust',
  'store/local',
  'store/layout',
  'store/archive',
  'store/registry',
  'store/engine',
  'store/engine/build',
  'store/cache',
  'store',
  'workspace',
  'runtime',
  'runtime/package',
  'runtime/find',
  'runtime/recipe/patches',
  'runtime/recipe',
  'manifest/toml',
  'manifest/schema',
  'manifest/files',
  'manifest/preset',
  'manifest/migrate',
  'manifest',
  'profile',
  'trace',
  'enclave',
  'signature',
  'user-manifest',
  'x509',
  'quote',
  'collateral',
  'policy',
];
const verbs = ['provision', 'graminize', 'sign', 'inspect', 'attest', 'broker'];
const faces = ['.', 'cli/terminal', 'cli/options', 'cli/reports', 'cli/commands', 'cli'];
const ranks = [...nouns, ...verbs, ...faces];

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .sort();
const imports = new Map(files.map((file) => [file, relativeImports(file)]));

describe('folder ranks', () => {
  test('every folder of src has a rank, and every rank a folder', () => {
    expect([...new Set(files.map(dirname))].sort()).toEqual([...ranks].sort());
  });

  test.each(files)('%s imports only from its own folder and lower ones', (file) => {
    const own = ranks.indexOf(dirname(file));
    for (const target of importsOf(file)) {
      expect(ranks.indexOf(dirname(target)), `${file} imports ${target}`).toBeLessThanOrEqual(own);
    }
  });

  test('no two files import each other in a circle', () => {
    expect(circles()).toEqual([]);
  });

  test('store knows nothing of trees, scans, runtimes, manifests and enclaves, nor they of it', () => {
    const isStore = (file: string) => /^store\//.test(file);
    const isOther = (file: string) =>
      /^(?:tree|layer|scan|start|trust|runtime|manifest|enclave|signature)\//.test(file);
    for (const file of files) {
      for (const target of importsOf(file)) {
        expect(isStore(file) && isOther(target), `${file} imports ${target}`).toBe(false);
        expect(isOther(file) && isStore(target), `${file} imports ${target}`).toBe(false);
      }
    }
  });

  test('only the faces print, exit or read the environment', () => {
    const forbidden = /process\.(exit|env|stdout|stderr|argv|cwd)|console\./;
    for (const file of files.filter((name) => !/^(?:cli\/|index)/.test(name))) {
      expect(forbidden.exec(readFileSync(join('src', file), 'utf8'))?.[0], file).toBeUndefined();
    }
  });
});

function importsOf(file: string): readonly string[] {
  return imports.get(file) ?? [];
}

function relativeImports(file: string): readonly string[] {
  const text = readFileSync(join('src', file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((match) => match[1] ?? '');
  return specifiers.map((specifier) => normalize(join(dirname(file), specifier)));
}

/** Each circle of imports as the files on it, found by a walk in depth. */
function circles(): readonly string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    const start = way.indexOf(file);
    if (start >= 0) found.push([...way.slice(start), file].join(' -> '));
    if (start >= 0 || done.has(file)) return;
    for (const target of importsOf(file)) visit(target, [...way, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  return found;
}
