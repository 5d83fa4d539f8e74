import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { testWithTool } from '../support/tool.ts';

const directory = mkdtempSync(join(tmpdir(), 'gsc-man-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const env = { ...process.env, SOURCE_DATE_EPOCH: '1700000000' };
execFileSync(process.execPath, ['scripts/man-pages.mjs', directory], { env });
const files = readdirSync(directory).map((name) => join(directory, name));

/** A page as a terminal of 80 columns shows it, without bold and underlined characters. */
function shown(name: string): string {
  const { stdout } = spawnSync('mandoc', ['-T', 'utf8', join(directory, `${name}.1`)], { encoding: 'utf8' });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a backspace is how mandoc makes a character bold
  return stdout.replace(/.\u0008/g, '');
}

describe('manual pages', () => {
  test('one for each page of a command, and one for all', () => {
    const pages = readdirSync('docs').filter((name) => /^gsc-.*\.md$/.test(name));
    const expected = ['gsc.1', ...pages.map((name) => name.replace(/md$/, '1'))];
    expect(readdirSync(directory).sort()).toEqual(expected.sort());
    const { man } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect([...man].sort()).toEqual(expected.map((name) => `./dist/man/${name}`).sort());
  });

  test('the same date gives the same bytes', () => {
    expect(readFileSync(join(directory, 'gsc-build.1'), 'utf8')).toMatch(
      /^\.TH "GSC\\-BUILD" "1" "2023-11-14" /,
    );
  });

  testWithTool('mandoc', 'mandoc has nothing to say about them', () => {
    const { stdout, stderr, status } = spawnSync('mandoc', ['-T', 'lint', ...files], { encoding: 'utf8' });
    expect({ stdout, stderr, status }).toEqual({ stdout: '', stderr: '', status: 0 });
  });

  testWithTool('mandoc', 'they have the name, how it is called, and each option with its meaning', () => {
    const page = shown('gsc-build');
    expect(page).toContain('NAME\n       gsc-build - graminizes an image\n');
    expect(page).toContain('SYNOPSIS\n         gsc build [options] IMAGE [MANIFEST...]\n');
    expect(page).toMatch(/\n {7}-o, --output REF\n {14}name of the result;/);
    expect(page).not.toMatch(/&\w+;|\]\(|`|\\f/);
    expect(shown('gsc')).toMatch(/gsc-build\(1\)\n {14}graminizes an image\n/);
  });
});
