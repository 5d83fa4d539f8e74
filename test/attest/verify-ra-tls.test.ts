import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verifyRaTlsCertificate } from '../../src/attest/verify-ra-tls.ts';
import { areRealQuotesThere, failuresOf, quoteRoot, resultOf } from './real-quotes.ts';

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
