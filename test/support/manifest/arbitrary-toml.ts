import fc from 'fast-check';
import type { TomlDate, TomlTable, TomlValue } from '../../../src/manifest/toml/toml.ts';

const oddKeys = [
  '__proto__',
  'constructor',
  '10',
  '9',
  '0',
  '',
  'a b',
  'ż',
  '"',
  '\\',
  'a.b',
  '\u0000',
  '\t',
  '💡',
];

/** Text without lone surrogates, controls and quotes included. */
export const anyText: fc.Arbitrary<string> = fc.string({ unit: 'binary', maxLength: 12 });

const key = fc.oneof(fc.constantFrom(...oddKeys), fc.stringMatching(/^[a-z0-9_-]{1,4}$/), anyText);

const date: fc.Arbitrary<TomlDate> = fc
  .tuple(
    fc.constantFrom('', '1979-05-27', '2024-02-29', '0001-01-01'),
    fc.constantFrom('', '07:32:00', '23:59:59.999999', '00:00:00.000500'),
    fc.constantFrom('', '+00:00', '-07:30'),
  )
  .filter(
    ([day, clock, zone]) => (day !== '' || clock !== '') && (zone === '' || (day !== '' && clock !== '')),
  )
  .map(([day, clock, zone]) => ({ kind: 'date', text: [day, clock].filter(Boolean).join(' ') + zone }));

const scalar: fc.Arbitrary<TomlValue> = fc.oneof(
  anyText,
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double(),
  fc.boolean(),
  date,
);

/** A table of any TOML values, with keys that plain objects reorder or lose. */
export const anyTable: fc.Arbitrary<TomlTable> = fc.letrec<{ value: TomlValue; table: TomlTable }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(tie('table'), { maxLength: 3 }),
    tie('table'),
  ),
  table: fc
    .uniqueArray(fc.tuple(key, tie('value')), { maxLength: 6, selector: ([name]) => name })
    .map((pairs) => new Map(pairs)),
})).table;

/** A value as `parseWithPython` shows it. */
export function tagged(value: TomlValue, showFloat: (value: number) => string): unknown {
  const tag = (item: TomlValue): unknown => tagged(item, showFloat);
  if (value instanceof Map) return ['table', [...value].map(([name, item]) => [name, tag(item)])];
  if (Array.isArray(value)) return ['array', value.map(tag)];
  if (typeof value === 'bigint') return ['integer', String(value)];
  if (typeof value === 'number') return ['float', showFloat(value)];
  if (typeof value === 'object') return ['date', (value as TomlDate).text];
  return [typeof value, value];
}
