import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import type { QeIdentity, QeLevel } from '../collateral/qe-identity.ts';
import { isTcbStatus, type TcbStatus } from '../collateral/tcb-status.ts';
import type { Quote } from '../quote/quote.ts';
import type { ReportBody } from '../quote/report-body.ts';
import { verifyRaw } from '../x509/signature.ts';

/** The quoting enclave's step of the ladder, its status being a known one. */
export interface QeStatus {
  readonly status: TcbStatus;
  readonly advisories: readonly string[];
}

/** The platform's PCK key signed the quoting enclave's report. */
export function verifyQeReportSignature({ qeReport, qeReportSignature }: Quote, pckKey: KeyObject): void {
  if (verifyRaw(qeReport.bytes, pckKey, qeReportSignature)) return;
  throw new Error("the quoting enclave's report is not signed by the PCK key");
}

/** The report vouches for the attestation key: SHA-256 over key and authentication data, then zeros. */
export function verifyQeReportData({ qeReport, attestationKey, authenticationData }: Quote): void {
  const expected = Buffer.alloc(64);
  createHash('sha256').update(attestationKey).update(authenticationData).digest().copy(expected);
  if (qeReport.reportData.equals(expected)) return;
  throw new Error(
    `expected the report data ${expected.toString('hex')} for this attestation key, got ${qeReport.reportData.toString('hex')}`,
  );
}

/** The attestation key signed header and report of the quote. */
export function verifyQuoteSignature({ signedBytes, attestationKey, signature }: Quote): void {
  if (verifyRaw(signedBytes, p256Key(attestationKey), signature)) return;
  throw new Error('the quote is not signed by the attestation key');
}

function p256Key(point: Buffer): KeyObject {
  const [x, y] = [point.subarray(0, 32).toString('base64url'), point.subarray(32).toString('base64url')];
  try {
    return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  } catch {
    throw new Error('the attestation key is not a point on P-256');
  }
}

/** The quoting enclave is Intel's; gives the status of its version. Throws if it is another, or its version is not known. */
export function evaluateQe(report: ReportBody, identity: QeIdentity): QeStatus {
  const hex = (bytes: Buffer) => bytes.toString('hex');
  expectEqual('MRSIGNER', hex(identity.mrSigner), hex(report.mrSigner));
  expectEqual('ISVPRODID', identity.isvProdId, report.isvProdId);
  expectEqual(
    'masked MISCSELECT',
    identity.miscSelect,
    // >>> 0: bitwise operations give signed numbers.
    (report.miscSelect & identity.miscSelectMask) >>> 0,
  );
  const masked = report.attributes.map((byte, index) => byte & (identity.attributesMask[index] as number));
  expectEqual('masked attributes', hex(identity.attributes), hex(Buffer.from(masked)));
  if (report.isDebug) throw new Error('the quoting enclave runs in debug mode');
  const level = qeLevelOf(report.isvSvn, identity.levels);
  if (level === undefined) throw new Error(`no TCB level is as low as its ISVSVN ${report.isvSvn}`);
  const { status, advisories } = level;
  if (!isTcbStatus(status)) throw new Error(`its status ${JSON.stringify(status)} is not known to gsc`);
  return { status, advisories };
}

/** The highest level that the version reaches. */
function qeLevelOf(isvSvn: number, levels: readonly QeLevel[]): QeLevel | undefined {
  const descending = levels.toSorted((left, right) => right.isvSvn - left.isvSvn);
  return descending.find((level) => level.isvSvn <= isvSvn);
}

function expectEqual(what: string, expected: string | number, got: string | number): void {
  if (expected === got) return;
  throw new Error(`not the quoting enclave of Intel: expected ${what} ${expected}, got ${got}`);
}
