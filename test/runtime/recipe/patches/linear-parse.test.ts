import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { applyScript } from '../../../../src/runtime/recipe/patches/apply-script.ts';
import { linearParsePatch } from '../../../../src/runtime/recipe/patches/linear-parse.ts';
import { needs } from '../../../support/end-to-end/stage.ts';
import { runTool } from '../../../support/images/run-tool.ts';
import { scratchDirectory } from '../../../support/store/scratch.ts';

const parser = fileURLToPath(
  new URL('../../../../runtime-standin/subprojects/tomlc99/toml.c', import.meta.url),
);
const harness = fileURLToPath(new URL('growth.c', import.meta.url));

describe('linear-parse', () => {
  test("fits the stand-in's parser as it is committed, and tomlc99 as Gramine has it", () => {
    const digest = createHash('sha256').update(readFileSync(parser)).digest('hex');
    const fits = [...linearParsePatch.content.toString().matchAll(/^\/\/@ fits (\S+) (.+)$/gm)];
    expect(fits.map(([, known, what]) => [known, what])).toEqual([
      ['98115b4483f4c23f6f22b19f1fb86e2a0e3855c02aa1eed21d8a19f9afbc6c35', expect.stringMatching(/^tomlc99/)],
      [digest, expect.stringMatching(/stand-in/)],
    ]);
  });

  test('lists hold what they held before, in at most twice the memory, freed once, with a copy for each doubling', async (context) => {
    needs(context, 'cc python3');
    const directory = scratchDirectory();
    const at = (name: string) => join(directory, name);
    mkdirSync(at('subprojects'));
    cpSync(join(parser, '..'), at('subprojects/tomlc99'), { recursive: true });
    writeFileSync(at('apply.py'), applyScript);
    writeFileSync(at('patch.c'), linearParsePatch.content);
    await runTool('python3', [at('apply.py'), directory, at('patch.c')]);
    const sources = [`-DSTOCK="${parser}"`, `-DPATCHED="${at('subprojects/tomlc99/toml.c')}"`];
    const checks = [
      '-fsanitize=address,undefined',
      '-fno-sanitize-recover=all',
      '-g',
      '-O1',
      '-Wall',
      '-Wextra',
    ];
    await runTool('cc', [...checks, '-Werror', ...sources, '-o', at('growth'), harness]);
    const copies = Number(await runTool(at('growth'), ['200']));
    // Two lists of 100,000 elements: 1, 2, 4, ... 131,072.
    expect(copies).toBe(2 * 18);
  });
});
