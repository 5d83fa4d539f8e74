import * as v from 'valibot';
import { looseObjectOf } from '../base/object-schema.ts';
import { countUpTo, hexText, isoTime, parseJsonAs } from './signed-json.ts';

/** A step of the quoting enclave's ladder. */
export interface QeLevel {
  readonly isvSvn: number;
  /** As Intel wrote it: it may be one that is not known here. */
  readonly status: string;
  readonly advisories: readonly string[];
}

/** Intel's identity of the quoting enclave, version 2 (Intel PCS, "Get Quoting Enclave Identity"). */
export interface QeIdentity {
  /** Milliseconds since 1970. */
  readonly issueDate: number;
  readonly nextUpdate: number;
  readonly evaluationDataNumber: number;
  /** Value and mask in the order of the report's bytes: little-endian. */
  readonly miscSelect: number;
  readonly miscSelectMask: number;
  readonly attributes: Buffer;
  readonly attributesMask: Buffer;
  readonly mrSigner: Buffer;
  readonly isvProdId: number;
  /** In no particular order. */
  readonly levels: readonly QeLevel[];
}

const schema = looseObjectOf({
  id: v.literal('QE', 'expected the identity of the quoting enclave of SGX, "QE"'),
  version: v.literal(2, 'expected version 2'),
  issueDate: isoTime,
  nextUpdate: isoTime,
  tcbEvaluationDataNumber: countUpTo(Number.MAX_SAFE_INTEGER),
  miscselect: hexText(4),
  miscselectMask: hexText(4),
  attributes: hexText(16),
  attributesMask: hexText(16),
  mrsigner: hexText(32),
  isvprodid: countUpTo(0xffff),
  tcbLevels: v.pipe(
    v.array(
      looseObjectOf({
        tcb: looseObjectOf({ isvsvn: countUpTo(0xffff) }),
        tcbStatus: v.string(),
        advisoryIDs: v.optional(v.array(v.string())),
      }),
    ),
    v.minLength(1),
  ),
});

/** Reads the identity. Throws a plain Error if it is of another enclave, of another version, or not of the right shape. */
export function parseQeIdentity(text: string): QeIdentity {
  const identity = parseJsonAs(text, schema);
  return {
    issueDate: identity.issueDate,
    nextUpdate: identity.nextUpdate,
    evaluationDataNumber: identity.tcbEvaluationDataNumber,
    miscSelect: Buffer.from(identity.miscselect, 'hex').readUInt32LE(),
    miscSelectMask: Buffer.from(identity.miscselectMask, 'hex').readUInt32LE(),
    attributes: Buffer.from(identity.attributes, 'hex'),
    attributesMask: Buffer.from(identity.attributesMask, 'hex'),
    mrSigner: Buffer.from(identity.mrsigner, 'hex'),
    isvProdId: identity.isvprodid,
    levels: identity.tcbLevels.map(({ tcb, tcbStatus, advisoryIDs = [] }) => ({
      isvSvn: tcb.isvsvn,
      status: tcbStatus,
      advisories: advisoryIDs,
    })),
  };
}
