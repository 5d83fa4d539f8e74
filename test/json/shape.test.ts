import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/json/canonical-json.ts';
import { fieldKey } from '../../src/json/field-key.ts';
import { readJson } from '../../src/json/read-json.ts';
import {
  anything,
  count,
  exactly,
  flag,
  listOf,
  mapOf,
  number,
  object,
  required,
  type Shape,
  text,
  textLike,
} from '../../src/json/shape.ts';

const run = object({
  User: text,
  WorkingDir: text,
  Env: listOf(text),
  Labels: mapOf(text),
  Volumes: mapOf(anything),
  Health: object({ Test: listOf(text), Interval: anything }),
  Tty: flag,
});
const history = object({ history: listOf(object({ empty: flag, comment: text })) });

function read<Value>(json: string, shape: Shape<Value>): Value {
  const { value, problem } = readJson(json, shape);
  if (value === undefined) throw new Error(problem);
  return value;
}
const written = (json: string, shape: Shape<unknown> = run) => canonicalJson(read(json, shape)).toString();
const problemOf = (json: string, shape: Shape<unknown> = run) => readJson(json, shape).problem;

/** What Go 1.19's encoding/json reads from these into a struct with such fields (json.Unmarshal, then json.Marshal). */
describe('an object is read as Go reads it', () => {
  test.each([
    ['in another case', '{"user":"1","ENV":["A=b"]}', '{"Env":["A=b"],"User":"1"}'],
    [
      'with the long s and the Kelvin sign',
      '{"U\u017fer":"1","Wor\u212aingDir":"/"}',
      '{"User":"1","WorkingDir":"/"}',
    ],
    ['with escapes in its keys', '{"\\u0075ser":"1"}', '{"User":"1"}'],
    ['with a text twice: the last', '{"user":"1","User":"2","uSer":"3"}', '{"User":"3"}'],
    ['with a text, then null: the text', '{"User":"1","user":null}', '{"User":"1"}'],
    ['with true, then null: true', '{"Tty":true,"tty":null}', '{"Tty":true}'],
    ['with an array twice: the last', '{"Env":["A","B"],"env":["C"]}', '{"Env":["C"]}'],
    ['with an array, then null: none', '{"Env":["A"],"env":null}', '{"Env":null}'],
    ['with an array, then an empty one', '{"Env":["A"],"env":[]}', '{"Env":[]}'],
    [
      'with a map twice: both',
      '{"Labels":{"a":"1","b":"2"},"labels":{"a":"3"}}',
      '{"Labels":{"a":"3","b":"2"}}',
    ],
    [
      'with a map, null, a map: the last',
      '{"Labels":{"a":"1"},"labels":null,"LABELS":{"b":"2"}}',
      '{"Labels":{"b":"2"}}',
    ],
    [
      'with keys of a map that differ in case: both',
      '{"Labels":{"a":"1","A":"2"}}',
      '{"Labels":{"A":"2","a":"1"}}',
    ],
    ['with null in a map', '{"Labels":{"a":null}}', '{"Labels":{"a":""}}'],
    ['with null in an array', '{"Env":[null,"A"]}', '{"Env":["","A"]}'],
    [
      'with an object twice: both',
      '{"Health":{"Test":["x"],"Interval":5},"health":{"interval":7}}',
      '{"Health":{"Interval":7,"Test":["x"]}}',
    ],
    ['with null, then an object', '{"Health":null,"health":{"Test":["x"]}}', '{"Health":{"Test":["x"]}}'],
    ['with an empty key and a foreign one', '{"":1,"Ünsinn":2}', '{"":1,"Ünsinn":2}'],
  ])('%s', (_, json, expected) => {
    expect(written(json)).toBe(expected);
  });

  test('an array of objects twice: the later ones add to the earlier ones at their places', () => {
    const json = '{"history":[{"empty":true,"comment":"a"},{"comment":"b"}],"History":[{"comment":"c"}]}';
    expect(written(json, history)).toBe('{"history":[{"comment":"c","empty":true}]}');
  });

  test('İ, ß and other letters that only full folding takes for ASCII stay others', () => {
    expect(fieldKey('VOLUMEſ')).toBe('volumes');
    for (const key of ['Lİst', 'straße', 'ﬁeld', 'Ａ']) expect(fieldKey(key)).not.toMatch(/^[a-z]+$/);
  });
});

describe('what engines read differently is refused', () => {
  test.each([
    ['an object, then null', '{"Health":{"Test":["x"]},"health":null}', 'health: repeated as null'],
    [
      'a value of an array, then null in its place',
      '{"Env":["A"],"env":[null]}',
      'env[0]: repeated with null',
    ],
  ])('%s', (_, json, problem) => {
    expect(problemOf(json)).toContain(problem);
  });
});

test('null is an empty list, also where one has to be: Go writes it so', () => {
  const shape = object({ manifests: required(listOf(object({}))), labels: required(mapOf(text)) });
  expect(read('{"manifests":null,"labels":null}', shape)).toEqual({ manifests: [], labels: {} });
  expect(problemOf('{"manifests":[]}', shape)).toBe('labels: expected an object, got nothing');
});

test('unknown fields are kept, once: the last of those that differ in case only', () => {
  expect(written('{"foo":1,"Foo":{"b":1,"a":[]},"bar":1e2}')).toBe('{"Foo":{"a":[],"b":1},"bar":1e2}');
});

test('__proto__ and constructor are fields, keys and values like any others', () => {
  const json = '{"Labels":{"__proto__":"x","b":"c","constructor":"d"},"__proto__":{"y":1},"constructor":2}';
  expect(written(json)).toBe(json);
  expect(Object.getPrototypeOf(read(json, run).Labels)).toBe(Object.prototype);
});

describe('a problem says where, what was expected and what is there', () => {
  const digest = textLike('hex digits', (value): value is string => /^[0-9a-f]+$/.test(value));
  const shape = object({
    layers: required(listOf(object({ size: required(count), digest: required(digest) }))),
    version: required(exactly(2)),
    kind: exactly('layers'),
    ratio: number,
    nested: listOf(listOf(mapOf(text))),
  });
  const good = '"layers":[],"version":2';
  test.each([
    [`{${good}}`, undefined],
    [`{${good},"kind":"layers","ratio":-1.5e3,"nested":[[{"a":"b"}]]}`, undefined],
    ['[]', 'expected an object, got an array'],
    ['null', 'expected an object, got null'],
    ['{"version":2}', 'layers: expected an array of objects, got nothing'],
    ['{"layers":[],"version":null}', 'version: expected 2, got null'],
    ['{"layers":{},"version":2}', 'layers: expected an array of objects, got an object'],
    ['{"layers":[null],"version":2}', 'layers[0]: expected an object, got null'],
    ['{"layers":[{"size":1}],"version":2}', 'layers[0].digest: expected hex digits, got nothing'],
    [
      '{"Layers":[{"SIZE":-1,"digest":"x"}],"version":2}',
      'Layers[0].SIZE: expected a whole number from 0 to 2^53 - 1, got -1; Layers[0].digest: expected hex digits, got "x"',
    ],
    ['{"layers":[],"version":2.0}', 'version: expected 2, got 2.0'],
    ['{"layers":[],"version":"2"}', 'version: expected 2, got "2"'],
    [`{${good},"kind":"tar"}`, 'kind: expected "layers", got "tar"'],
    [`{${good},"ratio":"1"}`, 'ratio: expected a number, got a text'],
    [`{${good},"nested":[[{"a":["b"]}]]}`, 'nested[0][0].a: expected a string, got an array'],
    [`{${good},"nested":[true]}`, 'nested[0]: expected an array of objects, got true'],
  ])('%s', (json, problem) => {
    expect(problemOf(json, shape)).toBe(problem);
  });

  test.each(['9007199254740992', '1.0', '1e3', '-0', '0.5'])('%s is no count', (digits) => {
    expect(problemOf(`{"version":2,"layers":[{"digest":"a","size":${digits}}]}`, shape)).toContain(
      `got ${digits}`,
    );
  });

  test('of a value that may be secret only the kind is reported; a long one is cut', () => {
    expect(problemOf('{"User":["hunter2"]}')).not.toContain('hunter2');
    expect(problemOf(`{${good},"kind":"${'x'.repeat(1000)}"}`, shape)).toHaveLength(92);
  });

  test('of many problems the first are reported, and how many more there are', () => {
    const json = `{"version":2,"layers":[${Array.from({ length: 1000 }, () => '{"digest":"a"}').join()}]}`;
    expect(problemOf(json, shape)).toMatch(/^layers\[0]\.size: .*; layers\[2]\.size: [^;]*; and 997 more$/);
  });

  test('every value that is given for a field is checked against its shape', () => {
    expect(problemOf('{"User":5,"user":"1"}')).toBe('user: expected a string, got a number');
  });
});
