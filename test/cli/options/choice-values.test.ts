import { describe, expect, test } from 'vitest';
import {
  checkDistinct,
  parseBroker,
  parseFile,
  parseRaTls,
  parseSecret,
  parseVariable,
  parseVolume,
  parseWords,
} from '../../../src/cli/options/choice-values.ts';

describe('--volume', () => {
  test.each([
    ['/data=tmpfs', { path: '/data', use: { kind: 'tmpfs' } }],
    ['/data/=allowed', { path: '/data', use: { kind: 'allowed' } }],
    ['/a/../b//c=encrypted', { path: '/b/c', use: { kind: 'encrypted' } }],
    ['/a=b=encrypted:my_key-1', { path: '/a=b', use: { kind: 'encrypted', keyName: 'my_key-1' } }],
    ['/d=encrypted:_sgx_mrsigner', { path: '/d', use: { kind: 'encrypted', keyName: '_sgx_mrsigner' } }],
    ['/ä=tmpfs', { path: '/Ã¤', use: { kind: 'tmpfs' } }],
  ])('%s', (text, volume) => expect(parseVolume(text)).toEqual(volume));

  test.each([
    '',
    '/data',
    'data=tmpfs',
    '=tmpfs',
    '/=tmpfs',
    '/..=tmpfs',
    '/data=',
    '/data=disk',
    '/data=tmpfs:key',
    '/data=allowed:',
    '/data=encrypted:',
    '/data=encrypted:a b',
    '/data=encrypted:a:b',
    '/data=encrypted:-a',
    '/da\0ta=tmpfs',
    '/data=Tmpfs',
  ])('refuses %j', (text) => expect(() => parseVolume(text)).toThrow(/^--volume: expected/));
});

describe('--secret', () => {
  test.each([
    ['db', { name: 'db', path: '/run/secrets/db' }],
    ['db.key-1', { name: 'db.key-1', path: '/run/secrets/db.key-1' }],
    ['db=/etc/app/db=1', { name: 'db', path: '/etc/app/db=1' }],
  ])('%s', (text, secret) => expect(parseSecret(text)).toEqual(secret));

  test.each(['', '=/x', 'a/b', '..', '.', 'a b', 'db=', 'db=x', 'db=/', 'a\0'])('refuses %j', (text) =>
    expect(() => parseSecret(text)).toThrow(/^--secret: expected/),
  );
});

describe('--env', () => {
  test.each([
    ['LANG', { kind: 'passthrough', name: 'LANG' }],
    ['LANG=', { kind: 'value', name: 'LANG', value: '' }],
    ['A=b=c\nd', { kind: 'value', name: 'A', value: 'b=c\nd' }],
    ['LD_PRELOAD=/x.so', { kind: 'value', name: 'LD_PRELOAD', value: '/x.so' }],
    ['A.B-C=1', { kind: 'value', name: 'A.B-C', value: '1' }],
  ])('%j', (text, variable) => expect(parseVariable(text)).toEqual(variable));

  test.each(['', '=', '=x', 'A=b\0', 'A\0', 'LD_LIBRARY_PATH', 'LD_PRELOAD'])('refuses %j', (text) =>
    expect(() => parseVariable(text)).toThrow(/^--env: expected/),
  );
});

describe('--file', () => {
  test.each([
    ['a.txt:/etc/a.txt', { hostPath: 'a.txt', path: '/etc/a.txt' }],
    ['/x:/y:/z', { hostPath: '/x:/y', path: '/z' }],
    ['C:a:/z', { hostPath: 'C:a', path: '/z' }],
    ['a:/b/../c', { hostPath: 'a', path: '/c' }],
  ])('%s', (text, file) => expect(parseFile(text)).toEqual(file));

  test.each(['', 'a', 'a:b', ':/b', 'a:', 'a:/', 'a:/b/', 'a:/..', 'a:/x/.wh.y', 'a:/b\0'])(
    'refuses %j',
    (text) => expect(() => parseFile(text)).toThrow(/^--file: expected/),
  );
});

describe('--entrypoint and --cmd', () => {
  test.each<[string, readonly string[]]>([
    ['', []],
    ['[]', []],
    ['/bin/app', ['/bin/app']],
    ['-x', ['-x']],
    ['[', ['[']],
    ['["python3", "a b", "", "\\n\\u00e4"]', ['python3', 'a b', '', '\nä']],
  ])('%s', (text, words) => expect(parseWords('--cmd', text)).toEqual(words));

  test.each(['a b', 'a\tb', ' ', '["a", 1]', '["a"', '[a]', '["a\\u0000"]', '[["a"]]', '[null]'])(
    'refuses %j',
    (text) => expect(() => parseWords('--entrypoint', text)).toThrow(/^--entrypoint: expected/),
  );
});

test('two values for one place are refused', () => {
  expect(() => checkDistinct('--env', ['a', 'b', 'a'], (name) => name)).toThrow(/got a twice/);
  expect(() => checkDistinct('--env', ['a', 'b'], (name) => name)).not.toThrow();
});

describe('--ratls', () => {
  const files = { certificate: '/c', key: '/k' };
  test.each([
    ['CERT=/c,KEY=/k', { ...files, format: 'pem' }],
    ['key=/k,cert=/x/../c', { ...files, format: 'pem' }],
    ['CERT=/c,KEY=/k,FORMAT=der', { ...files, format: 'der' }],
    ['CERT=/a,b,KEY=/k', { certificate: '/a,b', key: '/k', format: 'pem' }],
  ])('%s', (text, choice) => expect(parseRaTls(text)).toEqual(choice));

  test.each([
    ...[
      '',
      'CERT=/c',
      'KEY=/k',
      '/c,/k',
      'CERT=/c,KEY=',
      'CERT=/c,KEY=k',
      'CERT=/c,KEY=/k,X=1',
      'CERT=/,KEY=/k',
    ],
    ...['CERT=/c,CERT=/d,KEY=/k', 'CERT=/c,KEY=/k,FORMAT=p12', 'CERT=/c,KEY=/c', 'CERT=/c\0,KEY=/k'],
  ])('refuses %j', (text) => expect(() => parseRaTls(text)).toThrow(/^--ratls: expected/));
});

describe('--secret-from', () => {
  test.each([
    ['kb:4433', { server: 'kb:4433' }],
    ['kb.example.com:443=a=b.pem', { server: 'kb.example.com:443', authorities: 'a=b.pem' }],
    ['10.0.0.1:0443=ca.pem', { server: '10.0.0.1:443', authorities: 'ca.pem' }],
  ])('%s', (text, choice) => expect(parseBroker(text)).toEqual(choice));

  test.each([
    ...[
      '',
      'kb',
      'kb:',
      ':4433',
      'kb:0',
      'kb:65536',
      'kb:http',
      'kb:1=',
      '[::1]:443',
      '::1:443',
      'https://kb:443',
    ],
    ...['a,b:1', 'a;b:1', 'a b:1', 'kb:4433:x'],
  ])('refuses %j', (text) => expect(() => parseBroker(text)).toThrow(/^--secret-from: expected/));
});
