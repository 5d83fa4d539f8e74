import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, type TestContext, test } from 'vitest';
import { applyScript } from '../../../../src/runtime/recipe/patches/apply-script.ts';
import { linearParsePatch } from '../../../../src/runtime/recipe/patches/linear-parse.ts';
import { needs } from '../../../support/end-to-end/stage.ts';
import { scratchDirectory } from '../../../support/store/scratch.ts';

const standin = fileURLToPath(new URL('../../../../runtime-standin', import.meta.url));
const parser = 'subprojects/tomlc99/toml.c';
const linearParse = linearParsePatch.content.toString();

/** The stand-in's sources as a clone, the script and patches beside them. */
function sourcesFor(context: TestContext, patches: Readonly<Record<string, string>>) {
  needs(context, 'python3 git');
  const directory = scratchDirectory();
  const sources = join(directory, 'sources');
  cpSync(standin, sources, { recursive: true });
  spawnSync('git', ['init', '--quiet', sources]);
  writeFileSync(join(directory, 'apply-patches.py'), applyScript);
  for (const [name, text] of Object.entries(patches)) writeFileSync(join(directory, name), text);
  const apply = (environment: NodeJS.ProcessEnv = {}) => {
    const args = ['apply-patches.py', sources, ...Object.keys(patches)];
    return spawnSync('python3', args, {
      cwd: directory,
      encoding: 'utf8',
      env: { ...process.env, ...environment },
    });
  };
  const read = (file: string) => readFileSync(join(sources, file), 'utf8');
  return { directory, sources, apply, read };
}

const diff = `diff --git a/report.h b/report.h
--- a/report.h
+++ b/report.h
@@ -3,4 +3,4 @@
 #define STANDIN_REPORT_H
 
-#define STANDIN_VERSION "Gramine 1.9 (stand-in)"
+#define STANDIN_VERSION "Gramine 1.9 (changed)"
 #define STANDIN_MARK "gsc runtime stand-in: not Gramine, no enclave"
`;

describe('apply-patches.py', () => {
  test('puts functions in place of those of the same name, and leaves every other line where it was', (context) => {
    const { apply, read } = sourcesFor(context, { '1-linear-parse.c': linearParse });
    const before = read(parser).split('\n');
    const said = apply();
    expect([said.status, said.stderr]).toEqual([0, '']);
    const after = read(parser).split('\n');
    expect(after).toHaveLength(before.length);
    const changed = before.flatMap((line, index) => (line === after[index] ? [] : [index]));
    const end = before.findIndex((line) => line.startsWith('/* Makes lists'));
    expect(Math.min(...changed)).toBeGreaterThanOrEqual(
      before.findIndex((line) => line.includes('expand_ptrarr')),
    );
    expect(Math.max(...changed)).toBeLessThan(end);
    expect(after.join('\n')).toContain('gsc patch: linear-parse');
    expect(said.stdout).toBe(`1-linear-parse.c: expand_ptrarr, expand_arritem of ${parser}\n`);
  });

  test('applies diffs too, in the order of the list', (context) => {
    const second = diff.replaceAll('1.9 (stand-in)', '1.9 (changed!)').replace('(changed)"\n', '(twice)"\n');
    const { apply, read } = sourcesFor(context, {
      '1-a.patch': diff.replace('(changed)', '(changed!)'),
      '2-b.patch': second,
      '3-linear-parse.c': linearParse,
    });
    const said = apply();
    expect([said.status, said.stdout.split('\n').at(-2)]).toEqual([
      0,
      expect.stringContaining('expand_ptrarr'),
    ]);
    expect(read('report.h')).toContain('Gramine 1.9 (twice)');
  });

  test('downloads the subprojects that a patch changes, and no others', (context) => {
    const ofSubproject = diff.replaceAll('report.h', 'subprojects/extra-1/report.h');
    const { apply, directory, sources } = sourcesFor(context, { '1-a.patch': ofSubproject });
    for (const name of ['extra-1', 'other-1']) writeFileSync(join(sources, `subprojects/${name}.wrap`), '');
    mkdirSync(join(directory, 'bin'));
    const content = '#!/bin/sh\necho "meson $*"; mkdir -p subprojects/$3 && cp report.h subprojects/$3\n';
    writeFileSync(join(directory, 'bin/meson'), content);
    chmodSync(join(directory, 'bin/meson'), 0o755);
    const said = apply({ PATH: `${join(directory, 'bin')}:${process.env.PATH}` });
    expect([said.status, said.stdout]).toEqual([0, 'meson subprojects download extra-1\n']);
    expect(readFileSync(join(sources, 'subprojects/extra-1/report.h'), 'utf8')).toContain('(changed)');
  });
});

describe('a patch that does not fit is an error with a hint and changes nothing:', () => {
  const fails = (
    context: TestContext,
    patches: Readonly<Record<string, string>>,
    change: (text: string) => string,
  ) => {
    const place = sourcesFor(context, patches);
    const changed = change(place.read(parser));
    writeFileSync(join(place.sources, parser), changed);
    const said = place.apply();
    expect([said.status, place.read(parser), place.read('report.h')]).toEqual([
      1,
      changed,
      readFileSync(join(standin, 'report.h'), 'utf8'),
    ]);
    return said.stderr;
  };
  const off = /\ngsc hint: .*Gramine\.Patches: \[\]/;

  test('another version of the file', (context) => {
    const stderr = fails(context, { '1-linear-parse.c': linearParse }, (text) => `${text}\n`);
    expect(stderr).toMatch(
      /^apply-patches\.py: 1-linear-parse\.c: does not fit subprojects\/tomlc99\/toml\.c: made for tomlc99 208203af.*, got SHA-256 [0-9a-f]{64}\n/,
    );
    expect(stderr).toMatch(off);
  });

  test('a function that is not there, after one that is', (context) => {
    const other = linearParse.replace('//@ function expand_arritem', '//@ function expand_items');
    const stderr = fails(context, { '1-x.c': other }, (text) => text);
    expect(stderr).toMatch(/toml\.c: expected one function expand_items, found 0\n/);
    expect(stderr).toMatch(off);
  });

  test('a function with more lines than the one that it replaces', (context) => {
    const longer = linearParse.replace('\treturn room ?', '\n\n\n\n\n\treturn room ?');
    const stderr = fails(context, { '1-x.c': longer }, (text) => text);
    expect(stderr).toMatch(/the new expand_arritem has more lines than the old one\n/);
  });

  test('a diff of other lines', (context) => {
    const stderr = fails(context, { '1-a.patch': diff.replace('(stand-in)', '(other)') }, (text) => text);
    expect(stderr).toMatch(
      /apply-patches\.py: 1-a\.patch: does not fit the sources\ngsc hint: make it with git diff/,
    );
  });

  test('sources without the parser', (context) => {
    const { sources, apply } = sourcesFor(context, { '1-linear-parse.c': linearParse });
    rmSync(join(sources, 'subprojects'), { recursive: true });
    const { status, stderr } = apply();
    expect(status).toBe(1);
    expect(stderr).toMatch(/expected one file subprojects\/tomlc99\*\/toml\.c in the sources, found 0\n/);
    expect(stderr).toMatch(off);
  });
});
