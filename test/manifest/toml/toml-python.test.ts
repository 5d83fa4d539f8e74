import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pythonFloat } from '../../../src/manifest/toml/python-float.ts';
import { serializeManifest } from '../../../src/manifest/toml/serialize.ts';
import { parseToml } from '../../../src/manifest/toml/toml.ts';
import { anyTable, tagged } from '../../support/manifest/arbitrary-toml.ts';
import { hasTool } from '../../support/tool.ts';

/** The distribution's own. */
const python = '/usr/bin/python3';

const hasTomllib = hasTool(python) && spawnSync(python, ['-c', 'import tomllib']).status === 0;
if (!hasTomllib && process.env.CI) throw new Error('these tests need Python 3.11 or later, with tomllib');
if (!hasTomllib) process.stderr.write('SKIPPED: comparisons with Python 3.11 or later\n');
const testWithPython = test.skipIf(!hasTomllib);

testWithPython('Python finds the same values in the same order', () => {
  const tables = fc.sample(anyTable, { numRuns: 400, seed: 7 });
  const texts = tables.map((table) => serializeManifest(table));
  const theirs = parseWithPython(texts);
  for (const [index, text] of texts.entries()) {
    expect(tagged(parseToml(text, 't').root, pythonFloat), text).toEqual(theirs[index]);
  }
});

testWithPython('hand-written forms mean what they mean to Python', () => {
  const texts = [
    'a = """\nx \\\n   y\n\n"""\nb = \'\'\'\n"q" \\n\'\'\'\nc = """""a"""""\nd = \'\'\'\'x\'\'\'\'',
    'a = [ # c\n 1, # ]\n [2, "]"], {b = 1, "c d" = [3]}, ]\n\'l.it\'."q\\u00e9".x = 0b11',
    '1 . 2 = 0o17\n[ a . "b" ]\n x = +1_000.5e-1_0\n [[ a.l ]]\n[[a.l]]\n[a.l.m]\n  y = inf',
    '[[a]]\n[[a.b]]\nx=1\n[[a.b]]\nx=2\n[[a]]\n[[a.b]]\n3=1\n1=2',
    '\t# only a comment',
    '5.x = 1979-05-27T07:32:00.1234567Z\n4 = 07:32:00',
    'a = 1e400\nb = -nan\nc = 5e-324\nd = 1e16\ne = 123456789012345680.0\nf = 0.0001\ng = 0.00001',
  ];
  const theirs = parseWithPython(texts);
  for (const [index, text] of texts.entries()) {
    expect(tagged(parseToml(text, 't').root, pythonFloat), text).toEqual(theirs[index]);
  }
});

describe('what came with TOML 1.1, which Gramine does not read', () => {
  const newer: readonly (readonly [string, string, string])[] = [
    ['a = 1\nx = {a = 1,\n b = 2}', '2:12', 'one line'],
    ['x = { # why\n a = 1 }', '1:12', 'one line'],
    ['x = [{a = [1,\n2], b = 3 ,\t}]', '2:11', 'remove the comma'],
    ['x = "a\\e[0m"', '1:7', '\\u001b'],
    ['x = """\n\\x41"""', '2:1', '\\u0041'],
    ['"\\x41" = 1', '1:2', '\\u0041'],
    ['x = 07:32', '1:5', '07:32:00'],
    ['x = 1979-05-27T07:32-07:00', '1:16', '07:32:00'],
  ];

  test.each(newer)('%o is an error with its place', (text, place, hint) => {
    const expected = {
      code: 'manifest',
      subject: `app.manifest:${place}`,
      hint: expect.stringContaining(hint),
    };
    expect(() => parseToml(text, 'app.manifest')).toThrow(expect.objectContaining(expected));
  });

  testWithPython("Python's parser refuses the same", () => {
    expect(parseWithPython(newer.map(([text]) => text))).toEqual(newer.map(() => undefined));
  });

  const older: readonly string[] = [
    'x = [{a = 1, b = [1,\n2,\n]}, # why\n]',
    'x = """\n{\n,}\\\\x41 \\\\e ""\\""""""',
    "x = '\\e \\x41 {'\ny = '''\n{\n,}'''''\nz = 1",
    '# { ,}\nx = 1 # 07:32 \\e\n[a."{"]\nb = "{,}"',
    'x = 1979-05-27T07:32:00.5-07:00\ny = [07:32:00, "07:32"]',
    'x = {a = "}", b = {c = {}}}\ny = [[], [[1]]]\n[[t.u]]\n[[t.u]]',
  ];

  test.each(older)('%o is as TOML 1.0 has it', (text) => {
    expect(() => parseToml(text, 't')).not.toThrow();
  });

  testWithPython("Python's parser takes what is as TOML 1.0 has it", () => {
    expect(parseWithPython(older)).not.toContain(undefined);
  });
});

/**
 * What Python's tomllib makes of texts: JSON with every value tagged by its type, tables as lists of pairs so that
 * their order shows; undefined for a text that it refuses.
 */
function parseWithPython(texts: readonly string[]): readonly unknown[] {
  const program = `
import json, sys, tomllib, datetime
def tag(v):
    if isinstance(v, dict): return ["table", [[k, tag(x)] for k, x in v.items()]]
    if isinstance(v, list): return ["array", [tag(x) for x in v]]
    if isinstance(v, bool): return ["boolean", v]
    if isinstance(v, int): return ["integer", str(v)]
    if isinstance(v, float): return ["float", repr(v)]
    if isinstance(v, str): return ["string", v]
    return ["date", str(v)]
def one(text):
    try: return tag(tomllib.loads(text))
    except tomllib.TOMLDecodeError: return None
json.dump([one(t) for t in json.load(sys.stdin)], sys.stdout)
`;
  const run = spawnSync(python, ['-c', program], { input: JSON.stringify(texts), maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(`python3 failed: ${run.stderr}`);
  return (JSON.parse(run.stdout.toString()) as unknown[]).map((value) => value ?? undefined);
}
