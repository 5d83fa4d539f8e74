import { GscError } from '../base/error.ts';

/** The error for collateral that cannot be obtained or read. */
export function collateralError(subject: string, message: string, hint: string, cause?: unknown): GscError {
  return new GscError({ code: 'collateral', subject, message, hint, cause });
}

/** What gsc reads, for hints. */
export const knownForms =
  'give a directory that gsc collateral get wrote, JSON as dcap-qvl writes it, Open Enclave endorsements, or responses of PCS or PCCS';
