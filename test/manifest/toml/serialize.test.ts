import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pythonFloat } from '../../../src/manifest/toml/python-float.ts';
import { serializeManifest } from '../../../src/manifest/toml/serialize.ts';
import { parseToml } from '../../../src/manifest/toml/toml.ts';
import { anyTable } from '../../support/manifest/arbitrary-toml.ts';

const rewrite = (text: string) => serializeManifest(parseToml(text, 't').root);

describe('layout', () => {
  it('pairs come first, then tables in their order, an empty line before each but the first', () => {
    expect(rewrite('t.x = 1\na = 2\n[u]\n[t.s]\ny = 1')).toBe('a = 2\n\n[t]\nx = 1\n\n[t.s]\ny = 1\n\n[u]\n');
  });

  it('a table of tables alone has no header, an empty one has', () => {
    expect(rewrite('a.b.c.d = 1\na.e = {}')).toBe('[a.b.c]\nd = 1\n\n[a.e]\n');
  });

  it('an array whose tables all fit into 100 characters stays an array', () => {
    const fits = `{ a = "${'x'.repeat(84)}" }`;
    expect(`    ${fits},`).toHaveLength(99);
    expect(rewrite(`l = [{}, ${fits}]`)).toBe(`l = [\n    {},\n    ${fits},\n]\n`);
  });

  it('exactly 100 characters fit, 101 do not; characters are code points', () => {
    const of = (text: string) => rewrite(`l = [{a = "${text}"}]`);
    expect(of('x'.repeat(85))).toMatch(/^l = \[/);
    expect(of('x'.repeat(86))).toMatch(/^\[\[l\]\]\na = /);
    expect(of('💡'.repeat(85))).toMatch(/^l = \[/);
    expect(of('💡'.repeat(86))).toMatch(/^\[\[l\]\]/);
  });

  it('one table that does not fit makes blocks of all, empty ones included', () => {
    expect(rewrite(`[t]\nl = [{}, {a = [1]}]\nz = 1`)).toBe(
      '[t]\nz = 1\n\n[[t.l]]\n\n[[t.l]]\na = [\n    1,\n]\n',
    );
  });

  it('an array of mixed values stays an array, however long', () => {
    const long = 'x'.repeat(120);
    expect(rewrite(`l = [1, {a = "${long}"}]`)).toBe(`l = [\n    1,\n    { a = "${long}" },\n]\n`);
  });

  it('nested arrays are indented by four; inside an inline table the indent starts again', () => {
    expect(rewrite('l = [[1, []], [{a = [2]}]]')).toBe(
      'l = [\n    [\n        1,\n        [],\n    ],\n    [\n        { a = [\n    2,\n] },\n    ],\n]\n',
    );
  });

  it('keys that are not bare are quoted, in headers too', () => {
    expect(rewrite('"" = 1\n"a b"."c\\"d".e = 2\n1-_Z = 3\nż = 4'.replace('ż', '"ż"'))).toBe(
      '"" = 1\n1-_Z = 3\n"ż" = 4\n\n["a b"."c\\"d"]\ne = 2\n',
    );
  });

  it('the compact layout writes the same values without blocks', () => {
    const { root } = parseToml(`[[sgx.trusted_files]]\nuri = "file:/${'a'.repeat(100)}"\nsha256 = "00"`, 't');
    const text = serializeManifest(root, { layout: 'compact' });
    expect(text).toMatch(/^\[sgx\]\ntrusted_files = \[\n {4}\{ uri = /);
    expect(parseToml(text, 't').root).toEqual(root);
  });
});

describe('values', () => {
  it('controls are escaped as short as can be, a tab stays raw', () => {
    expect(rewrite('a = "\\b\\t\\n\\f\\r\\"\\\\\\u0000\\u001F\\u007f\\u0080/é"')).toBe(
      'a = "\\b\t\\n\\f\\r\\"\\\\\\u0000\\u001f\\u007f\u0080/é"\n',
    );
  });

  it('integers lose their base and underscores', () => {
    expect(rewrite('a = [0x_ff, 0o7, 0b1, 1_000, -0, +5]'.replace('0x_ff', '0xf_f'))).toBe(
      'a = [\n    255,\n    7,\n    1,\n    1000,\n    0,\n    5,\n]\n',
    );
  });

  it.each([
    ['1.0', '1.0'],
    ['1e22', '1e+22'],
    ['1e16', '1e+16'],
    ['123456789012345680.0', '1.2345678901234568e+17'],
    ['9007199254740993.0', '9007199254740992.0'],
    ['0.0001', '0.0001'],
    ['0.00001', '1e-05'],
    ['1.5e-7', '1.5e-07'],
    ['5e-324', '5e-324'],
    ['-0.0', '-0.0'],
    ['-inf', '-inf'],
    ['nan', 'nan'],
    ['1e100', '1e+100'],
    ['100.25', '100.25'],
  ])('the float %s is written %s', (source, written) => {
    expect(rewrite(`a = ${source}`)).toBe(`a = ${written}\n`);
    expect(pythonFloat(Number(source.replace('inf', 'Infinity')))).toBe(written);
  });
});

describe('properties', () => {
  it('what is written parses back to the same', () => {
    fc.assert(
      fc.property(anyTable, (table) => {
        const { root } = parseToml(serializeManifest(table), 't');
        expect(root).toEqual(table);
        expect(keyOrder(root)).toEqual(keyOrder(table));
      }),
      { numRuns: 500 },
    );
  });

  it('writing again changes nothing', () => {
    fc.assert(
      fc.property(anyTable, (table) => {
        const once = serializeManifest(table);
        expect(rewrite(once)).toBe(once);
      }),
    );
  });
});

/** Keys in order: pairs come before tables once they were written. */
function keyOrder(value: unknown): unknown {
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => [key, keyOrder(item)] as const);
    return entries.filter(([, inner]) => inner === undefined).map(([key]) => key);
  }
  return Array.isArray(value) && value.some((item) => item instanceof Map) ? value.map(keyOrder) : undefined;
}
