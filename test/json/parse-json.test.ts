import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/json/canonical-json.ts';
import { maximalJsonDepth, parseJson } from '../../src/json/parse-json.ts';
import { plainValue } from '../../src/json/verbatim-json.ts';

const readValue = (text: string): unknown => {
  const { node, problem } = parseJson(text);
  if (node === undefined) throw new Error(problem);
  return plainValue(node);
};
const problemOf = (source: Buffer | string) => parseJson(source).problem;

/** JSON.parse takes what RFC 8259 takes, so it is the oracle. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('parseJson', () => {
  test('reads what JSON.parse reads, and to the same value', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(0, 2), (json, indent) => {
        const text = JSON.stringify(JSON.parse(json), undefined, indent);
        expect(JSON.parse(canonicalJson(readValue(text)).toString())).toEqual(JSON.parse(text));
      }),
    );
  });

  test('refuses what JSON.parse refuses: texts of which a character is changed, left out or put in', () => {
    const damage = fc.tuple(
      fc.json(),
      fc.nat(),
      fc.constantFrom(
        '',
        '"',
        '\\',
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '0',
        '-',
        '.',
        'e',
        '\n',
        '\u0001',
        'u',
        'null',
      ),
      fc.constantFrom(0, 1),
    );
    fc.assert(
      fc.property(damage, ([json, where, put, removed]) => {
        const at = where % (json.length + 1);
        const text = json.slice(0, at) + put + json.slice(at + removed);
        expect(problemOf(text) === undefined, text).toBe(isJson(text));
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    '',
    ' ',
    '{',
    '[1,]',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '{"a" 1}',
    '[1 2]',
    '01',
    '+1',
    '.5',
    '1.',
    '1e',
    '-',
    'nul',
    'NaN',
    'Infinity',
    '"a',
    '"\\',
    '"\\x41"',
    '"\\u12g4"',
    '"tab\t"',
    'null null',
    '// a\n1',
    '\ufeff{}',
  ])('%j is not JSON', (text) => {
    expect(problemOf(text)).toMatch(/^it is not JSON: expected .* at line \d+, column \d+$/);
  });

  test('the place of a problem is reported in lines and columns, without any of the text', () => {
    const problem = problemOf('{\n  "password": hunter2\n}');
    expect(problem).toBe('it is not JSON: expected a value at line 2, column 15');
    expect(problemOf('{"a": 1,\n\n"b" 2}')).toContain('a colon at line 3, column 5');
  });

  test('bytes have to be UTF-8', () => {
    expect(problemOf(Buffer.from('"ä"', 'latin1'))).toBe('it is not JSON: the bytes are not UTF-8');
    expect(problemOf(Buffer.from('"ä"'))).toBeUndefined();
  });

  test.each([
    ['arrays', (depth: number) => '['.repeat(depth) + ']'.repeat(depth)],
    ['objects', (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`],
    ['arrays without an end', (depth: number) => '['.repeat(depth)],
  ])('%s nested too deep are refused before they fill the stack', (_, nested) => {
    expect(problemOf(nested(maximalJsonDepth)) ?? '').not.toContain('nested');
    for (const depth of [maximalJsonDepth + 1, 5000, 1_000_000]) {
      expect(problemOf(nested(depth))).toMatch(/^nested deeper than 1000 levels at line 1, column \d+$/);
    }
  });

  test('what is not Unicode in a text is U+FFFD, as for Go', () => {
    expect(readValue('"a\\ud800b"')).toBe('a\ufffdb');
    expect(readValue('"\\ud83d\\ude00"')).toBe('😀');
  });

  test('a text of megabytes is read', () => {
    const long = 'x\\n'.repeat(1_000_000);
    expect(readValue(`"${long}"`)).toHaveLength(2_000_000);
  });
});

describe('canonicalJson', () => {
  test.each([
    '9223372036854775807',
    '-9007199254740993',
    '1.0',
    '1e400',
    '-0',
    '0.1000000000000000055',
    '{"b":1,"a":12345678901234567890}',
    '{"b":1,"B":2,"a":3}',
    '{"a":1,"a":2}',
    '[{"K":1,"\u212a":2}]',
  ])(
    '%s is written back digit for digit, and keys that an engine may take for one in their order',
    (text) => {
      const sorted = text === '{"b":1,"a":12345678901234567890}' ? '{"a":12345678901234567890,"b":1}' : text;
      expect(canonicalJson(readValue(text)).toString()).toBe(sorted);
    },
  );

  test('keys are sorted by code unit, and what is undefined is left out', () => {
    expect(canonicalJson({ b: 1, a: undefined, é: 3, B: [undefined, { z: 1, y: null }] }).toString()).toBe(
      '{"B":[null,{"y":null,"z":1}],"b":1,"é":3}',
    );
  });

  test('a key named __proto__ is a key like any other', () => {
    const text = '{"__proto__":{"x":1},"constructor":2}';
    expect(canonicalJson(readValue(text)).toString()).toBe(text);
  });
});
