import { createHash, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'cborg';
import { describe, expect, test } from 'vitest';
import type { VerifyOptions } from '../../src/attest/options.ts';
import { verifyRaTlsCertificate } from '../../src/attest/verify-ra-tls.ts';
import { parseCollateral } from '../../src/collateral/parse-collateral.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { makeRaTls, type RaTlsChoice } from '../support/attest/pki/ra-tls.ts';
import {
  makeCollateral,
  makeQuote,
  makeTestPki,
  testEnclave,
  testTime,
} from '../support/attest/pki/test-pki.ts';
import { areRealQuotesThere, failuresOf, quoteRoot, resultOf } from '../support/attest/real-quotes.ts';

const at = new Date('2023-06-01T00:00:00Z');

describe.skipIf(!areRealQuotesThere)('real RA-TLS certificates', () => {
  test.each([
    ['gramine-1.8-both-oids.pem', []],
    ['gramine-legacy-oid.der', []],
    ['rats-tls.pem', []],
  ])('%s: the quote is good, and vouches for the key', (file, debug) => {
    const certificate = readFileSync(join(quoteRoot, 'ratls', file));
    const verdict = verifyRaTlsCertificate(certificate, undefined, { at, isAnyIdentityAccepted: true });
    expect(failuresOf(verdict).filter((name) => name !== 'debug')).toEqual(debug);
    for (const name of [
      ...[
        'certificate-format',
        'certificate-signature',
        'certificate-validity',
        'key-binding',
        'quote-format',
      ],
      ...['pck-chain', 'qe-report-signature', 'qe-report-data', 'quote-signature'],
    ]) {
      expect(resultOf(verdict, name), name).toBe('ok');
    }
    expect(verdict.isAccepted).toBe(false);
  });
});

describe('made RA-TLS certificates', () => {
  const pki = makeTestPki();
  const collateral = parseCollateral(makeCollateral(pki));
  const verify = (certificate: Uint8Array, more: Partial<VerifyOptions> = {}) =>
    verifyRaTlsCertificate(certificate, collateral, {
      at: testTime,
      expected: { mrEnclave: testEnclave.mrEnclave },
      rootCa: parseCertificate(pki.root.der),
      ...more,
    });
  const failures = (choice: RaTlsChoice, more: Partial<VerifyOptions> = {}) =>
    failuresOf(verify(makeRaTls(pki, choice).der, more));

  test.each<[string, RaTlsChoice]>([
    ['with both extensions', {}],
    ['with the standard one', { extensions: ['standard'] }],
    ["with Gramine's own", { extensions: ['legacy'] }],
    ['with a P-256 key', { keys: generateKeyPairSync('ec', { namedCurve: 'P-256' }) }],
    ['with a hash of SHA-384', { hash: { id: 7, algorithm: 'sha384' } }],
    ['with a hash of SHA-512', { hash: { id: 8, algorithm: 'sha512' } }],
    ['with claims that nobody knows', { claims: { software: 'x', more: [1, { a: 2 }] } }],
  ])('%s are accepted, in DER and in PEM', (_what, choice) => {
    const { der, pem } = makeRaTls(pki, choice);
    for (const bytes of [der, Buffer.from(pem)]) {
      const verdict = verify(bytes);
      expect(failuresOf(verdict)).toEqual([]);
      expect(verdict.isAccepted).toBe(true);
      expect(verdict.channelKey).toHaveLength(32);
    }
  });

  test('the quote of another certificate is refused, in either extension', () => {
    const { publicKey } = makeRaTls(pki);
    expect(failures({ evidenceKey: publicKey })).toEqual(['key-binding']);
    expect(failures({ evidenceKey: publicKey, extensions: ['legacy'] })).toEqual(['key-binding']);
  });

  test('a quote that is over other claims is refused', () => {
    const report = { reportData: Buffer.alloc(32, 1) };
    expect(failures({ quote: { report } })).toEqual(['key-binding']);
  });

  test('report data that go on after the hash are refused', () => {
    const certificate = makeRaTls(pki, { extensions: ['legacy'] });
    const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
    const reportData = Buffer.concat([createHash('sha256').update(spki).digest(), Buffer.from([1])]);
    const keys = { privateKey: certificate.key, publicKey: certificate.publicKey };
    expect(failures({ keys, extensions: ['legacy'], quote: { report: { reportData } } })).toEqual([
      'key-binding',
    ]);
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ['without pubkey-hash', { 'pubkey-hash': undefined }],
    ['with a pubkey-hash that is a text', { 'pubkey-hash': 'abc' }],
    ['with an unknown algorithm', { 'pubkey-hash': encode([2, Buffer.alloc(32)]) }],
    ['with a short hash', { 'pubkey-hash': encode([1, Buffer.alloc(31)]) }],
    ['with a hash and more', { 'pubkey-hash': encode([1, Buffer.alloc(32), 0]) }],
    ['with an empty hash', { 'pubkey-hash': Buffer.alloc(0) }],
    ['with a nonce that is a number', { nonce: 5 }],
  ])('claims %s are refused, though the legacy extension is good', (_what, claims) => {
    expect(failures({ claims })).toContain('certificate-format');
  });

  test('a nonce has to be that of the claims; an old certificate has none', () => {
    const nonce = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    expect(failures({ claims: { nonce } }, { nonce })).toEqual([]);
    expect(failures({ claims: { nonce: nonce.subarray(1) } }, { nonce })).toEqual(['nonce']);
    expect(failures({}, { nonce })).toEqual(['nonce']);
    expect(failures({ extensions: ['legacy'] }, { nonce })).toEqual(['nonce']);
  });

  test('a certificate that another key signed is refused', () => {
    const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    expect(failures({ signer })).toEqual(['certificate-signature']);
  });

  test('a certificate outside of its time is refused', () => {
    expect(failures({ notAfter: new Date(testTime.getTime() - 1000) })).toEqual(['certificate-validity']);
    expect(failures({ notBefore: new Date(testTime.getTime() + 1000) })).toEqual(['certificate-validity']);
  });

  test.each<[string, Uint8Array]>([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('hello')],
    ['a certificate without a quote', pki.processorCa.der],
    ['PEM without a certificate', Buffer.from('-----BEGIN X-----\nAAAA\n-----END X-----\n')],
    ['a bare quote', makeQuote(pki)],
  ])('%s is not an RA-TLS certificate', (_what, bytes) => {
    const verdict = verify(bytes);
    expect(failuresOf(verdict)).toContain('certificate-format');
    expect(verdict.isAccepted).toBe(false);
  });

  test('it is the certificate itself that is read, not one of those in its quote', () => {
    const { der } = makeRaTls(pki);
    expect(parseCertificate(der).subject).toBe('CN=RATLS');
    expect(der.includes('-----BEGIN CERTIFICATE-----')).toBe(true);
  });
});
