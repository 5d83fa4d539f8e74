import { GscError } from '../../base/error.ts';
import type { ByteStream } from '../../image/image.ts';

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

/** The stream, broken off with an `aborted` error when the signal is given. */
export async function* abortable(
  source: ByteStream,
  signal: AbortSignal | undefined,
  subject: string,
): ByteStream {
  throwIfAborted(signal, subject);
  for await (const piece of source) {
    throwIfAborted(signal, subject);
    yield piece;
  }
}
