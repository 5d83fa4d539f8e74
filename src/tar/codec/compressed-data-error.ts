import { GscError } from '../../base/error.ts';

/** The `tar` error for compressed data that are damaged. */
export function compressedDataError(subject: string, message: string, cause?: unknown): GscError {
  return new GscError({
    code: 'tar',
    subject,
    message: `the compressed data are damaged or cut short: ${message}`,
    hint: 'pull or export the image again',
    ...(cause !== undefined && { cause }),
  });
}
