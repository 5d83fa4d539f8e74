import { describe, expect, test } from 'vitest';
import { encodePem, parsePem } from '../../src/x509/pem.ts';

const der = Buffer.from([...Array(200).keys()]);
const pem = encodePem(der, 'CERTIFICATE');
const parse = (text: string) => parsePem(text, 'CERTIFICATE');

describe('PEM', () => {
  test('what was encoded is decoded, one block or several', () => {
    expect(parse(pem)).toEqual([der]);
    expect(parse(pem + pem)).toEqual([der, der]);
  });

  test.each([
    ['lines that end in CR LF', pem.replaceAll('\n', '\r\n')],
    ['no newline at the end', pem.trimEnd()],
    ['a NUL at the end', `${pem}\0`],
    ['empty lines between blocks', `\n${pem}\n\n`],
    [
      'lines of another length',
      pem
        .replace(/\n(?!-)/g, '')
        .replace('-----BEGIN CERTIFICATE-----', '$&\n')
        .replace('-----END', '\n-----END')
        .replace(/\n\n/g, '\n'),
    ],
  ])('%s are read', (_what, text) => {
    expect(parse(text)).toEqual([der]);
  });

  test.each([
    ['nothing', '', /empty string/],
    ['another label', encodePem(der, 'X509 CRL'), /expected "-----BEGIN CERTIFICATE-----", got X509 CRL/],
    ['text before a block', `hello\n${pem}`, /line 1: expected .* got "hello"/],
    ['text after a block', `${pem}hello`, /expected/],
    ['two NULs at the end', `${pem}\0\0`, /expected/],
    ['a block that does not end', pem.replace('-----END', '-----AND'), /has no line/],
    ['a blank in a line', pem.replace('AAEC', 'AA EC'), /not base64|one length/],
    ['two lines joined', pem.replace(/([A-Za-z0-9+/]{64})\n(?!-)/, '$1'), /canonical|one length/],
    ['an empty line in a block', pem.replace(/([A-Za-z0-9+/]{64})\n/, '$1\n\n'), /one length/],
    ['a carriage return alone', pem.replace('\n', '\r'), /expected/],
    ['an empty block', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n', /not base64/],
    [
      'bits that no byte has',
      '-----BEGIN CERTIFICATE-----\nAB==\n-----END CERTIFICATE-----\n',
      /canonical form/,
    ],
    ['base64 for URLs', '-----BEGIN CERTIFICATE-----\n_-8=\n-----END CERTIFICATE-----\n', /not base64/],
    ['missing padding', '-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n', /not base64/],
  ])('%s is refused', (_what, text, reason) => {
    expect(() => parse(text)).toThrow(reason);
  });
});
