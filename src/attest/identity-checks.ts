import type { Evidence } from '../quote/ra-tls.ts';
import type { ReportBody } from '../quote/report-body.ts';
import { type Checklist, NotChecked, need } from './checklist.ts';
import type { ExpectedIdentity, VerifyOptions } from './options.ts';

/** Makes the checks of who the enclave is and for whom it speaks. */
export function checkIdentity(
  list: Checklist,
  report: ReportBody | undefined,
  { expected = {}, isAnyIdentityAccepted = false }: VerifyOptions,
): void {
  list.run('expected-identity', () => {
    if (expected.mrEnclave !== undefined || expected.mrSigner !== undefined) return [describe(expected)];
    if (isAnyIdentityAccepted) {
      throw new NotChecked('any identity is accepted, so this says nothing about which enclave it is');
    }
    throw new Error('none is given: a valid quote from an unknown enclave proves nothing');
  });
  const hash = (name: 'mrEnclave' | 'mrSigner') => {
    const wanted = demanded(expected[name]).toLowerCase();
    return equal(wanted, need(report, 'a quote')[name].toString('hex'));
  };
  list.run('mr-enclave', () => [hash('mrEnclave')]);
  list.run('mr-signer', () => [hash('mrSigner')]);
  list.run('isv-prod-id', () => [
    equal(`${demanded(expected.isvProdId)}`, `${need(report, 'a quote').isvProdId}`),
  ]);
  list.run('isv-svn', () => {
    const least = demanded(expected.isvSvn);
    const { isvSvn } = need(report, 'a quote');
    if (isvSvn >= least) return [`${isvSvn}, at least ${least}`];
    throw new Error(`expected at least ${least}, got ${isvSvn}`);
  });
}

/** Makes the checks of what the enclave was made to say: report data and nonce. */
export function checkFreshness(
  list: Checklist,
  report: ReportBody | undefined,
  { evidence, options }: { readonly evidence: Evidence | undefined; readonly options: VerifyOptions },
): void {
  const { reportData, nonce } = options;
  list.run('report-data', () => [
    equal(padded(demanded(reportData)), need(report, 'a quote').reportData.toString('hex')),
  ]);
  list.run('nonce', () => {
    const wanted = Buffer.from(demanded(nonce)).toString('hex');
    if (evidence === undefined)
      return [equal(padded(nonce), need(report, 'a quote').reportData.toString('hex'))];
    if (evidence.kind === 'legacy') {
      throw new Error("Gramine's legacy extension carries no nonce: the certificate may be a replay");
    }
    if (evidence.nonce === undefined) {
      throw new Error('the claims of the certificate hold no nonce: it may be a replay');
    }
    return [equal(wanted, evidence.nonce.toString('hex'))];
  });
}

function demanded<T>(value: T | undefined): T {
  if (value === undefined) throw new NotChecked('nothing is required');
  return value;
}

function equal(expected: string, got: string): string {
  if (expected === got) return got;
  throw new Error(`expected ${expected}, got ${got}`);
}

/** Report data in hex: what is not given is zero. */
function padded(bytes: Uint8Array = new Uint8Array()): string {
  return Buffer.from(bytes).toString('hex').padEnd(128, '0');
}

function describe({ mrEnclave, mrSigner }: ExpectedIdentity): string {
  const parts = [mrEnclave && `MRENCLAVE ${mrEnclave}`, mrSigner && `MRSIGNER ${mrSigner}`];
  return parts.filter(Boolean).join(', ');
}
