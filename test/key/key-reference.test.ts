import { describe, expect, test } from 'vitest';
import { parseKeyReference } from '../../src/key/key-reference.ts';
import { parsePkcs11Uri, showPkcs11Uri } from '../../src/key/pkcs11-uri.ts';

describe('a KEY', () => {
  test.each([
    ['key.pem', 'key.pem'],
    ['./pkcs11:x', './pkcs11:x'],
    ['dir with blanks/key', 'dir with blanks/key'],
    ['C:key', 'C:key'],
  ])('%s is the path of a file', (text, path) => {
    expect(parseKeyReference(text)).toEqual({ kind: 'pem', path });
  });

  test.each<[string, readonly string[]]>([
    ['exec:sign', ['sign']],
    ['exec:./sign.sh  a b', ['./sign.sh', 'a', 'b']],
    [`exec:sign 'a b' "c d" e\\ f`, ['sign', 'a b', 'c d', 'e f']],
    [`exec:'/opt/my signer' x'y'"z"`, ['/opt/my signer', 'xyz']],
    [`exec:sign "a\\"b\\\\" '\\' ''`, ['sign', 'a"b\\', '\\', '']],
    ['exec:sign $HOME *;|', ['sign', '$HOME', '*;|']],
  ])('%s is a program with its words, which no shell expands', (text, [program, ...parameters]) => {
    expect(parseKeyReference(text)).toEqual({ kind: 'exec', program, parameters });
  });

  test.each(['', 'exec:', 'exec:  ', "exec:sign 'a", 'exec:sign "a', 'exec:sign a\\'])(
    '%j is wrong usage',
    (text) => {
      expect(() => parseKeyReference(text)).toThrow(
        expect.objectContaining({ code: 'usage', hint: expect.any(String) }),
      );
    },
  );
});

describe('a pkcs11: URI', () => {
  test('chooses by token, slot and object, and says how it is reached', () => {
    const text =
      'pkcs11:token=My%20Token;serial=01;slot-id=7;object=a%3Bb;id=%01%ffA;type=private?module-path=/a/b.so&pin-source=file:/p';
    expect(parsePkcs11Uri(text)).toEqual({
      token: 'My Token',
      serial: '01',
      'slot-id': 7,
      object: 'a;b',
      id: Buffer.from([1, 255, 65]),
      type: 'private',
      'module-path': '/a/b.so',
      'pin-source': 'file:/p',
    });
  });

  test('of nothing chooses nothing; the scheme may be in capitals', () => {
    expect(parsePkcs11Uri('pkcs11:')).toEqual({});
    expect(parseKeyReference('PKCS11:token=x')).toEqual({ kind: 'pkcs11', uri: { token: 'x' } });
  });

  test('a value may hold = and further question marks', () => {
    expect(parsePkcs11Uri('pkcs11:object=a=b?pin-value=c?d=e')).toEqual({
      object: 'a=b',
      'pin-value': 'c?d=e',
    });
  });

  test('is shown without a PIN and without how it is reached, and what is shown chooses the same', () => {
    const uri = parsePkcs11Uri("pkcs11:token=ü;object=it's%20(a%25)*;id=%00?pin-value=1234&module-path=/x");
    const shown = showPkcs11Uri(uri);
    expect(shown).not.toContain('1234');
    const { 'pin-value': _, 'module-path': __, ...chosen } = uri;
    expect(parsePkcs11Uri(shown)).toEqual(chosen);
  });

  test.each<[string, RegExp]>([
    ['pkcs11:tokn=a', /did you mean token/],
    ['pkcs11:token', /token has no value/],
    ['pkcs11:token=a;token=b', /given twice/],
    ['pkcs11:pin-value=1', /after a \?/],
    ['pkcs11:token=a?object=b', /before the \?/],
    ['pkcs11:object=%4', /two hex digits/],
    ['pkcs11:slot-id=one', /not a decimal number/],
    ['pkcs11:type=privat', /expected type to be one of/],
    ['pkcs11:?pin-value=1&pin-source=f', /got both/],
    ['pkcs11:secret%20stuff=1', /expected one of/],
  ])('%s is wrong usage', (text, says) => {
    try {
      parsePkcs11Uri(text);
    } catch (error) {
      expect(error).toMatchObject({ code: 'usage' });
      expect(`${(error as Error).message} ${(error as { hint?: string }).hint}`).toMatch(says);
      return;
    }
    throw new Error('it was taken');
  });
});
