import { GscError } from '../../base/error.ts';

/** The `unreadable` error for what this machine has not enough memory to decompress: the data may be as they should. */
export function outOfMemory(subject: string, cause: unknown): GscError {
  return new GscError({
    code: 'unreadable',
    subject,
    message: 'there is not enough memory to decompress it',
    hint: 'give the machine or the container more memory, or do less at a time',
    cause,
    isPassing: true,
  });
}

/** The `tar` error for data that are compressed in a way that would take too much, or that gsc does not read. */
export function unfitCompression(subject: string, how: string, hint: string): GscError {
  return new GscError({ code: 'tar', subject, message: `compressed with ${how}`, hint });
}

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
