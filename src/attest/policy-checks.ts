import { type TcbStatus, tcbStatusTexts } from '../collateral/tcb-status.ts';
import type { AttestPolicy, Selection } from '../policy/attest-policy.ts';
import type { PlatformTcb } from '../quote/pck-extension.ts';
import type { ReportBody } from '../quote/report-body.ts';
import { type Checklist, NotChecked, need } from './checklist.ts';

/** What the policy is checked against; undefined is what earlier checks did not give. */
export interface PolicySubjects {
  readonly status: TcbStatus | undefined;
  readonly advisories: readonly string[];
  /** The lower of TCB info's and QE identity's. */
  readonly evaluationDataNumber: number | undefined;
  readonly platform: PlatformTcb | undefined;
  readonly report: ReportBody | undefined;
}

/** Makes the checks that are the caller's decision: status, advisories, age, platform and debug. */
export function checkPolicy(list: Checklist, subjects: PolicySubjects, policy: AttestPolicy): void {
  const { status, advisories, evaluationDataNumber, platform, report } = subjects;
  list.run('tcb-status', () => [checkStatus(need(status, 'a TCB status'), policy)]);
  list.run('advisories', () => {
    need(status, 'a TCB status');
    return [checkAdvisories(advisories, policy.advisories)];
  });
  list.run('tcb-evaluation-data-number', () => {
    const least = policy.minTcbEvaluationDataNumber;
    if (least === undefined) throw new NotChecked('the policy requires none');
    const number = need(evaluationDataNumber, 'TCB info and QE identity');
    if (number >= least) return [`${number}, at least ${least}`];
    throw new Error(`expected at least ${least}, got ${number}: the collateral is from an older evaluation`);
  });
  list.run('fmspc', () => [checkSelected(platform?.fmspc, policy.fmspcs, 'kind of platform (FMSPC)')]);
  list.run('platform-instance', () => [
    checkSelected(platform?.platformInstanceId, policy.platformInstances, 'platform instance'),
  ]);
  list.run('debug', () => {
    if (!need(report, 'a quote').isDebug) return ['the enclave does not run in debug mode'];
    if (policy.isDebugAllowed) {
      return ['the enclave runs in debug mode, which the policy allows: its memory can be read from outside'];
    }
    throw new Error(
      'the enclave runs in debug mode: its memory can be read from outside, so it keeps no secrets; build the image without sgx.debug',
    );
  });
}

function checkStatus(status: TcbStatus, { tcbStatuses }: AttestPolicy): string {
  const { meaning, remedy } = tcbStatusTexts[status];
  if (tcbStatuses.includes(status)) return `${status}: ${meaning}`;
  throw new Error(
    `${status} is not accepted by the policy (${tcbStatuses.join(', ')}): ${meaning}; what to do: ${remedy}`,
  );
}

function checkAdvisories(advisories: readonly string[], { accepted, refused }: Selection): string {
  const bad = advisories.filter((id) => refused.includes(id) || accepted?.includes(id) === false);
  if (bad.length > 0) {
    throw new Error(
      `the policy does not accept ${bad.join(', ')}; what to do: read the advisory at https://www.intel.com/content/www/us/en/security-center/default.html, install the update that it names, or accept it in the policy`,
    );
  }
  return advisories.length === 0 ? 'none applies' : `apply, and are accepted: ${advisories.join(', ')}`;
}

/** A value that the platform has, against the policy's lists. */
function checkSelected(value: Buffer | undefined, { accepted, refused }: Selection, what: string): string {
  if (accepted === undefined && refused.length === 0) throw new NotChecked('the policy names none');
  const hex = value?.toString('hex');
  if (accepted !== undefined && (hex === undefined || !accepted.includes(hex))) {
    throw new Error(`expected a ${what} of ${accepted.join(', ') || '(none)'}, got ${hex ?? 'none'}`);
  }
  if (hex !== undefined && refused.includes(hex)) throw new Error(`the policy refuses the ${what} ${hex}`);
  return hex ?? 'none, and the policy requires none';
}
