import { GscError } from '../base/error.ts';

/** Throws an `aborted` error if the signal is given. */
export function throwIfAborted(signal: AbortSignal | undefined, subject: string): void {
  if (!signal?.aborted) return;
  throw new GscError({
    code: 'aborted',
    subject,
    message: 'stopped on request; nothing was changed',
    cause: signal.reason,
  });
}
