import { describe, expect, test } from 'vitest';
import { memberTexts } from '../../src/collateral/signed-json.ts';

describe('the exact texts of members', () => {
  test.each<[string, Record<string, string>]>([
    ['{}', {}],
    ['{"a":1}', { a: '1' }],
    [' { "a" : { "x" : [ 1 , 2 ] } , "b" : "}" } ', { a: '{ "x" : [ 1 , 2 ] }', b: '"}"' }],
    ['{"a":"\\"}{,","b":[{"a":2},{"b":3}],"c":null}', { a: '"\\"}{,"', b: '[{"a":2},{"b":3}]', c: 'null' }],
    ['{"a\\u0062":true,"a":{}}', { ab: 'true', a: '{}' }],
    ['{"a":"\\\\","b":-1.5e3}', { a: '"\\\\"', b: '-1.5e3' }],
  ])('of %s', (text, expected) => {
    expect(Object.fromEntries(memberTexts(text))).toEqual(expected);
  });

  test('a member that appears twice is refused, also with its name escaped', () => {
    expect(() => memberTexts('{"a":1,"a":2}')).toThrow(/appears twice/);
    expect(() => memberTexts('{"a":1,"\\u0061":2}')).toThrow(/appears twice/);
  });

  test.each(['', 'null', '[]', '"a"', '{"a":1', '{a:1}'])('%s is refused', (text) => {
    expect(() => memberTexts(text)).toThrow();
  });
});
