import * as v from 'valibot';
import { strictObjectOf } from '../base/object-schema.ts';
import { type TcbStatus, tcbStatuses } from '../collateral/tcb-status.ts';
import { listOf, naturalNumber, truth } from './policy-values.ts';

/** Values that are accepted or refused by name; without a list of accepted ones, all are that are not refused. */
export interface Selection {
  readonly accepted: readonly string[] | undefined;
  readonly refused: readonly string[];
}

/** Which platforms and enclaves are accepted by `gsc attest`. */
export interface AttestPolicy {
  readonly tcbStatuses: readonly TcbStatus[];
  /** Intel's advisory IDs, as in INTEL-SA-00615. */
  readonly advisories: Selection;
  /** Least `tcbEvaluationDataNumber` of TCB info and QE identity. */
  readonly minTcbEvaluationDataNumber: number | undefined;
  /** 6 bytes in lower-case hex. */
  readonly fmspcs: Selection;
  /** 16 bytes in lower-case hex. */
  readonly platformInstances: Selection;
  /** How long after its next update collateral still counts. */
  readonly graceDays: number;
  readonly isDebugAllowed: boolean;
  /** Whether quotes are refused when the revocation lists are missing. */
  readonly areCrlsRequired: boolean;
}

export const everything: Selection = { accepted: undefined, refused: [] };

/** What counts where a policy says nothing. */
export const defaultAttestPolicy: AttestPolicy = {
  tcbStatuses: ['UpToDate', 'SWHardeningNeeded'],
  advisories: everything,
  minTcbEvaluationDataNumber: undefined,
  fmspcs: everything,
  platformInstances: everything,
  graceDays: 0,
  isDebugAllowed: false,
  areCrlsRequired: true,
};

const mostGraceDays = 3650;

const status = v.pipe(
  v.picklist(tcbStatuses, `expected one of ${tcbStatuses.join(', ')}`),
  v.check((word) => word !== 'Revoked', 'Revoked cannot be accepted: such platforms prove nothing'),
);
const advisory = v.pipe(
  v.string(),
  v.regex(/^INTEL-(?:SA|DOC)-\d+$/, 'expected an advisory like INTEL-SA-00615'),
);
export const hexOf = (sizeBytes: number) =>
  v.pipe(
    v.string(),
    v.regex(new RegExp(`^[0-9a-fA-F]{${2 * sizeBytes}}$`), `expected ${sizeBytes} bytes in hex`),
    v.transform((text) => text.toLowerCase()),
  );

export const selectionOf = <Item extends v.GenericSchema<string>>(item: Item) =>
  v.optional(
    strictObjectOf(
      { accept: v.optional(listOf(item)), refuse: v.optional(listOf(item)) },
      'expected the keys accept or refuse, each with a list',
    ),
  );

/** The section `attest` of a policy file; every scalar is a text. */
export const attestSection = strictObjectOf(
  {
    tcb_status: v.optional(listOf(status)),
    advisories: selectionOf(advisory),
    min_tcb_evaluation_data_number: v.optional(naturalNumber(Number.MAX_SAFE_INTEGER)),
    fmspc: selectionOf(hexOf(6)),
    platform_instance: selectionOf(hexOf(16)),
    grace_days: v.optional(naturalNumber(mostGraceDays)),
    debug: v.optional(truth),
    require_crls: v.optional(truth),
  },
  'expected keys with values',
);

/** The policy of a section: the default where it says nothing. */
export function toAttestPolicy(section: v.InferOutput<typeof attestSection>): AttestPolicy {
  const base = defaultAttestPolicy;
  return {
    tcbStatuses: section.tcb_status ?? base.tcbStatuses,
    advisories: toSelection(section.advisories),
    minTcbEvaluationDataNumber: section.min_tcb_evaluation_data_number ?? base.minTcbEvaluationDataNumber,
    fmspcs: toSelection(section.fmspc),
    platformInstances: toSelection(section.platform_instance),
    graceDays: section.grace_days ?? base.graceDays,
    isDebugAllowed: section.debug ?? base.isDebugAllowed,
    areCrlsRequired: section.require_crls ?? base.areCrlsRequired,
  };
}

export function toSelection(
  selection: { readonly accept?: string[] | undefined; readonly refuse?: string[] | undefined } | undefined,
): Selection {
  return { accepted: selection?.accept, refused: selection?.refuse ?? [] };
}
