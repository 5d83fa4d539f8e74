import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, expect } from 'vitest';
import { bundledGsc, gscInScratch } from '../support/cli/gsc.ts';
import { longTest } from '../support/long-test.ts';

const scratch = mkdtempSync(join(tmpdir(), 'gsc-bundle-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly ranges: readonly {
        readonly startOffset: number;
        readonly endOffset: number;
        readonly count: number;
      }[];
    }[];
  }[];
}

/** How often V8 ran each of the places in the script where these words stand. */
async function runsOf(marks: readonly string[], words: readonly string[]): Promise<readonly number[]> {
  const gsc = await gscInScratch();
  const directory = mkdtempSync(join(scratch, 'coverage-'));
  const result = await gsc(words, { env: { NODE_V8_COVERAGE: directory } });
  expect(result.code).toBe(0);
  const file = join(dirname(await bundledGsc()), 'gsc-bundle.cjs');
  const [report = ''] = readdirSync(directory);
  const coverage: Coverage = JSON.parse(readFileSync(join(directory, report), 'utf8'));
  const script = coverage.result.find(({ url }) => url.endsWith('gsc-bundle.cjs'));
  const ranges = (script?.functions ?? []).flatMap((each) => each.ranges);
  expect(ranges.length).toBeGreaterThan(0);
  // V8 counts from where the script begins, which is the head of the function around it.
  const head = '(function(exports,require,module,__filename,__dirname){'.length;
  const text = readFileSync(file, 'latin1');
  return marks.map((mark) => {
    const at = text.indexOf(mark) + head;
    expect(at).toBeGreaterThanOrEqual(head);
    const around = ranges.filter(({ startOffset, endOffset }) => startOffset <= at && at < endOffset);
    const sizes = around.map(({ startOffset, endOffset }) => endOffset - startOffset);
    return around[sizes.indexOf(Math.min(...sizes))]?.count ?? 0;
  });
}

longTest('what makes a page is not run by a command that makes none', async () => {
  const marks = ['<!DOCTYPE html>', 'autoEscape', 'paddingInner'];
  expect(await runsOf(marks, ['cache', 'ls'])).toEqual([0, 0, 0]);
});

longTest('what a command itself is, is run', async () => {
  expect(await runsOf(['print the version of gsc'], ['cache', 'ls'])).toEqual([1]);
});

longTest('the library works in a bundle of its user, as an ES module and as CommonJS', async () => {
  const library = join(dirname(await bundledGsc()), 'index.js');
  for (const format of ['esm', 'cjs'] as const) {
    const outfile = join(scratch, format === 'esm' ? 'user.mjs' : 'user.cjs');
    await build({
      ...{ format, outfile, bundle: true, platform: 'node', logLevel: 'silent' },
      stdin: {
        contents: `import { imagePath, openImages } from ${JSON.stringify(library)};\nconsole.log(typeof openImages, imagePath('/a'));`,
        resolveDir: scratch,
      },
    });
    expect(execFileSync(process.execPath, [outfile], { encoding: 'utf8' })).toBe('function /a\n');
  }
});
