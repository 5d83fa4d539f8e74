import { TransformStream } from 'node:stream/web';
import type { ByteStream } from '../../image/image.ts';

/**
 * Passes `source` through and gives a copy of it to `store`, piece by piece, no faster than either takes them. Ends
 * when both are done; a failure of `store` ends the stream with that error. If the consumer stops early, the copy ends
 * with an error too.
 */
export async function* teeStream(source: ByteStream, store: (copy: ByteStream) => Promise<void>): ByteStream {
  const { readable, writable } = new TransformStream<Buffer, Buffer>();
  const copy = writable.getWriter();
  const failure: { error?: unknown } = {};
  const stored = store(readable).catch(async (error: unknown) => {
    failure.error ??= error;
    await copy.abort(error);
  });
  // Whoever awaits `write` or `close` sees the same failure.
  copy.closed.catch(() => {});
  try {
    for await (const piece of source) {
      await copy.write(piece);
      yield piece;
    }
    await copy.close();
  } catch (error) {
    throw failure.error ?? error;
  } finally {
    await copy.abort(new Error('the consumer stopped before the end')).catch(() => {});
    await stored;
  }
  if (failure.error !== undefined) throw failure.error;
}

/** Reads a stream to its end, for what it does on the way. */
export async function drain(stream: ByteStream): Promise<void> {
  for await (const _ of stream);
}
