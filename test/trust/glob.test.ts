import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { escapeGlob, globOf, matchGlob, parseGlob, rebaseGlob } from '../../src/trust/glob.ts';
import { cpuSeconds } from '../support/cpu-time.ts';
import { testWithTool } from '../support/tool.ts';

function depth(pattern: string, path: string): number | undefined {
  return matchGlob(parseGlob(pattern), imagePath(path));
}

describe('matchGlob', () => {
  it.each([
    ['/', '/', 0],
    ['/', '/a/b', 0],
    ['', '/a', 0],
    ['/a', '/a', 1],
    ['/a', '/a/b', 1],
    ['a/b', '/a/b', 2],
    ['/a/./x/../b/', '/a/b', 2],
    ['/*', '/a/b', 1],
    ['/a/*', '/a/b/c', 2],
    ['/a/*', '/a/.hidden', 2],
    ['/a/b*', '/a/b', 2],
    ['/*.so*', '/libc.so.6', 1],
    ['/?', '/x', 1],
    ['/[a-c]x', '/bx', 1],
    ['/[!a-c]x', '/dx', 1],
    ['/[^a-c]x', '/dx', 1],
    ['/[]x]', '/]', 1],
    ['/[!]x]', '/a', 1],
    ['/[a-]', '/-', 1],
    ['/bin/[', '/bin/[', 2],
    ['/a[b', '/a[b', 1],
    ['/[]', '/[]', 1],
    ['/\\*', '/*', 1],
    ['/a\\[b]', '/a[b]', 1],
    ['/a\\\\', '/a\\', 1],
    ['/a\\', '/a\\', 1],
    ['/**', '/a/b', 1],
    ['/a/**', '/a/b/c', 2],
    ['/**/c', '/c', 1],
    ['/**/c', '/a/b/c/c', 3],
    ['/a/**/c', '/a/c', 2],
    ['/a/**/**/c/**', '/a/b/c/d/e', 4],
    ['/a**b', '/axb', 1],
    ['/(a|b)', '/(a|b)', 1],
    ['/a.c', '/a.c', 1],
    ['/a$', '/a$', 1],
    ['/{a,b}', '/{a,b}', 1],
    ['/a\n*', '/a\nb\nc', 1],
  ])('%s stands for %s', (pattern, path, expected) => {
    expect(depth(pattern, path)).toBe(expected);
  });

  it.each([
    ['/a', '/ab'],
    ['/a', '/'],
    ['/*', '/'],
    ['/a/*', '/a'],
    ['/a/**', '/a'],
    ['/a*', '/b/a'],
    ['/a/*/c', '/a/c'],
    ['/a/*/d', '/a/b/c/d'],
    ['/?', '/ab'],
    ['/a?', '/a'],
    ['/a?b', '/a/b'],
    ['/a[!x]b', '/a/b'],
    ['/a[+-9]b', '/a/b'],
    ['/[!a-c]x', '/bx'],
    ['/[a-c]', '/-'],
    ['/\\*', '/a'],
    ['/a.c', '/abc'],
    ['/A', '/a'],
    ['/**/c/d', '/c/x/d'],
  ])('%s does not stand for %s', (pattern, path) => {
    expect(depth(pattern, path)).toBeUndefined();
  });

  it('a character is one of UTF-8, and a byte in a name that is not UTF-8', () => {
    const [accented, broken] = ['/caf\xc3\xa9', '/caf\xe9'];
    expect(depth('/caf?', accented)).toBe(1);
    expect(depth('/caf??', accented)).toBeUndefined();
    expect(depth('/caf?', broken)).toBe(1);
    expect(depth('/caf[\xc3\xa8-\xc3\xaa]', accented)).toBe(1);
    expect(depth('/caf[!\xc3\xa9]', accented)).toBeUndefined();
    expect(depth('/\xf0\x9f\x99\x82?', '/\xf0\x9f\x99\x82\xf0\x9f\x99\x83')).toBe(1);
    expect(depth('/caf\xe9*', '/caf\xe9x')).toBe(1);
    expect(depth('/caf\xe9*', accented)).toBeUndefined();
  });

  it('many wildcards take little time', async () => {
    const seconds = await cpuSeconds(() => {
      expect(depth(`/${'*a'.repeat(12)}b`, `/${'a'.repeat(60)}`)).toBeUndefined();
      expect(depth(`/${'**/a/'.repeat(6)}b`, `/${'a/'.repeat(30)}c`)).toBeUndefined();
    });
    expect(seconds).toBeLessThan(5);
  });

  it('a path as its own pattern stands for itself and what is below, whatever its characters', () => {
    const component = fc.stringMatching(/^[a*?[\]\\!^.-]{1,6}$/).filter((name) => !/^\.\.?$/.test(name));
    const path = fc.array(component, { minLength: 1, maxLength: 3 }).map((names) => `/${names.join('/')}`);
    fc.assert(
      fc.property(path, path, (text, other) => {
        const glob = globOf(imagePath(text));
        expect(glob).toMatchObject({ hasWildcards: false, base: text });
        expect(matchGlob(glob, imagePath(`${text}/x`))).toBe(text.split('/').length - 1);
        expect(matchGlob(glob, imagePath(other)) !== undefined).toBe(`${other}/`.startsWith(`${text}/`));
        expect(parseGlob(escapeGlob(imagePath(text)))).toEqual(glob);
      }),
    );
  });

  testWithTool('bash', 'one component matches as bash has it', () => {
    const pattern = fc
      .stringMatching(/^[ab\]\\[!^*?-]{1,6}$/)
      .filter((text) => !(text.includes('[') && text.includes('\\')) && !text.endsWith('\\'))
      // bash has its own mind about brackets that are never closed
      .filter((text) => !text.replace(/\[[!^]?\]?[^\]]*\]/g, '').includes('['))
      .filter((text) => text !== '**' && !isBackwards(text));
    const name = fc.stringMatching(/^[ab\]\\[!^*?-]{1,4}$/);
    const pairs = fc.sample(fc.tuple(pattern, name), { numRuns: 3000, seed: 4 });
    const script = 'while [ $# -gt 0 ]; do case $2 in $1) echo 1 ;; *) echo 0 ;; esac; shift 2; done';
    const answers = execFileSync('bash', ['--norc', '-c', script, 'bash', ...pairs.flat()], {
      env: { LC_ALL: 'C' },
      encoding: 'utf8',
    }).split('\n');
    for (const [i, [text, against]] of pairs.entries()) {
      expect([text, against, depth(`/${text}`, `/${against}`) !== undefined]).toEqual([
        text,
        against,
        answers[i] === '1',
      ]);
    }
    expect(answers.filter((answer) => answer === '1').length).toBeGreaterThan(100);
  });
});

describe('parseGlob', () => {
  it('tells the directories before the first wildcard from the rest', () => {
    expect(parseGlob('/usr/l\\*b/*.a')).toMatchObject({ base: '/usr/l*b', rest: '*.a', hasWildcards: true });
    expect(parseGlob('/**/a')).toMatchObject({ base: '/', rest: '**/a' });
    expect(parseGlob('/a\\?')).toMatchObject({ base: '/a?', rest: '', hasWildcards: false });
  });

  it('moves a pattern to another directory, whose characters mean themselves', () => {
    const moved = rebaseGlob(parseGlob('/lib/*.a'), imagePath('/usr/[lib]'));
    expect(matchGlob(moved, imagePath('/usr/[lib]/x.a'))).toBe(3);
    expect(rebaseGlob(parseGlob('/x/*'), imagePath('/')).pattern).toBe('/*');
  });

  it('refuses a range that runs backwards', () => {
    expect(() => parseGlob('/[z-a]')).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(/z-a/) }),
    );
  });
});

/** Of patterns that hold a range from a higher to a lower character: gsc refuses them, bash matches nothing. */
function isBackwards(text: string): boolean {
  try {
    parseGlob(`/${text}`);
    return false;
  } catch {
    return true;
  }
}
