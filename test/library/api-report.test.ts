import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
// @ts-expect-error A script has no types.
import { apiReport, exportsOf, hiddenTypes } from '../../scripts/api-report.mjs';

const entries = ['index', 'attest', 'tools', 'parts'];
let types = '';

beforeAll(() => {
  types = mkdtempSync(join(tmpdir(), 'gsc-types-'));
  execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.types.json', '--outDir', types]);
}, 120_000);

afterAll(() => rmSync(types, { recursive: true, force: true }));

describe('the API of the library', () => {
  test('is what docs/api-report.md says (npm run build && npm run api-report writes it)', () => {
    expect(readFileSync('docs/api-report.md', 'utf8')).toBe(apiReport(types));
  });

  test.each(entries)('%s exports every type in the signatures of what it exports', (entry) => {
    expect(hiddenTypes(types, entry)).toEqual([]);
  });

  test.each(entries)('%s exports no name twice', (entry) => {
    const names = exportsOf(types, entry).map(({ name }: { readonly name: string }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(20);
  });
});
