import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verifyQuote } from '../../src/attest/verify-quote.ts';
import { parseCollateral } from '../../src/collateral/parse-collateral.ts';
import { defaultAttestPolicy } from '../../src/policy/attest-policy.ts';
import { readCertificates } from '../../src/x509/certificate.ts';
import {
  areRealQuotesThere,
  detailOf,
  failuresOf,
  optionsFor,
  quoteBytes,
  quoteRoot,
  type RealQuote,
  rawCollateral,
  realQuotes,
  resultOf,
} from '../support/attest/real-quotes.ts';

const find = (name: string) => realQuotes.find((quote) => quote.name === name) as RealQuote;
const verify = (name: string, more: Parameters<typeof optionsFor>[1] = {}) => {
  const quote = find(name);
  const collateral = quote.has_collateral ? parseCollateral(rawCollateral(name)) : undefined;
  return verifyQuote(quoteBytes(name), collateral, optionsFor(quote, more));
};
const tolerant = {
  ...defaultAttestPolicy,
  tcbStatuses: [
    'UpToDate',
    'SWHardeningNeeded',
    'ConfigurationNeeded',
    'ConfigurationAndSWHardeningNeeded',
    'OutOfDate',
  ],
  isDebugAllowed: true,
} as const;

describe.skipIf(!areRealQuotesThere)('real quotes', () => {
  const withIntelsRoot = realQuotes.filter(
    ({ verdict, name }) =>
      verdict !== null && name !== 'intel-qvl-synthetic' && name !== 'oasis-v3-pck-chain',
  );

  test.each(withIntelsRoot)('$name has the status, advisories and date that are right', (quote) => {
    const verdict = verify(quote.name, { policy: tolerant });
    expect(failuresOf(verdict)).toEqual([]);
    expect(verdict.isAccepted).toBe(true);
    expect(verdict.tcbStatus).toBe(quote.verdict?.status);
    expect(verdict.advisories).toEqual(quote.verdict?.advisories);
    expect(new Date(verdict.tcbDate as number).toISOString()).toBe(
      quote.verdict?.tcb_date.replace('Z', '.000Z'),
    );
    expect(verdict.platform?.fmspc.toString('hex')).toBe(quote.fmspc);
    expect(verdict.report?.mrSigner.toString('hex')).toBe(quote.mrsigner);
    expect(verdict.report?.isDebug).toBe(quote.debug);
    expect(verdict.collateralWindow?.until).toBe((quote.window?.[1] as number) * 1000);
  });

  test.each(withIntelsRoot)('$name under the default policy: the status decides, and debug', (quote) => {
    const verdict = verify(quote.name);
    const isGood = ['UpToDate', 'SWHardeningNeeded'].includes(quote.verdict?.status ?? '');
    expect(failuresOf(verdict)).toEqual([
      ...(isGood ? [] : ['tcb-status']),
      ...(quote.debug ? ['debug'] : []),
    ]);
    expect(verdict.isAccepted).toBe(isGood && !quote.debug);
    expect(verdict.tcbStatus).toBe(quote.verdict?.status);
  });

  test('without CRLs a quote is refused, and the status said', () => {
    const verdict = verify('oasis-v3-pck-chain');
    expect(failuresOf(verdict)).toEqual(['root-ca-crl', 'pck-crl']);
    expect(detailOf(verdict, 'pck-crl')).toMatch(/^the collateral holds no PCK CRL; what to do: fetch/);
    expect(verdict.isAccepted).toBe(false);
    expect(verdict.tcbStatus).toBe('SWHardeningNeeded');
  });

  test('without CRLs a quote is accepted only by a policy that says so, which the list says', () => {
    const verdict = verify('oasis-v3-pck-chain', {
      policy: { ...defaultAttestPolicy, areCrlsRequired: false },
    });
    expect(failuresOf(verdict)).toEqual([]);
    expect(resultOf(verdict, 'root-ca-crl')).toBe('not-checked');
    expect(resultOf(verdict, 'pck-crl')).toBe('not-checked');
    expect(verdict.advisories).toEqual(find('oasis-v3-pck-chain').verdict?.advisories);
    expect(verdict.isAccepted).toBe(true);
  });

  test('a PCK CRL of the platform authority is not one for a certificate of the processor authority', () => {
    const verdict = verify('integritee-1', { policy: tolerant, at: new Date('2022-12-06T00:00:00Z') });
    expect(resultOf(verdict, 'pck-crl')).toBe('failed');
    expect(detailOf(verdict, 'pck-crl')).toMatch(/from another authority/);
    expect(verdict.isAccepted).toBe(false);
  });

  describe("the sample of Intel's verification library", () => {
    const at = (file: string) => readCertificates(readFileSync(join(quoteRoot, 'intel-qvl-synthetic', file)));
    const pck = () => [...at('pckCert.pem'), ...at('pckSignChain.pem')];

    test('is up to date with its own root, which every check that depends on it says', () => {
      const [rootCa] = at('trustedRootCaCert.pem');
      const verdict = verify('intel-qvl-synthetic', {
        ...(rootCa && { rootCa }),
        pckCertificates: pck(),
      });
      expect(failuresOf(verdict)).toEqual([]);
      expect(verdict.isAccepted).toBe(true);
      expect(verdict.tcbStatus).toBe('UpToDate');
      for (const { name, detail, result } of verdict.checks) {
        const isDependent = name !== 'quote-format' && result !== 'not-checked';
        expect(detail.includes('not Intel'), name).toBe(isDependent);
      }
    });

    test("is refused with Intel's root", () => {
      const verdict = verify('intel-qvl-synthetic', { pckCertificates: pck() });
      expect(verdict.isAccepted).toBe(false);
      expect(detailOf(verdict, 'pck-chain')).toMatch(/is not trusted/);
      expect(detailOf(verdict, 'tcb-info-signature')).toMatch(/is not trusted/);
      expect(verdict.tcbStatus).toBeUndefined();
    });

    test('is refused without the chain beside it', () => {
      const verdict = verify('intel-qvl-synthetic');
      expect(detailOf(verdict, 'pck-chain')).toMatch(/of type 1/);
      expect(verdict.isAccepted).toBe(false);
    });
  });

  test.each(['oasis-v3-eppid', 'fortanix-raw-tcb'])(
    '%s is refused: an encrypted PPID leads to no PCK chain',
    (name) => {
      const verdict = verify(name, { policy: tolerant });
      expect(detailOf(verdict, 'pck-chain')).toMatch(/of type 3 \(the PPID encrypted with RSA-3072\)/);
      expect(verdict.isAccepted).toBe(false);
    },
  );

  test.each(['fortanix-pck-chain', 'trustee-occlum'])(
    '%s has good signatures; without collateral its TCB is not checked, so that it is not accepted',
    (name) => {
      const verdict = verify(name, { policy: tolerant, at: new Date('2024-01-01T00:00:00Z') });
      expect(failuresOf(verdict)).toEqual([]);
      for (const check of ['pck-chain', 'qe-report-signature', 'qe-report-data', 'quote-signature']) {
        expect(resultOf(verdict, check), check).toBe('ok');
      }
      expect(detailOf(verdict, 'tcb-info-signature')).toBe('no collateral was given');
      expect(resultOf(verdict, 'tcb-level')).toBe('not-checked');
      expect(verdict.tcbStatus).toBeUndefined();
      expect(verdict.isAccepted).toBe(false);
    },
  );

  test('a damaged quote has a bad signature', () => {
    const verdict = verify('fortanix-pck-chain-corrupted', { at: new Date('2024-01-01T00:00:00Z') });
    expect(failuresOf(verdict)).toContain('quote-signature');
    expect(resultOf(verdict, 'pck-chain')).toBe('ok');
  });

  test.each(['oe-host-sgx-cert-ec-bad', 'oe-host-sgx-report-bad'])('%s has a damaged PCK chain', (name) => {
    const verdict = verify(name, { at: new Date('2024-01-01T00:00:00Z') });
    expect(failuresOf(verdict)).toContain('pck-chain');
    expect(verdict.isAccepted).toBe(false);
  });
});
