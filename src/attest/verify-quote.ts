import type { Collateral } from '../collateral/collateral.ts';
import { defaultAttestPolicy } from '../policy/attest-policy.ts';
import { parseQuote } from '../quote/quote.ts';
import type { Evidence } from '../quote/ra-tls.ts';
import type { CheckName } from './check-names.ts';
import { type Checklist, need, startChecklist } from './checklist.ts';
import { checkFreshness, checkIdentity } from './identity-checks.ts';
import type { VerifyOptions } from './options.ts';
import { checkPolicy } from './policy-checks.ts';
import type { Verdict } from './verdict.ts';
import { type QuoteMeasure, verifyPlatform } from './verify-platform.ts';

/** What the list says about checks that rest on a root that is not Intel's. */
const otherRoot = "by the root of --root-ca, not Intel's";

/**
 * Verifies a DCAP quote of version 3 against collateral: everything that Intel's quote verification library checks, in its order, then
 * the caller's policy and the expected identity. Pure: no network, no clock. Whatever the bytes are, the answer is a verdict;
 * it is accepted only if all that has to be checked is ok.
 */
export function verifyQuote(
  quote: Uint8Array,
  collateral: Collateral | undefined,
  options: VerifyOptions,
): Verdict {
  return verifyEvidence(startVerification(options), { quote }, { collateral, options });
}

/** An empty list of checks, with the remark that the options demand. */
export function startVerification({ rootCa }: VerifyOptions): Checklist {
  return startChecklist(rootCa === undefined ? undefined : otherRoot);
}

/** A quote, and the certificate that it comes from. */
export interface QuoteSource {
  /** Undefined if the certificate holds none. */
  readonly quote: Uint8Array | undefined;
  readonly evidence?: Evidence | undefined;
  readonly channelKey?: Buffer | undefined;
}

/** {@link verifyQuote}, after the checks that are in the list. */
export function verifyEvidence(list: Checklist, source: QuoteSource, measure: QuoteMeasure): Verdict {
  const { options } = measure;
  const policy = options.policy ?? defaultAttestPolicy;
  const quote = list.run('quote-format', () => {
    const bytes = need(source.quote, 'a certificate with a quote');
    return ['a DCAP quote of version 3 with an ECDSA P-256 key', parseQuote(bytes, 'the quote')];
  });
  const result = verifyPlatform(list, quote, measure);
  const platform = result.pck?.platform;
  checkPolicy(list, { ...result, platform, report: quote?.report }, policy);
  checkIdentity(list, quote?.report, options);
  checkFreshness(list, quote?.report, { evidence: source.evidence, options });
  return {
    isAccepted: isAccepted(list, policy.areCrlsRequired),
    at: options.at.getTime(),
    checks: list.checks,
    tcbStatus: result.status,
    tcbDate: result.level?.date,
    tcbEvaluationDataNumber: result.evaluationDataNumber,
    advisories: result.advisories,
    report: quote?.report,
    platform,
    collateralWindow: result.window,
    channelKey: source.channelKey,
  };
}

/** What has to be ok; all else must only not have failed. */
const required: readonly CheckName[] = [
  ...(['quote-format', 'pck-chain', 'tcb-info-signature', 'tcb-info', 'qe-report-signature'] as const),
  ...(['qe-report-data', 'qe-identity-signature', 'qe-identity', 'quote-signature', 'tcb-level'] as const),
  ...(['collateral-dates', 'tcb-status', 'advisories', 'debug'] as const),
];

const requiredCrls: readonly CheckName[] = ['root-ca-crl', 'pck-crl'];

function isAccepted({ checks }: Checklist, areCrlsRequired: boolean): boolean {
  const ok = new Set(checks.filter(({ result }) => result === 'ok').map(({ name }) => name));
  const demanded = areCrlsRequired ? [...required, ...requiredCrls] : required;
  return checks.every(({ result }) => result !== 'failed') && demanded.every((name) => ok.has(name));
}
