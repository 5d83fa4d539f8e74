import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { GscError } from '../../../src/base/error.ts';
import { serializeManifest } from '../../../src/manifest/toml/serialize.ts';
import {
  parseToml,
  showPath,
  type TomlTable,
  type TomlValue,
  valueAt,
} from '../../../src/manifest/toml/toml.ts';
import { cpuSeconds } from '../../support/cpu-time.ts';
import { anyTable } from '../../support/manifest/arbitrary-toml.ts';

const keysOf = (table: TomlValue | undefined) => [...(table as TomlTable).keys()];

function failure(text: string | Uint8Array): GscError {
  try {
    parseToml(text, 'app.manifest');
  } catch (error) {
    if (error instanceof GscError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('values', () => {
  it('integers are bigints, floats are numbers, also whole ones', () => {
    const { root } = parseToml('a = 1\nb = 1.0\nc = 0x10\nd = 9223372036854775807\ne = -0.0', 't');
    expect([...root.values()]).toEqual([1n, 1, 16n, 9223372036854775807n, -0]);
  });

  it('dates keep their microseconds, as Python prints them', () => {
    const text = (source: string) => (parseToml(`a = ${source}`, 't').root.get('a') as { text: string }).text;
    expect(text('1979-05-27T00:32:00.999999-07:00')).toBe('1979-05-27 00:32:00.999999-07:00');
    expect(text('1979-05-27t07:32:00Z')).toBe('1979-05-27 07:32:00+00:00');
    expect(text('1979-05-27 07:32:00.12')).toBe('1979-05-27 07:32:00.120000');
    expect(text('1979-05-27 # day')).toBe('1979-05-27');
    expect(text('00:32:00.5000')).toBe('00:32:00.500000');
  });

  it('line endings with carriage returns count as plain ones, in strings too', () => {
    expect(parseToml('a = """x\r\ny"""\r\nb = 1\r\n', 't').root.get('a')).toBe('x\ny');
  });

  it('what is at a path is found through tables and arrays, and nothing else is', () => {
    const { root } = parseToml('a.b = [1, {c = 2}]', 't');
    expect(valueAt(root, ['a', 'b', 1, 'c'])).toBe(2n);
    expect(valueAt(root, ['a', 'b', 2])).toBeUndefined();
    expect(valueAt(root, ['a', 'constructor'])).toBeUndefined();
    expect(showPath(['a', 'b c', 2, 'd'])).toBe('a."b c"[2].d');
  });
});

describe('order of keys', () => {
  it('keys that look like integers stay where the text has them', () => {
    const { root } = parseToml('10 = 1\n9 = 2\nx = 3\n"0" = 4\n[t]\n2.b = 1\n1.c = {5 = 1, 4 = 2}', 't');
    expect(keysOf(root)).toEqual(['10', '9', 'x', '0', 't']);
    expect(keysOf(valueAt(root, ['t']))).toEqual(['2', '1']);
    expect(keysOf(valueAt(root, ['t', '1', 'c']))).toEqual(['5', '4']);
  });

  it('names of JavaScript objects are keys like others', () => {
    const { root } = parseToml('toString = 1\n__proto__.a = 2\nconstructor = 3', 't');
    expect(keysOf(root)).toEqual(['toString', '__proto__', 'constructor']);
    expect(valueAt(root, ['__proto__', 'a'])).toBe(2n);
  });

  it('the place of a table is its first mention, by header or by dotted key', () => {
    const { root } = parseToml('[b.x]\n[a]\n[b]\ny = 1\n[[a.l]]\nk = 1\n[a.l.sub]\n[[a.l]]', 't');
    expect(keysOf(root)).toEqual(['b', 'a']);
    expect(keysOf(root.get('b'))).toEqual(['x', 'y']);
  });
});

describe('positions', () => {
  const text = [
    'a.b = 1 # [x]',
    '[fs]',
    'mounts = [',
    '  { path = "/a" }, # comment, with ] and }',
    '  { path = """x',
    '"quoted" }""", "uri\\u0041" = \'}\', t = { u = [1, [2]] } },',
    ']',
    '[[sgx.trusted_files]]',
    'uri = "ż"',
    '[[sgx.trusted_files]]',
    'żż',
  ].join('\n');
  const { locate } = parseToml(text.replace('żż', '"żż".c = 1'), 't');
  it.each([
    [['a', 'b'], 1, 3],
    [['fs', 'mounts'], 3, 1],
    [['fs', 'mounts', 0], 4, 3],
    [['fs', 'mounts', 0, 'path'], 4, 5],
    [['fs', 'mounts', 1, 'uriA'], 6, 16],
    [['fs', 'mounts', 1, 't', 'u', 1, 0], 6, 50],
    [['sgx', 'trusted_files', 0, 'uri'], 9, 1],
    [['sgx', 'trusted_files', 1], 10, 3],
    [['sgx', 'trusted_files', 1, 'żż', 'c'], 11, 6],
  ] as const)('%j stands at line %i, column %i', (path, line, column) => {
    expect(locate(path)).toEqual({ line, column });
  });

  it('columns count characters, also those of two units, on long lines', () => {
    const line = `x = [${'"😀", '.repeat(1000)}{ a = 1 }]`;
    const document = parseToml(`# 😀😀\n${line}`, 't');
    for (const index of [0, 1, 500, 1000]) {
      expect(document.locate(['x', index])).toEqual({ line: 2, column: 6 + 5 * index });
    }
    expect(document.locate(['x', 1000, 'a'])).toEqual({ line: 2, column: 6 + 5000 + 2 });
  });

  it('what is missing is placed at the nearest thing that is there', () => {
    expect(locate(['fs', 'mounts', 0, 'type', 'x'])).toEqual({ line: 4, column: 3 });
    expect(locate(['nothing'])).toEqual({ line: 1, column: 1 });
  });

  it('every key of a text that was written is found again on its line', () => {
    fc.assert(
      fc.property(anyTable, (table) => {
        const written = serializeManifest(new Map([...table, ['last', 1n]]));
        const document = parseToml(written, 't');
        const { line, column } = document.locate(['last']);
        const found = written.split('\n')[line - 1];
        if (!table.has('last')) expect(found?.slice(column - 1)).toMatch(/^last = 1$/);
      }),
    );
  });
});

describe('what is not TOML', () => {
  it.each([
    ['a value is missing', 'a = 1\nb = \n', 2, 5],
    ['a key is given twice', 'a = 1\na = 2', 2, 1],
    ['a header is not closed', '[a\nb = 1', 1, 2],
    ['a table is given twice', '[a]\n[a]', 2, 2],
    ['a text is not closed', 'x = 1\na = "b\n', 2, 7],
    ['a key has no equals sign', 'a 1', 1, 2],
    ['an escape is unknown', 'a = "\\q"', 1, 6],
    ['an escape is a surrogate', 'a = "\\ud800"', 1, 6],
    ['two pairs share a line', 'a = 1 b = 2', 1, 7],
    ['a leading zero', 'a = 01', 1, 5],
    ['a day that no calendar has', 'x = 1\na = 2023-02-30', 2, 1],
    ['an array is not closed', 'a = [1', 1, 5],
    ['an inline table is extended', 'a = {}\na.b = 1', 2, 1],
  ])('%s: the error names the line', (_, text, line, column) => {
    const error = failure(text);
    expect(error.code).toBe('manifest');
    const place = error.subject.match(/^app\.manifest:(\d+):(\d+)$/);
    expect(Number(place?.[1])).toBe(line);
    expect(Math.abs(Number(place?.[2]) - column)).toBeLessThanOrEqual(2);
  });

  it.each([
    ['a statement', 'a = 1\n# {{ x }}\n{%- for x in y %}\n', '3:1', '{%- for x in y %}'],
    ['an expression', 'a = {{ x }}', '1:5', '{{ x }}'],
    ['a comment', '{# mine\nhers #}\na = 1 2', '1:1', '{# mine hers #}'],
    ['one within a text', 'a = "{{ x }}"\nb = ', '1:6', '{{ x }}'],
  ])('a template: %s is shown with its place', (_, text, place, mark) => {
    const error = failure(text);
    expect(error.subject).toBe(`app.manifest:${place}`);
    expect(error.message).toContain(`an unrendered template: ${mark}`);
  });

  it('what only looks like a template is a mistake of TOML', () => {
    for (const text of ['a = {{b = 1}}', 'a = {{', '# {{ x }}\na = 1 2', '{%'.repeat(100_000)]) {
      expect(failure(text).message).not.toContain('template');
    }
  });

  it.each([
    'loader.exec = file:/bin/app',
    'sgx.enclave_size = 256M',
    '# Graphene\nloader.debug_type = none\nsgx.thread_num = 4\n',
    'sgx.trusted_files.a = file:a\nfs.mount.lib.type = chroot # x\n',
    'loader.env.A = a b c',
    'loader.env.A = "a"\nloader.preload = file:/l.so',
    'sgx.ra_client_spid = 12345678901234567890123456789012abc',
  ])('a manifest of Graphene from before TOML is said to be one: %j', (text) => {
    const error = failure(text);
    expect(error.message).toMatch(/Graphene.*quotes/);
    expect(error.hint).toMatch(/graphene-1\.1.*gsc migrate-manifest/);
  });

  it.each([
    'sgx.debug = true\nsgx.max_threads = 4 5',
    'sgx.debug = true x',
    'a.b = c',
    'sgx.enclave_size = 256M\nloader.log_level = "error"',
    '[sgx]\nenclave_size = 256M',
    'sgx.trusted_files = ["file:a"\nloader.log_level = error',
  ])('another mistake is not: %j', (text) => {
    expect(failure(text).message).not.toContain('Graphene');
  });

  it('bytes that are not UTF-8 are an error at their place', () => {
    expect(failure(Buffer.from('a = 1\nż = "x', 'utf8').subarray(0)).code).toBe('manifest');
    const bytes = Buffer.concat([Buffer.from('a = 1\nb = "ż'), Buffer.from([0xff]), Buffer.from('"\n')]);
    expect(failure(bytes).subject).toBe('app.manifest:2:7');
    expect(failure(Buffer.from([0x61, 0xc5])).subject).toBe('app.manifest:1:2');
    expect(failure(Buffer.from([0xc0, 0x80])).subject).toBe('app.manifest:1:1');
  });

  it('a byte order mark is an error, as bytes and as text', () => {
    expect(failure('\ufeffa = 1').message).toContain('byte order mark');
    expect(failure(Buffer.from('\ufeffa = 1')).message).toContain('byte order mark');
  });

  it('nesting without end is an error, not a crash', () => {
    expect(failure(`a = ${'['.repeat(5000)}${']'.repeat(5000)}`).code).toBe('manifest');
    expect(failure(`${'a.'.repeat(20000)}b = 1`).message).toContain('nested deeper');
  });
});

describe('foreign parsers', () => {
  it('smol-toml finds the same values, where plain objects can hold them', () => {
    fc.assert(
      fc.property(anyTable, (table) => {
        const text = serializeManifest(table);
        const plain = (value: TomlValue): unknown => {
          if (value instanceof Map) return Object.fromEntries([...value].map(([k, v]) => [k, plain(v)]));
          if (Array.isArray(value)) return value.map(plain);
          return typeof value === 'object' ? 'date' : value;
        };
        const undated = (_: string, value: unknown) => value;
        const theirs = JSON.stringify(parse(text, { integersAsBigInt: true }), replaceOdd);
        const ours = JSON.stringify(plain(parseToml(text, 't').root), replaceOdd);
        expect(sorted(JSON.parse(ours, undated))).toEqual(sorted(JSON.parse(theirs, undated)));
      }),
    );
  });
});

describe('speed', () => {
  it('the time for 20,000 trusted files does not grow with their square, places included', {
    timeout: 60_000,
  }, async () => {
    const block = (index: number) =>
      `[[sgx.trusted_files]]\nuri = "file:/usr/lib/x86_64-linux-gnu/python3/dist-packages/a/file-${index}.py"\nsha256 = "${'ab'.repeat(32)}"\n\n`;
    const text = Array.from({ length: 20_000 }, (_, index) => block(index)).join('');
    const seconds = await cpuSeconds(() => {
      const document = parseToml(text, 't');
      expect(document.locate(['sgx', 'trusted_files', 19_999, 'uri']).line).toBe(79_998);
    });
    expect(seconds).toBeLessThan(15);
  });
});

function replaceOdd(this: unknown, _key: string, value: unknown): unknown {
  if (value instanceof Date) return 'date';
  if (typeof value === 'string' && /^-?\d{4}-|^\d\d:/.test(value)) return 'date';
  if (typeof value === 'bigint') return `int ${value}`;
  if (typeof value === 'number' && !Number.isFinite(value)) return `float ${value}`;
  return value;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, sorted(item)]);
}
