import type { RuntimeVersion } from '../runtime/version.ts';
import { debugFlag } from './attributes.ts';
import { decodeSigstruct, sigstructOfSignedBytes } from './sigstruct.ts';
import { decodeDate } from './sigstruct-date.ts';
import { sigstructRulesOf } from './sigstruct-rules.ts';
import { mrSignerOf } from './verify-sigstruct.ts';

/** What a SIGSTRUCT says, in plain values. Hashes and ids are lower-case hex. */
export interface SigstructDescription {
  readonly mrSigner: string;
  readonly mrEnclave: string;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly isDebug: boolean;
  /** `YYYY-MM-DD` (see `decodeDate`). */
  readonly date: string;
  readonly flags: bigint;
  readonly flagsMask: bigint;
  readonly xfrm: bigint;
  readonly xfrmMask: bigint;
  readonly miscSelect: number;
  readonly miscMask: number;
  readonly vendor: number;
  readonly swDefined: number;
  readonly cetAttributes: number;
  readonly cetAttributesMask: number;
  readonly isvFamilyId: string;
  readonly isvExtProdId: string;
}

/**
 * Reads a SIGSTRUCT without checking its signature. With the version of the runtime that it is for, the date is read as that has
 * it. Throws a `sigstruct` error if it is not one.
 */
export function describeSigstruct(
  bytes: Buffer,
  subject: string,
  version?: RuntimeVersion,
): SigstructDescription {
  const { header, header2, modulus, exponent, signature, q1, q2, ...plain } = decodeSigstruct(bytes, subject);
  return {
    ...plain,
    mrSigner: mrSignerOf(modulus),
    mrEnclave: hex(plain.mrEnclave),
    isDebug: (plain.flags & debugFlag) !== 0n,
    date: decodeDate(plain.date, version && sigstructRulesOf(version).date),
    isvFamilyId: hex(plain.isvFamilyId),
    isvExtProdId: hex(plain.isvExtProdId),
  };
}

/** What the 256 bytes say that are signed: all but whose key it is. Throws a `sigstruct` error for other bytes. */
export function describeSignedBytes(
  message: Buffer,
  subject: string,
): Omit<SigstructDescription, 'mrSigner'> {
  const { mrSigner, ...rest } = describeSigstruct(sigstructOfSignedBytes(message, subject), subject);
  return rest;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
