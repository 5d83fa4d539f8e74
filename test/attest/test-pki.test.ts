import { describe, expect, test } from 'vitest';
import type { VerifyOptions } from '../../src/attest/options.ts';
import { verifyQuote } from '../../src/attest/verify-quote.ts';
import type { RawCollateral } from '../../src/collateral/collateral.ts';
import { parseCollateral } from '../../src/collateral/parse-collateral.ts';
import { defaultAttestPolicy } from '../../src/policy/attest-policy.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { extension, makeCertificate, makeCrl, validity } from '../support/attest/pki/authority.ts';
import { int } from '../support/attest/pki/der.ts';
import {
  type CollateralChoice,
  makeCollateral,
  makePck,
  makeQuote,
  makeTestPki,
  type QuoteChoice,
  qeIdentityOf,
  qeLevel,
  sgxExtension,
  signText,
  tcbInfoOf,
  tcbLevel,
  testEnclave,
  testPlatform,
  testTime,
} from '../support/attest/pki/test-pki.ts';
import { detailOf, failuresOf, resultOf } from '../support/attest/real-quotes.ts';

const pki = makeTestPki();
const goodQuote = makeQuote(pki);

interface Trial {
  readonly quote?: QuoteChoice;
  readonly collateral?: CollateralChoice;
  /** Changes of the finished collateral. */
  readonly raw?: Partial<RawCollateral>;
  readonly options?: Partial<VerifyOptions>;
}

function verify({ quote, collateral, raw, options }: Trial = {}) {
  const bytes = quote === undefined ? goodQuote : makeQuote(pki, quote);
  return verifyQuote(bytes, parseCollateral({ ...makeCollateral(pki, collateral), ...raw }), {
    at: testTime,
    expected: { mrEnclave: testEnclave.mrEnclave },
    rootCa: parseCertificate(pki.root.der),
    ...options,
  });
}

/** A refusal for this reason, and no other. */
function expectRefused(trial: Trial, check: string, detail: RegExp): void {
  const verdict = verify(trial);
  expect(verdict.isAccepted).toBe(false);
  expect(failuresOf(verdict)).toEqual([check]);
  expect(detailOf(verdict, check)).toMatch(detail);
}

describe('a made platform', () => {
  test('is accepted below the processor CA and below the platform CA', () => {
    expect(failuresOf(verify())).toEqual([]);
    expect(verify().isAccepted).toBe(true);
    const pck = makePck(pki.platformCa);
    const verdict = verify({
      quote: { pck, chain: pck.pem + pki.platformCa.pem + pki.root.pem },
      collateral: { pckCa: pki.platformCa },
    });
    expect(failuresOf(verdict)).toEqual([]);
  });

  test("is refused without the option that names its root: Intel's is pinned by its key", () => {
    const collateral = parseCollateral(makeCollateral(pki));
    const verdict = verifyQuote(goodQuote, collateral, { at: testTime, isAnyIdentityAccepted: true });
    expect(detailOf(verdict, 'pck-chain')).toMatch(/is not trusted: it has another key/);
    expect(verdict.isAccepted).toBe(false);
  });

  test('each order of the chain is good, also with a certificate that has nothing to do with it', () => {
    const pck = makePck(pki.processorCa);
    const parts = [pck.pem, pki.processorCa.pem, pki.root.pem, pki.tcbSigning.pem];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [0, 2, 1],
      [1, 2, 0],
      [3, 2, 1, 0],
    ]) {
      const chain = order.map((index) => parts[index]).join('');
      expect(failuresOf(verify({ quote: { pck, chain } })), `${order}`).toEqual([]);
    }
  });
});

describe('certificates', () => {
  test('a revoked PCK certificate is refused', () => {
    const pck = makePck(pki.processorCa);
    const trial = { quote: { pck }, collateral: { pckRevoked: [1n, pck.serial, 3n] } };
    expectRefused(trial, 'pck-crl', /the PCK certificate \(serial [0-9a-f]+\) is revoked/);
  });

  test('a revoked PCK authority is refused', () => {
    const trial = { collateral: { rootRevoked: [pki.processorCa.serial] } };
    expectRefused(trial, 'root-ca-crl', /"Intel SGX PCK Processor CA" .* is revoked/);
  });

  test('a revoked certificate for TCB signing is refused', () => {
    const verdict = verify({ collateral: { rootRevoked: [pki.tcbSigning.serial] } });
    expect(failuresOf(verdict)).toEqual(['tcb-info-signature', 'qe-identity-signature']);
    expect(verdict.isAccepted).toBe(false);
  });

  test.each([0n, 0x7fn, 0x80n, 0xff00n, 1n << 159n])('serial number %s is found in a list', (serial) => {
    const pck = makePck(pki.processorCa, testPlatform, { serial });
    expectRefused({ quote: { pck }, collateral: { pckRevoked: [serial] } }, 'pck-crl', /is revoked/);
    expect(verify({ quote: { pck }, collateral: { pckRevoked: [serial + 1n] } }).isAccepted).toBe(true);
  });

  test('an authority as the end entity is refused', () => {
    const pck = makePck(pki.processorCa, testPlatform, { isCa: true });
    expectRefused({ quote: { pck } }, 'pck-chain', /is an authority, not an end entity/);
  });

  test('an end entity as an authority is refused', () => {
    const notCa = makeCertificate({ name: 'Intel SGX PCK Processor CA', issuer: pki.root });
    const pck = makePck(notCa);
    const verdict = verify({ quote: { pck, chain: pck.pem + notCa.pem + pki.root.pem } });
    expect(failuresOf(verdict)).toContain('pck-chain');
    expect(verdict.isAccepted).toBe(false);
  });

  test('a PCK certificate that the root issued itself, or an authority too many, is refused', () => {
    const direct = makePck(pki.root);
    expect(failuresOf(verify({ quote: { pck: direct, chain: direct.pem + pki.root.pem } }))).toContain(
      'pck-chain',
    );
    const between = makeCertificate({
      name: 'Intel SGX PCK Platform CA',
      issuer: pki.processorCa,
      isCa: true,
    });
    const deep = makePck(between);
    const chain = deep.pem + between.pem + pki.processorCa.pem + pki.root.pem;
    expect(failuresOf(verify({ quote: { pck: deep, chain } }))).toContain('pck-chain');
  });

  test('a certificate for TCB signing is not one of a platform, nor the other way round', () => {
    const pck = makePck(pki.processorCa, testPlatform, { name: 'Intel SGX TCB Signing' });
    expectRefused({ quote: { pck } }, 'pck-chain', /no certificate in the chain is named/);
    const signer = makeCertificate({ name: 'Intel SGX PCK Certificate', issuer: pki.root });
    const verdict = verify({ collateral: { signer } });
    expect(failuresOf(verdict)).toEqual(['tcb-info-signature', 'qe-identity-signature']);
  });

  test('another root of the same name is refused', () => {
    const other = makeTestPki();
    expect(
      failuresOf(
        verifyQuote(makeQuote(other), parseCollateral(makeCollateral(other)), {
          at: testTime,
          rootCa: parseCertificate(pki.root.der),
          expected: { mrEnclave: testEnclave.mrEnclave },
        }),
      ),
    ).toEqual(['pck-chain', 'tcb-info-signature', 'qe-identity-signature']);
  });

  test('two certificates of one root key: either is good, and of both the one that is valid', () => {
    const keys = { privateKey: pki.root.key, publicKey: pki.root.publicKey };
    const name = 'Intel SGX Root CA';
    const old = makeCertificate({ name, isCa: true, keys, notAfter: new Date('2025-01-01T00:00:00Z') });
    const later = makeCertificate({ name, isCa: true, keys, notAfter: new Date('2050-01-01T00:00:00Z') });
    const pck = makePck(pki.processorCa);
    const chainWith = (...roots: readonly string[]) => pck.pem + pki.processorCa.pem + roots.join('');
    for (const chain of [
      chainWith(later.pem),
      chainWith(old.pem, later.pem),
      chainWith(later.pem, old.pem),
    ]) {
      expect(failuresOf(verify({ quote: { pck, chain } }))).toEqual([]);
    }
    expectRefused({ quote: { pck, chain: chainWith(old.pem) } }, 'pck-chain', /valid from .* to 2025-01-01/);
  });

  test('times are good up to their edges, in every certificate', () => {
    const [from, until] = [new Date('2026-01-01T00:00:00Z'), new Date('2027-01-01T00:00:00Z')];
    const pck = makePck(pki.processorCa, testPlatform, { notBefore: from, notAfter: until });
    const at = (time: number) => verify({ quote: { pck }, options: { at: new Date(time) } }).isAccepted;
    expect([from.getTime(), until.getTime()].map(at)).toEqual([true, true]);
    expect([from.getTime() - 1000, until.getTime() + 1000].map(at)).toEqual([false, false]);
    expect([validity.from.getTime() - 1000, validity.until.getTime() + 1000].map(at)).toEqual([false, false]);
  });

  test('a signature by another key of an authority of the same name is refused', () => {
    const forger = makeTestPki();
    const pck = makePck(forger.processorCa);
    expectRefused(
      { quote: { pck, chain: pck.pem + pki.processorCa.pem + pki.root.pem } },
      'pck-chain',
      /"Intel SGX PCK Certificate" is not signed by/,
    );
  });

  test('a PCK key on another curve is refused', () => {
    const pck = makePck(pki.processorCa, testPlatform, { curve: 'P-384' });
    expect(verify({ quote: { pck } }).isAccepted).toBe(false);
  });

  test.each([
    ['without the extension', []],
    ['with the extension twice', [sgxExtension(testPlatform), sgxExtension(testPlatform)]],
    ['with 15 components', [sgxExtension({ ...testPlatform, components: testPlatform.components.slice(1) })]],
    ['with 17 components', [sgxExtension({ ...testPlatform, components: [...testPlatform.components, 0] })]],
    [
      'with an SVN of 256',
      [sgxExtension({ ...testPlatform, components: testPlatform.components.with(0, 256) })],
    ],
    [
      'with an FMSPC of 5 bytes',
      [sgxExtension({ ...testPlatform, fmspc: '0070 6e47 00'.replace(/ /g, '') })],
    ],
    ['with an extension that is not DER', [extension('1.2.840.113741.1.13.1', Buffer.from('3005', 'hex'))]],
    ['with an extension of another type', [extension('1.2.840.113741.1.13.1', int(1))]],
  ])('a PCK certificate %s is refused', (_what, extensions) => {
    const pck = makePck(pki.processorCa, testPlatform, { extensions });
    expect(failuresOf(verify({ quote: { pck } }))).toEqual(['pck-chain']);
  });
});

describe('revocation lists', () => {
  const withList = (crl: Buffer) => ({
    raw: { pckCrls: [{ crl, issuerChain: pki.processorCa.pem + pki.root.pem }] },
  });

  test('a list in the name of the authority by another key is refused', () => {
    const crl = makeCrl({ issuer: pki.processorCa, signer: pki.platformCa.key });
    expectRefused(withList(crl), 'pck-crl', /it is not signed by/);
  });

  test('a list by the right key in another name is refused', () => {
    const crl = makeCrl({ issuer: pki.processorCa, name: 'Intel SGX PCK Platform CA' });
    expectRefused(withList(crl), 'pck-crl', /from another authority/);
  });

  test('a list with a critical extension is not complete, and is refused', () => {
    const indirect = extension('2.5.29.28', Buffer.from('3003840101', 'hex'), true);
    const crl = makeCrl({ issuer: pki.processorCa, extensions: [indirect] });
    expectRefused(withList(crl), 'pck-crl', /critical extension/);
  });

  test('of lists of both authorities the right one counts', () => {
    const lists = [pki.platformCa, pki.processorCa].map((issuer) => ({ crl: makeCrl({ issuer }) }));
    expect(failuresOf(verify({ raw: { pckCrls: lists } }))).toEqual([]);
    const pck = makePck(pki.processorCa);
    const revoking = { crl: makeCrl({ issuer: pki.processorCa, revoked: [pck.serial] }) };
    expectRefused(
      { quote: { pck }, raw: { pckCrls: [lists[0] ?? revoking, revoking] } },
      'pck-crl',
      /is revoked/,
    );
  });

  test('an expired list, and one of the future, are refused', () => {
    const expired = makeCrl({ issuer: pki.processorCa, nextUpdate: new Date(testTime.getTime() - 1000) });
    expectRefused(withList(expired), 'collateral-dates', /the PCK CRL expired at/);
    const future = makeCrl({ issuer: pki.root, thisUpdate: new Date(testTime.getTime() + 1000) });
    expectRefused({ raw: { rootCaCrl: future } }, 'collateral-dates', /the CRL of the root is issued at/);
  });

  test('lists are read as DER, PEM and hex text, and as hex of PEM', () => {
    const der = makeCrl({ issuer: pki.processorCa });
    const pem = `-----BEGIN X509 CRL-----\n${der
      .toString('base64')
      .match(/.{1,64}/g)
      ?.join('\n')}\n-----END X509 CRL-----\n`;
    for (const crl of [
      der,
      pem,
      der.toString('hex'),
      der.toString('hex').toUpperCase(),
      Buffer.from(pem).toString('hex'),
    ]) {
      expect(failuresOf(verify({ raw: { pckCrls: [{ crl }] } }))).toEqual([]);
    }
  });
});

describe('TCB levels', () => {
  const statuses = [
    'UpToDate',
    'SWHardeningNeeded',
    'ConfigurationNeeded',
    'ConfigurationAndSWHardeningNeeded',
    'OutOfDate',
    'OutOfDateConfigurationNeeded',
    'Revoked',
  ];

  test.each(statuses)('%s is reported; only the first two are accepted by default', (status) => {
    const verdict = verify({ collateral: { tcbInfo: tcbInfoOf([tcbLevel(status)]) } });
    expect(verdict.tcbStatus).toBe(status);
    expect(verdict.isAccepted).toBe(['UpToDate', 'SWHardeningNeeded'].includes(status));
    if (!verdict.isAccepted) expect(detailOf(verdict, 'tcb-status')).toMatch(/what to do: /);
  });

  test.each([
    ['UpToDate', 'OutOfDate'],
    ['SWHardeningNeeded', 'OutOfDate'],
    ['ConfigurationNeeded', 'OutOfDateConfigurationNeeded'],
    ['ConfigurationAndSWHardeningNeeded', 'OutOfDateConfigurationNeeded'],
    ['OutOfDate', 'OutOfDate'],
    ['OutOfDateConfigurationNeeded', 'OutOfDateConfigurationNeeded'],
    ['Revoked', 'Revoked'],
  ])('%s with a quoting enclave that is out of date is %s', (status, together) => {
    const tcbInfo = tcbInfoOf([tcbLevel(status, { advisories: ['INTEL-SA-00001'] })]);
    const qeIdentity = qeIdentityOf([qeLevel('UpToDate', 9), qeLevel('OutOfDate', 8, ['INTEL-SA-00002'])]);
    const verdict = verify({ collateral: { tcbInfo, qeIdentity } });
    expect(verdict.tcbStatus).toBe(together);
    expect(verdict.advisories).toEqual(['INTEL-SA-00001', 'INTEL-SA-00002']);
    expect(verdict.isAccepted).toBe(false);
  });

  test.each(statuses)('%s with a revoked quoting enclave is Revoked', (status) => {
    const qeIdentity = qeIdentityOf([qeLevel('Revoked', 1)]);
    const verdict = verify({ collateral: { tcbInfo: tcbInfoOf([tcbLevel(status)]), qeIdentity } });
    expect(verdict.tcbStatus).toBe('Revoked');
    expect(verdict.isAccepted).toBe(false);
  });

  test('a status that is not known is refused, of the platform and of the quoting enclave', () => {
    expectRefusedWith(
      { tcbInfo: tcbInfoOf([tcbLevel('FineReally')]) },
      'tcb-level',
      /"FineReally" is not known/,
    );
    expectRefusedWith(
      { qeIdentity: qeIdentityOf([qeLevel('Fine', 1)]) },
      'qe-identity',
      /"Fine" is not known/,
    );
  });

  test('a platform or quoting enclave below every level is refused', () => {
    const pceSvn = testPlatform.pceSvn + 1;
    expectRefusedWith(
      { tcbInfo: tcbInfoOf([tcbLevel('UpToDate', { pceSvn })]) },
      'tcb-level',
      /reaches none/,
    );
    expectRefusedWith({ qeIdentity: qeIdentityOf([qeLevel('UpToDate', 9)]) }, 'qe-identity', /ISVSVN 8/);
  });

  test('the order of the levels in the JSON does not matter', () => {
    const higher = testPlatform.components.with(0, 8);
    const lower = testPlatform.components.with(1, 6);
    const levels = [
      tcbLevel('OutOfDate', { components: lower }),
      tcbLevel('Revoked', { components: testPlatform.components.map(() => 0), pceSvn: 0 }),
      tcbLevel('SWHardeningNeeded'),
      tcbLevel('UpToDate', { components: higher }),
      tcbLevel('OutOfDate', { pceSvn: 12 }),
    ];
    const qeLevels = [qeLevel('Revoked', 1), qeLevel('UpToDate', 8), qeLevel('OutOfDate', 6)];
    for (const rotation of levels.keys()) {
      const rotated = [...levels.slice(rotation), ...levels.slice(0, rotation)];
      const verdict = verify({
        collateral: { tcbInfo: tcbInfoOf(rotated), qeIdentity: qeIdentityOf(qeLevels.toReversed()) },
      });
      expect(verdict.tcbStatus).toBe('SWHardeningNeeded');
    }
  });

  function expectRefusedWith(collateral: CollateralChoice, check: string, detail: RegExp) {
    const verdict = verify({ collateral });
    expect(failuresOf(verdict)).toEqual([check]);
    expect(detailOf(verdict, check)).toMatch(detail);
    expect(verdict.tcbStatus).toBeUndefined();
    expect(verdict.isAccepted).toBe(false);
  }

  test.each([15, 17])('%i components are not TCB info', (count) => {
    const components = Array.from({ length: count }, () => 0);
    expectRefusedWith(
      { tcbInfo: tcbInfoOf([tcbLevel('UpToDate', { components })]) },
      'tcb-info-signature',
      /16 components/,
    );
    const tcb = Object.fromEntries(
      components.map((svn, index) => [`sgxtcbcomp${String(index + 1).padStart(2, '0')}svn`, svn]),
    );
    const level = { ...tcbLevel('UpToDate'), tcb: { ...tcb, pcesvn: 1 } };
    const { id: _id, ...v2 } = tcbInfoOf([level], { version: 2 }) as { id?: string };
    expectRefusedWith({ tcbInfo: v2 }, 'tcb-info-signature', /16 components/);
  });

  test.each([
    ['of TDX', { id: 'TDX' }],
    ['without an id', { id: undefined }],
    ['of version 4', { version: 4 }],
    ['with another way of comparing', { tcbType: 1 }],
    ['without levels', { tcbLevels: [] }],
    ['with a date that is not one', { nextUpdate: '2034-13-01T00:00:00Z' }],
    ['with a date without a zone', { nextUpdate: '2034-01-01T00:00:00' }],
    ['without a next update', { nextUpdate: undefined }],
    ['with a short FMSPC', { fmspc: '00706E4700' }],
  ])('TCB info %s is refused', (_what, changes) => {
    const tcbInfo = tcbInfoOf([tcbLevel('UpToDate')], changes);
    expect(failuresOf(verify({ collateral: { tcbInfo } }))).toContain('tcb-info-signature');
  });

  test.each([
    ['another FMSPC', { fmspc: '00906ED50000' }, /expected FMSPC 00706e470000, got 00906ed50000/],
    ['another PCEID', { pceId: '0001' }, /expected PCEID 0000, got 0001/],
  ])('TCB info of %s is refused', (_what, changes, detail) => {
    expectRefusedWith({ tcbInfo: tcbInfoOf([tcbLevel('UpToDate')], changes) }, 'tcb-info', detail);
  });
});

describe('the quoting enclave', () => {
  test.each<[string, object, RegExp]>([
    ['MRSIGNER', { mrsigner: '00'.repeat(32) }, /MRSIGNER/],
    ['ISVPRODID', { isvprodid: 2 }, /ISVPRODID/],
    ['MISCSELECT', { miscselect: '01000000' }, /MISCSELECT/],
    ['attributes', { attributes: '15000000000000000000000000000000' }, /attributes/],
    ['attributes outside of their mask', { attributes: '11000000000000000700000000000000' }, /attributes/],
  ])('of another %s is refused', (_what, changes, detail) => {
    const qeIdentity = qeIdentityOf(undefined, changes);
    expectRefused({ collateral: { qeIdentity } }, 'qe-identity', detail);
  });

  test.each([
    ['a mask of 15 bytes', { attributesMask: 'FB'.repeat(15) }],
    ['a mask of 17 bytes', { attributesMask: 'FB'.repeat(17) }],
    ['a MISCSELECT mask of 3 bytes', { miscselectMask: 'FFFFFF' }],
    ['a mask that is not hex', { miscselectMask: 'FFFFFFFG' }],
    ['the id of another enclave', { id: 'QVE' }],
    ['the id of TDX', { id: 'TD_QE' }],
    ['another version', { version: 1 }],
  ])('an identity with %s is refused', (_what, changes) => {
    const qeIdentity = qeIdentityOf(undefined, changes);
    expect(failuresOf(verify({ collateral: { qeIdentity } }))).toContain('qe-identity-signature');
  });

  test('in debug mode is refused, whatever the mask of its identity', () => {
    const qeReport = { attributes: '13000000000000000700000000000000' };
    expectRefused({ quote: { qeReport } }, 'qe-identity', /attributes/);
    const qeIdentity = qeIdentityOf(undefined, {
      attributesMask: '00'.repeat(16),
      attributes: '00'.repeat(16),
    });
    expectRefused({ quote: { qeReport }, collateral: { qeIdentity } }, 'qe-identity', /debug mode/);
  });

  test('the high bit of MISCSELECT counts', () => {
    const qeReport = { miscSelect: 0x80000000 };
    expectRefused({ quote: { qeReport } }, 'qe-identity', /expected masked MISCSELECT 0, got 2147483648/);
    const qeIdentity = qeIdentityOf(undefined, { miscselect: '00000080' });
    expect(verify({ quote: { qeReport }, collateral: { qeIdentity } }).isAccepted).toBe(true);
  });

  test('report data that vouch for another key, or say more, are refused', () => {
    expectRefused({ quote: { qeReport: { reportData: Buffer.alloc(32, 1) } } }, 'qe-report-data', /expected/);
  });

  test('authentication data of any length are covered', () => {
    for (const length of [0, 1, 1000, 65_535]) {
      const authenticationData = Buffer.alloc(length, 7);
      expect(failuresOf(verify({ quote: { authenticationData } }))).toEqual([]);
    }
  });
});

describe('the policy', () => {
  const platform = { ...testPlatform, instanceId: '0123456789abcdef0123456789abcdef' };
  const pck = makePck(pki.processorCa, platform);
  const withPolicy = (policy: Partial<typeof defaultAttestPolicy>, more: Trial = {}) =>
    verify({ quote: { pck }, ...more, options: { policy: { ...defaultAttestPolicy, ...policy } } });
  const fmspc = platform.fmspc;
  const other = '00906ed50000';

  test.each([
    [{ accepted: [fmspc, other], refused: [] }, true],
    [{ accepted: [other], refused: [] }, false],
    [{ accepted: [], refused: [] }, false],
    [{ accepted: undefined, refused: [fmspc] }, false],
    [{ accepted: undefined, refused: [other] }, true],
    [{ accepted: [fmspc], refused: [fmspc] }, false],
  ])('FMSPCs %j: accepted %s', (fmspcs, isAccepted) => {
    expect(withPolicy({ fmspcs }).isAccepted).toBe(isAccepted);
  });

  test('platform instances: a platform without one is not in a list', () => {
    const accepted = [platform.instanceId];
    expect(withPolicy({ platformInstances: { accepted, refused: [] } }).isAccepted).toBe(true);
    expect(withPolicy({ platformInstances: { accepted: undefined, refused: accepted } }).isAccepted).toBe(
      false,
    );
    const without = withPolicy({ platformInstances: { accepted, refused: [] } }, { quote: {} });
    expect(failuresOf(without)).toEqual(['platform-instance']);
  });

  test.each([
    [{ accepted: undefined, refused: [] }, true],
    [{ accepted: undefined, refused: ['INTEL-SA-00002'] }, false],
    [{ accepted: ['INTEL-SA-00001'], refused: [] }, false],
    [{ accepted: ['INTEL-SA-00001', 'INTEL-SA-00002'], refused: [] }, true],
  ])('advisories %j: accepted %s', (advisories, isAccepted) => {
    const tcbInfo = tcbInfoOf([tcbLevel('UpToDate', { advisories: ['INTEL-SA-00001', 'INTEL-SA-00002'] })]);
    expect(withPolicy({ advisories }, { collateral: { tcbInfo } }).isAccepted).toBe(isAccepted);
  });

  test('the least evaluation number holds for TCB info and QE identity', () => {
    expect(withPolicy({ minTcbEvaluationDataNumber: 17 }).isAccepted).toBe(true);
    expect(failuresOf(withPolicy({ minTcbEvaluationDataNumber: 18 }))).toEqual([
      'tcb-evaluation-data-number',
    ]);
    const newer = { tcbEvaluationDataNumber: 18 };
    const tcbInfo = tcbInfoOf([tcbLevel('UpToDate')], newer);
    const qeIdentity = qeIdentityOf(undefined, newer);
    const demand = { minTcbEvaluationDataNumber: 18 };
    expect(withPolicy(demand, { collateral: { tcbInfo } }).isAccepted).toBe(false);
    expect(withPolicy(demand, { collateral: { qeIdentity } }).isAccepted).toBe(false);
    expect(withPolicy(demand, { collateral: { tcbInfo, qeIdentity } }).isAccepted).toBe(true);
  });

  test('a debug enclave is refused unless the policy allows it, with a note', () => {
    const quote = { report: { attributes: '07000000000000000700000000000000' } };
    expect(failuresOf(verify({ quote }))).toEqual(['debug']);
    const verdict = withPolicy({ isDebugAllowed: true }, { quote });
    expect(verdict.isAccepted).toBe(true);
    expect(detailOf(verdict, 'debug')).toMatch(/runs in debug mode, which the policy allows/);
  });

  test('what the policy does not ask for is not checked, and does not matter', () => {
    const verdict = verify();
    for (const name of ['tcb-evaluation-data-number', 'fmspc', 'platform-instance', 'mr-signer', 'nonce']) {
      expect(resultOf(verdict, name), name).toBe('not-checked');
    }
  });
});

describe('the expected identity', () => {
  const { mrEnclave, mrSigner } = testEnclave;

  test.each([
    [{ mrEnclave }, []],
    [{ mrEnclave: mrEnclave.toUpperCase() }, []],
    [{ mrEnclave: '00'.repeat(32) }, ['mr-enclave']],
    [{ mrSigner, isvProdId: 5, isvSvn: 3 }, []],
    [{ mrSigner, isvProdId: 5, isvSvn: 2 }, []],
    [{ mrSigner, isvProdId: 5, isvSvn: 4 }, ['isv-svn']],
    [{ mrSigner, isvProdId: 6, isvSvn: 3 }, ['isv-prod-id']],
    [{ mrSigner: mrEnclave, isvProdId: 0, isvSvn: 0 }, ['mr-signer', 'isv-prod-id']],
    [{ mrEnclave, mrSigner: '00'.repeat(32) }, ['mr-signer']],
    [{ isvProdId: 5, isvSvn: 3 }, ['expected-identity']],
    [{}, ['expected-identity']],
  ])('%j: failed are %j', (expected, failed) => {
    const verdict = verify({ options: { expected } });
    expect(failuresOf(verdict)).toEqual(failed);
    expect(verdict.isAccepted).toBe(failed.length === 0);
  });

  test('any identity is accepted only on demand, and the list says what that is worth', () => {
    const verdict = verify({ options: { expected: {}, isAnyIdentityAccepted: true } });
    expect(verdict.isAccepted).toBe(true);
    expect(resultOf(verdict, 'expected-identity')).toBe('not-checked');
    expect(detailOf(verdict, 'expected-identity')).toMatch(/any identity is accepted/);
  });

  test('report data and nonce of a bare quote are its report data, zeros filling the rest', () => {
    const reportData = Buffer.from('0102030405', 'hex');
    const quote = { report: { reportData } };
    expect(verify({ quote, options: { reportData } }).isAccepted).toBe(true);
    expect(verify({ quote, options: { nonce: reportData } }).isAccepted).toBe(true);
    for (const wrong of [
      reportData.subarray(1),
      Buffer.concat([reportData, Buffer.from([1])]),
      Buffer.alloc(64),
    ]) {
      expect(failuresOf(verify({ quote, options: { reportData: wrong } }))).toEqual(['report-data']);
      expect(failuresOf(verify({ quote, options: { nonce: wrong } }))).toEqual(['nonce']);
    }
  });
});

test('a signature by the right key over another text is refused', () => {
  const { tcbInfo = '' } = makeCollateral(pki);
  const raw = { tcbInfoSignature: signText(`${tcbInfo} `, pki.tcbSigning.key) };
  expect(failuresOf(verify({ raw }))).toEqual(['tcb-info-signature']);
});

test('every check that can fail says what to do', () => {
  const debugReport = { attributes: '07000000000000000700000000000000' };
  const verdicts = [
    verify({ raw: { pckCrls: [], rootCaCrl: undefined }, options: { expected: {} } }),
    verify({
      quote: { report: debugReport },
      options: { expected: { mrSigner: '00'.repeat(32), isvProdId: 1, isvSvn: 9 } },
    }),
    verify({
      collateral: { tcbInfo: tcbInfoOf([tcbLevel('OutOfDate', { advisories: ['INTEL-SA-1'] })]) },
      options: {
        nonce: Buffer.from('00'),
        policy: { ...defaultAttestPolicy, advisories: { accepted: [], refused: [] } },
      },
    }),
  ];
  for (const { name, result, detail } of verdicts.flatMap(({ checks }) => checks)) {
    if (result === 'failed' && name !== 'debug') expect(detail, name).toMatch(/; what to do: /);
    if (result === 'failed' && name === 'debug') expect(detail).toMatch(/build the image without sgx\.debug/);
  }
  expect(verdicts.map((verdict) => failuresOf(verdict).length)).toEqual([3, 4, 3]);
});
