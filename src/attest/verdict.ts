import type { TcbStatus } from '../collateral/tcb-status.ts';
import type { PlatformTcb } from '../quote/pck-extension.ts';
import type { ReportBody } from '../quote/report-body.ts';
import type { Check } from './checklist.ts';

/** What became of a quote. */
export interface Verdict {
  /** True only if every check that has to be made is ok, and none failed. */
  readonly isAccepted: boolean;
  /** Milliseconds since 1970: the time for which the verdict is given. */
  readonly at: number;
  readonly checks: readonly Check[];
  /** The platform's status with that of its quoting enclave; undefined if what it rests on does not hold. */
  readonly tcbStatus: TcbStatus | undefined;
  readonly tcbDate: number | undefined;
  readonly tcbEvaluationDataNumber: number | undefined;
  readonly advisories: readonly string[];
  /** Who the enclave says to be; worth nothing unless the verdict is `isAccepted`. Undefined for what is not a quote. */
  readonly report: ReportBody | undefined;
  readonly platform: PlatformTcb | undefined;
  /** From when to when all of the collateral is valid. */
  readonly collateralWindow: CollateralWindow | undefined;
  /** SHA-256 of the certificate's SubjectPublicKeyInfo: the key of the TLS channel. Undefined for a bare quote. */
  readonly channelKey: Buffer | undefined;
}

/** The latest issue and the earliest next update, in milliseconds since 1970. */
export interface CollateralWindow {
  readonly from: number;
  readonly until: number;
}
