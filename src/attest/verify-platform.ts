import type { Collateral } from '../collateral/collateral.ts';
import type { QeIdentity } from '../collateral/qe-identity.ts';
import type { TcbInfo, TcbLevel } from '../collateral/tcb-info.ts';
import { convergeStatus, isTcbStatus, type TcbStatus } from '../collateral/tcb-status.ts';
import { defaultAttestPolicy } from '../policy/attest-policy.ts';
import type { Quote } from '../quote/quote.ts';
import type { Crl } from '../x509/crl.ts';
import { type Pck, verifyPckChain, verifyPckCrl, verifyRootCrl, verifySigned } from './certificate-checks.ts';
import { type Checklist, NotChecked, need } from './checklist.ts';
import { datedParts, iso, verifyDates, windowOf } from './collateral-dates.ts';
import type { VerifyOptions } from './options.ts';
import {
  evaluateQe,
  type QeStatus,
  verifyQeReportData,
  verifyQeReportSignature,
  verifyQuoteSignature,
} from './quoting-enclave.ts';
import { expectSamePlatform, tcbLevelOf } from './tcb-level.ts';
import type { CollateralWindow } from './verdict.ts';

/** What a quote is checked against. */
export interface QuoteMeasure {
  readonly collateral: Collateral | undefined;
  readonly options: VerifyOptions;
}

/** What holds of a platform; undefined is what could not be established. */
export interface PlatformResult {
  readonly pck: Pck | undefined;
  readonly level: TcbLevel | undefined;
  readonly status: TcbStatus | undefined;
  readonly advisories: readonly string[];
  /** The lower of TCB info's and QE identity's. */
  readonly evaluationDataNumber: number | undefined;
  readonly window: CollateralWindow | undefined;
}

/** Makes the checks that Intel prescribes, in its order: certificates, collateral, quoting enclave, quote, level, dates. */
export function verifyPlatform(
  list: Checklist,
  quote: Quote | undefined,
  measure: QuoteMeasure,
): PlatformResult {
  const { collateral, options } = measure;
  const pck = list.run('pck-chain', () => {
    const found = verifyPckChain(need(quote, 'a quote'), collateral, options);
    return [`FMSPC ${found.platform.fmspc.toString('hex')}`, found];
  });
  const crls = verifyCrls(list, pck, measure);
  const tcbInfo = verifyTcbInfo(list, { pck, rootCrl: crls.root }, measure);
  const { qe, identity } = verifyQe(list, { quote, pck, rootCrl: crls.root }, measure);
  list.run('quote-signature', () => {
    verifyQuoteSignature(need(quote, 'a quote'));
    return ['by the attestation key'];
  });
  const level = list.run('tcb-level', () => findLevel(pck, tcbInfo));
  const window = checkDates(list, crls.pck, measure);
  return { pck, level, window, ...evaluate(level, qe, [tcbInfo, identity]) };
}

interface Crls {
  readonly root: Crl | undefined;
  readonly pck: Crl | undefined;
}

function verifyCrls(list: Checklist, pck: Pck | undefined, { collateral, options }: QuoteMeasure): Crls {
  const { areCrlsRequired } = options.policy ?? defaultAttestPolicy;
  const begin = (isThere: (collateral: Collateral) => boolean) => {
    const present = needCollateral(collateral);
    if (!areCrlsRequired && !isThere(present)) {
      throw new NotChecked('the collateral holds none, and the policy does not require it');
    }
    return { present, good: need(pck, 'a valid PCK chain') };
  };
  const root = list.run('root-ca-crl', () => {
    const { present, good } = begin(({ rootCaCrl }) => rootCaCrl.kind !== 'missing');
    const crl = verifyRootCrl(present, good);
    return [`issued ${iso(crl.thisUpdate)}; the PCK authority is not revoked`, crl];
  });
  const pckCrl = list.run('pck-crl', () => {
    const { present, good } = begin(({ pckCrls }) => pckCrls.length > 0);
    const crl = verifyPckCrl(present, good, options);
    return [`issued ${iso(crl.thisUpdate)}; the PCK certificate is not revoked`, crl];
  });
  return { root, pck: pckCrl };
}

interface Foundations {
  readonly pck: Pck | undefined;
  readonly rootCrl: Crl | undefined;
}

function verifyTcbInfo(
  list: Checklist,
  { pck, rootCrl }: Foundations,
  { collateral, options }: QuoteMeasure,
): TcbInfo | undefined {
  const info = list.run('tcb-info-signature', () => {
    const { tcbInfo: signed, tcbInfoIssuerChain: issuerChain } = needCollateral(collateral);
    const value = verifySigned({ signed, issuerChain }, { what: 'TCB info', rootCrl }, options);
    return ['by the certificate for TCB signing', value];
  });
  return list.run('tcb-info', () => {
    const genuine = need(info, 'genuine TCB info');
    expectSamePlatform(genuine, need(pck, 'a valid PCK chain').platform);
    return [`version ${genuine.version}, evaluation ${genuine.evaluationDataNumber}`, genuine];
  });
}

function verifyQe(
  list: Checklist,
  { quote, pck, rootCrl }: Foundations & { readonly quote: Quote | undefined },
  { collateral, options }: QuoteMeasure,
): { readonly qe: QeStatus | undefined; readonly identity: QeIdentity | undefined } {
  const isSigned = list.run('qe-report-signature', () => {
    verifyQeReportSignature(need(quote, 'a quote'), need(pck, 'a valid PCK chain').chain.leaf.publicKey);
    return ['by the PCK key', true];
  });
  list.run('qe-report-data', () => {
    verifyQeReportData(need(quote, 'a quote'));
    return ['the quoting enclave vouches for the attestation key'];
  });
  const identity = list.run('qe-identity-signature', () => {
    const { qeIdentity: signed, qeIdentityIssuerChain: issuerChain } = needCollateral(collateral);
    const value = verifySigned({ signed, issuerChain }, { what: 'QE identity', rootCrl }, options);
    return ['by the certificate for TCB signing', value];
  });
  const qe = list.run('qe-identity', () => {
    const genuine = need(identity, 'a genuine QE identity');
    need(isSigned, 'a genuine report of the quoting enclave');
    const status = evaluateQe(need(quote, 'a quote').qeReport, genuine);
    return [`Intel's quoting enclave, ${status.status}`, status];
  });
  return { qe, identity };
}

function findLevel(pck: Pck | undefined, info: TcbInfo | undefined): readonly [string, TcbLevel] {
  const { platform } = need(pck, 'a valid PCK chain');
  const level = tcbLevelOf(platform, need(info, 'TCB info of this platform').levels);
  if (level === undefined)
    throw new Error('the platform reaches none of the levels: Intel does not support it');
  if (!isTcbStatus(level.status)) {
    throw new Error(`the status ${JSON.stringify(level.status)} is not known to this version of gsc`);
  }
  return [`${level.status}, level of ${iso(level.date).slice(0, 10)}`, level];
}

function checkDates(
  list: Checklist,
  pckCrl: Crl | undefined,
  { collateral, options }: QuoteMeasure,
): CollateralWindow | undefined {
  const parts = collateral === undefined ? [] : datedParts(collateral, pckCrl);
  list.run('collateral-dates', () => {
    const { tcbInfo, qeIdentity } = needCollateral(collateral);
    for (const { kind } of [tcbInfo, qeIdentity])
      need(kind === 'present' || undefined, 'readable collateral');
    const { graceDays } = options.policy ?? defaultAttestPolicy;
    return [verifyDates(parts, options.at.getTime(), graceDays)];
  });
  return parts.length === 0 ? undefined : windowOf(parts);
}

/** The collateral. Throws if there is none: what needs it is not checked. */
function needCollateral(collateral: Collateral | undefined): Collateral {
  if (collateral === undefined) throw new NotChecked('no collateral was given');
  return collateral;
}

/** The platform's status is worth nothing without that of its quoting enclave, and the other way round. */
function evaluate(
  level: TcbLevel | undefined,
  qe: QeStatus | undefined,
  numbered: readonly (TcbInfo | QeIdentity | undefined)[],
): Pick<PlatformResult, 'status' | 'advisories' | 'evaluationDataNumber'> {
  const numbers = numbered.flatMap((each) => (each === undefined ? [] : [each.evaluationDataNumber]));
  const isComplete = numbers.length === numbered.length;
  const evaluationDataNumber = isComplete ? Math.min(...numbers) : undefined;
  if (level === undefined || qe === undefined || !isTcbStatus(level.status)) {
    return { status: undefined, advisories: [], evaluationDataNumber };
  }
  return {
    status: convergeStatus(level.status, qe.status),
    advisories: [...new Set([...level.advisories, ...qe.advisories])],
    evaluationDataNumber,
  };
}
