import { iso } from '../../attest/collateral-dates.ts';
import type { AttestationVerdict as Verdict } from '../../attest.ts';
import type { CommandContext } from '../options/command-context.ts';

/** What the report says beside the verdict. */
export interface AttestReport {
  readonly verdict: Verdict;
  /** Whether no identity was expected, and any was accepted. */
  readonly isAnyIdentity: boolean;
  /** The file of a root that is not Intel's. */
  readonly rootCa: string | undefined;
  /** The file or server that the quote comes from. */
  readonly source: string;
  readonly protocol: string | undefined;
}

/** The verdict with everything that it rests on, for `--json` and for verdict.json. */
export function verdictToJson({ verdict, isAnyIdentity, rootCa, source, protocol }: AttestReport): object {
  const { report, platform, collateralWindow } = verdict;
  const hex = (bytes: Buffer | undefined) => bytes?.toString('hex') ?? null;
  const time = (at: number | undefined) => (at === undefined ? null : iso(at));
  return {
    accepted: verdict.isAccepted,
    tcb_status: verdict.tcbStatus ?? null,
    tcb_date: time(verdict.tcbDate),
    tcb_evaluation_data_number: verdict.tcbEvaluationDataNumber ?? null,
    advisories: verdict.advisories,
    mr_enclave: hex(report?.mrEnclave),
    mr_signer: hex(report?.mrSigner),
    isv_prod_id: report?.isvProdId ?? null,
    isv_svn: report?.isvSvn ?? null,
    debug: report?.isDebug ?? null,
    report_data: hex(report?.reportData),
    fmspc: hex(platform?.fmspc),
    platform_instance: hex(platform?.platformInstanceId),
    channel_key_sha256: hex(verdict.channelKey),
    tls_protocol: protocol ?? null,
    source,
    time: iso(verdict.at),
    collateral_from: time(collateralWindow?.from),
    collateral_until: time(collateralWindow?.until),
    any_identity: isAnyIdentity,
    root_ca: rootCa ?? null,
    checks: verdict.checks,
  };
}

/** Prints the checks, one a line, then the verdict with what is known of platform and enclave. */
export function printVerdict({ console, isJson }: CommandContext, report: AttestReport): void {
  if (isJson) {
    console.result(`${JSON.stringify(verdictToJson(report))}\n`);
    return;
  }
  const { verdict } = report;
  const width = Math.max(...verdict.checks.map(({ name }) => name.length));
  const lines = verdict.checks.map(
    ({ name, result, detail }) => `${result.padEnd('not-checked'.length)}  ${name.padEnd(width)}  ${detail}`,
  );
  console.result([...lines, '', ...summary(report), ''].join('\n'));
}

function summary({ verdict, isAnyIdentity, rootCa, source, protocol }: AttestReport): readonly string[] {
  const { report, platform, collateralWindow } = verdict;
  const limits = [
    isAnyIdentity && 'ANY IDENTITY: which enclave this is was not checked',
    rootCa !== undefined && `ROOT OF ${rootCa}: not Intel's root`,
  ].filter((limit) => limit !== false);
  const rows: readonly (readonly [string, string | number | undefined])[] = [
    ['verdict', [verdict.isAccepted ? 'accepted' : 'refused', ...limits].join('; ')],
    ['source', protocol === undefined ? source : `${source} (${protocol})`],
    ['time', iso(verdict.at)],
    ['tcb status', verdict.tcbStatus ?? 'not known'],
    ['tcb date', verdict.tcbDate === undefined ? undefined : iso(verdict.tcbDate).slice(0, 10)],
    ['advisories', verdict.advisories.join(', ') || 'none'],
    ['mr_enclave', report?.mrEnclave.toString('hex')],
    ['mr_signer', report?.mrSigner.toString('hex')],
    ['isv_prod_id', report?.isvProdId],
    ['isv_svn', report?.isvSvn],
    ['debug', report === undefined ? undefined : String(report.isDebug)],
    ['report_data', report?.reportData.toString('hex')],
    ['fmspc', platform?.fmspc.toString('hex')],
    ['tls key', verdict.channelKey && `SHA-256 ${verdict.channelKey.toString('hex')}`],
    ['collateral', collateralWindow && `${iso(collateralWindow.from)} to ${iso(collateralWindow.until)}`],
  ];
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(12)} ${value}`]));
}
