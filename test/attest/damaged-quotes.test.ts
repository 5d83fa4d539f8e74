import { describe, expect, test } from 'vitest';
import { verifyQuote } from '../../src/attest/verify-quote.ts';
import type { RawCollateral } from '../../src/collateral/collateral.ts';
import { parseCollateral } from '../../src/collateral/parse-collateral.ts';
import { defaultAttestPolicy } from '../../src/policy/attest-policy.ts';
import {
  areRealQuotesThere,
  detailOf,
  failuresOf,
  optionsFor,
  quoteBytes,
  type RealQuote,
  rawCollateral,
  realQuotes,
} from '../support/attest/real-quotes.ts';
import { longTest } from '../support/long-test.ts';

const name = 'phala-sgx';
const statuses = ['UpToDate', 'SWHardeningNeeded', 'ConfigurationAndSWHardeningNeeded'] as const;

describe.skipIf(!areRealQuotesThere)('damaged forms of a real quote', () => {
  const sample = realQuotes.find((each) => each.name === name) as RealQuote;
  const good = areRealQuotesThere ? quoteBytes(name) : Buffer.alloc(0);
  const raw: RawCollateral = areRealQuotesThere ? rawCollateral(name) : { pckCrls: [] };
  const goodCollateral = parseCollateral(raw);
  const policy = { ...defaultAttestPolicy, tcbStatuses: statuses };

  /** Accepts the quote itself: only the damage can be why a verdict is negative. */
  function verify(quote: Uint8Array, collateral: RawCollateral = raw, at?: number) {
    const options = optionsFor(sample, { policy, ...(at !== undefined && { at: new Date(at * 1000) }) });
    return verifyQuote(quote, collateral === raw ? goodCollateral : parseCollateral(collateral), options);
  }

  function flipped(offset: number, bit = 0): Buffer {
    const bytes = Buffer.from(good);
    bytes[offset] = (bytes[offset] as number) ^ (1 << bit);
    return bytes;
  }

  const hexOf = (crl: string | Uint8Array | undefined) => crl as string;
  const [pckCrl] = raw.pckCrls;

  function withPckCrl(crl: string): RawCollateral {
    return { ...raw, pckCrls: crl === '' ? [] : [{ crl, issuerChain: pckCrl?.issuerChain }] };
  }

  test('undamaged, it is accepted', () => {
    expect(verify(good).isAccepted).toBe(true);
  });

  test('an empty PCK CRL is refused', () => {
    const verdict = verify(good, withPckCrl(''));
    expect(failuresOf(verdict)).toEqual(['pck-crl']);
    expect(verdict.isAccepted).toBe(false);
  });

  test('a PCK CRL of another authority is refused, even with its own good chain', () => {
    const [other] = rawCollateral('teepot-sw-hardening').pckCrls;
    for (const pckCrls of [
      other ? [other] : [],
      [{ crl: other?.crl ?? '', issuerChain: pckCrl?.issuerChain }],
    ]) {
      const verdict = verify(good, { ...raw, pckCrls });
      expect(failuresOf(verdict)).toEqual(['pck-crl']);
      expect(detailOf(verdict, 'pck-crl')).toMatch(/from another authority/);
    }
  });

  test('the CRL of the root is not one of the PCK authority, nor the other way round', () => {
    expect(failuresOf(verify(good, withPckCrl(hexOf(raw.rootCaCrl))))).toEqual(['pck-crl']);
    expect(failuresOf(verify(good, { ...raw, rootCaCrl: hexOf(pckCrl?.crl) }))).toEqual(['root-ca-crl']);
  });

  test('a PCK CRL with a broken signature is refused: every byte of it counts', () => {
    const crl = Buffer.from(hexOf(pckCrl?.crl), 'hex');
    for (let offset = 0; offset < crl.length; offset += 1) {
      const damaged = Buffer.from(crl);
      damaged[offset] = (damaged[offset] as number) ^ (1 << (offset % 8));
      const verdict = verify(good, withPckCrl(damaged.toString('hex')));
      expect(failuresOf(verdict), `byte ${offset}`).toContain('pck-crl');
      expect(verdict.isAccepted).toBe(false);
    }
  });

  test('an empty root CRL, and one with a broken signature, are refused', () => {
    expect(failuresOf(verify(good, { ...raw, rootCaCrl: '' }))).toEqual(['root-ca-crl']);
    const crl = Buffer.from(hexOf(raw.rootCaCrl), 'hex');
    crl[crl.length - 1] = (crl[crl.length - 1] as number) ^ 1;
    expect(failuresOf(verify(good, { ...raw, rootCaCrl: crl.toString('hex') }))).toEqual(['root-ca-crl']);
  });

  test.each([
    ['version', 0],
    ['attestation key type', 2],
    ['reserved', 4],
    ['QE SVN', 8],
    ['PCE SVN', 10],
    ['QE vendor', 12],
    ['user data', 28],
    ['CPUSVN', 48],
    ['MISCSELECT', 64],
    ['attributes: debug', 96],
    ['attributes: XFRM', 104],
    ['MRENCLAVE, first byte', 112],
    ['MRENCLAVE, last byte', 143],
    ['MRSIGNER, first byte', 176],
    ['MRSIGNER, last byte', 207],
    ['ISVPRODID', 304],
    ['ISVSVN', 306],
    ['report data, first byte', 368],
    ['report data, last byte', 431],
    ['signature length', 432],
    ['signature, first byte', 436],
    ['signature, last byte', 499],
    ['attestation key, first byte', 500],
    ['attestation key, last byte', 563],
    ['QE report, first byte', 564],
    ['QE report, report data', 564 + 320],
    ['QE report, last byte', 947],
    ['QE report signature, first byte', 948],
    ['QE report signature, last byte', 1011],
    ['length of authentication data', 1012],
    ['authentication data', 1014],
    ['certification data type', 1046],
    ['certification data length', 1048],
  ])('a bit in %s is refused', (_what, offset) => {
    for (let bit = 0; bit < 8; bit += 1) {
      const verdict = verify(flipped(offset, bit));
      expect(verdict.isAccepted, `bit ${bit}`).toBe(false);
      expect(failuresOf(verdict)).not.toEqual([]);
    }
  });

  longTest('a bit in any byte is refused', () => {
    for (let offset = 0; offset < good.length; offset += 1) {
      if (offset === good.length - 1) continue; // the NUL after the PEM chain
      const verdict = verify(flipped(offset, offset % 8));
      expect(verdict.isAccepted, `byte ${offset}`).toBe(false);
    }
  });

  test.each([432, 1048])('a length of 0xffffffff at %i is refused', (offset) => {
    const bytes = Buffer.from(good);
    bytes.writeUInt32LE(0xffffffff, offset);
    expect(failuresOf(verify(bytes))).toContain('quote-format');
  });

  test('authentication data of 0xffff bytes are refused', () => {
    const bytes = Buffer.from(good);
    bytes.writeUInt16LE(0xffff, 1012);
    expect(failuresOf(verify(bytes))).toContain('quote-format');
  });

  longTest('a cut at any byte is refused', () => {
    for (let length = 0; length < good.length; length += 1) {
      const cut = good.subarray(0, length);
      const options = optionsFor(sample, { policy });
      // Without collateral, for speed: the cut is found before it is looked at.
      expect(failuresOf(verifyQuote(cut, undefined, options)), `cut at ${length}`).toContain('quote-format');
    }
  });

  test('zeros after a quote are its buffer, other bytes are not', () => {
    expect(verify(Buffer.concat([good, Buffer.alloc(100)])).isAccepted).toBe(true);
    expect(failuresOf(verify(Buffer.concat([good, Buffer.from([0, 1])])))).toContain('quote-format');
  });

  test.each<[string, Partial<RawCollateral>, string]>([
    ['TCB info with one blank more', { tcbInfo: raw.tcbInfo?.replace('{', '{ ') }, 'tcb-info-signature'],
    [
      'TCB info with another status',
      { tcbInfo: raw.tcbInfo?.replaceAll('ConfigurationAndSWHardeningNeeded', 'UpToDate') },
      'tcb-info-signature',
    ],
    [
      'TCB info in the place of the QE identity',
      { qeIdentity: raw.tcbInfo, qeIdentitySignature: raw.tcbInfoSignature },
      'qe-identity-signature',
    ],
    [
      'QE identity in the place of the TCB info',
      { tcbInfo: raw.qeIdentity, tcbInfoSignature: raw.qeIdentitySignature },
      'tcb-info-signature',
    ],
    ['no TCB info', { tcbInfo: '' }, 'tcb-info-signature'],
    ['no QE identity', { qeIdentity: undefined }, 'qe-identity-signature'],
    [
      'a TCB info signature that is short',
      { tcbInfoSignature: raw.tcbInfoSignature?.slice(2) },
      'tcb-info-signature',
    ],
    ['a TCB info signature that is empty', { tcbInfoSignature: '' }, 'tcb-info-signature'],
    ['the signature of the other text', { tcbInfoSignature: raw.qeIdentitySignature }, 'tcb-info-signature'],
    [
      'a TCB issuer chain without the root',
      { tcbInfoIssuerChain: shortened(raw.tcbInfoIssuerChain, 0) },
      'tcb-info-signature',
    ],
    [
      'a TCB issuer chain of the root alone',
      { tcbInfoIssuerChain: shortened(raw.tcbInfoIssuerChain, 1) },
      'tcb-info-signature',
    ],
    ['an empty TCB issuer chain', { tcbInfoIssuerChain: '' }, 'tcb-info-signature'],
    [
      'a QE issuer chain without the root',
      { qeIdentityIssuerChain: shortened(raw.qeIdentityIssuerChain, 0) },
      'qe-identity-signature',
    ],
    ['an empty QE issuer chain', { qeIdentityIssuerChain: '' }, 'qe-identity-signature'],
    [
      'the chain of the PCK CRL for TCB info',
      { tcbInfoIssuerChain: raw.pckCrls[0]?.issuerChain },
      'tcb-info-signature',
    ],
    [
      'the chain of the PCK CRL for the QE identity',
      { qeIdentityIssuerChain: raw.pckCrls[0]?.issuerChain },
      'qe-identity-signature',
    ],
    [
      'the chain of TCB info for the PCK CRL',
      { pckCrls: [{ crl: raw.pckCrls[0]?.crl ?? '', issuerChain: raw.tcbInfoIssuerChain }] },
      'pck-crl',
    ],
    [
      'a chain of the PCK CRL without the root',
      {
        pckCrls: [{ crl: raw.pckCrls[0]?.crl ?? '', issuerChain: shortened(raw.pckCrls[0]?.issuerChain, 0) }],
      },
      'pck-crl',
    ],
    [
      'a chain of the PCK CRL of the root alone',
      {
        pckCrls: [{ crl: raw.pckCrls[0]?.crl ?? '', issuerChain: shortened(raw.pckCrls[0]?.issuerChain, 1) }],
      },
      'pck-crl',
    ],
  ])('%s is refused', (_what, change, check) => {
    const verdict = verify(good, { ...raw, ...change });
    expect(failuresOf(verdict)).toContain(check);
    expect(verdict.isAccepted).toBe(false);
  });

  test('genuine TCB info of another FMSPC is refused', () => {
    const { tcbInfo, tcbInfoSignature, tcbInfoIssuerChain } = rawCollateral('zkdcap-intel');
    // At a time at which that TCB info is valid.
    const at = 1_740_048_000;
    const verdict = verify(good, { ...raw, tcbInfo, tcbInfoSignature, tcbInfoIssuerChain }, at);
    expect(failuresOf(verdict)).toContain('tcb-info');
    expect(detailOf(verdict, 'tcb-info')).toMatch(/expected FMSPC 00a067110000, got 00906ed50000/);
    expect(verdict.tcbStatus).toBeUndefined();
  });

  test('an order of the chains does not matter', () => {
    const reverse = (chain = '') => splitPem(chain).reverse().join('');
    const collateral = {
      ...raw,
      tcbInfoIssuerChain: reverse(raw.tcbInfoIssuerChain),
      qeIdentityIssuerChain: reverse(raw.qeIdentityIssuerChain),
      pckCrls: [{ crl: raw.pckCrls[0]?.crl ?? '', issuerChain: reverse(raw.pckCrls[0]?.issuerChain) }],
    };
    expect(verify(good, collateral).isAccepted).toBe(true);
  });

  test('a day before issue and a day after expiry are refused, the edges are not', () => {
    const [from, until] = sample.window as readonly [number, number];
    for (const [at, isAccepted] of [
      [from - 86_400, false],
      [from - 1, false],
      [from, true],
      [until, true],
      [until + 1, false],
      [until + 86_400, false],
    ] as const) {
      const verdict = verify(good, raw, at);
      expect(verdict.isAccepted, `${at}`).toBe(isAccepted);
      if (!isAccepted) expect(failuresOf(verdict)).toEqual(['collateral-dates']);
    }
  });

  test('days of grace stretch the end, not the beginning', () => {
    const [from, until] = sample.window as readonly [number, number];
    const graced = (at: number) =>
      verifyQuote(good, parseCollateral(raw), {
        ...optionsFor(sample, { policy: { ...policy, graceDays: 2 } }),
        at: new Date(at * 1000),
      });
    expect(graced(until + 2 * 86_400).isAccepted).toBe(true);
    expect(detailOf(graced(until + 2 * 86_400), 'collateral-dates')).toMatch(/within the grace of 2 days/);
    expect(graced(until + 2 * 86_400 + 1).isAccepted).toBe(false);
    expect(graced(from - 1).isAccepted).toBe(false);
  });

  test('a time that is not one is refused', () => {
    const verdict = verify(good, raw, Number.NaN);
    expect(verdict.isAccepted).toBe(false);
  });
});

function splitPem(chain: string): string[] {
  return (
    chain.match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----\r?\n?/g)?.map((block) => `${block.trim()}\n`) ??
    []
  );
}

/** One certificate of a chain. */
function shortened(chain: string | undefined, index: number): string {
  return splitPem(chain ?? '')[index] ?? '';
}
