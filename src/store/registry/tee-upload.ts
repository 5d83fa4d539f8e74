import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { ByteStream } from '../../image/image.ts';
import { isBusy, isTransient } from './retry.ts';
import { discardBody } from './transport.ts';
import { closingUrl } from './upload-part.ts';
import { type BlobTarget, type UploadSession, writingOf } from './upload-session.ts';

/**
 * What became of a blob that was uploaded while it was read. `broken`: the transfer broke; what the registry has of it
 * may serve a second one.
 */
export type TeeOutcome = 'stored' | 'broken';

/** As much as may wait between a fast reader and a slow registry. */
const bufferedBytes = 4 * 1024 * 1024;

/**
 * Passes the bytes through and uploads them on the way, whole, in one request, as fast as the slower side. A transfer
 * that breaks does not disturb the reader: `onEnd` gets it. Throws a `registry` error where the registry says no.
 */
export async function* teeUpload(
  place: BlobTarget,
  verified: ByteStream,
  upload: UploadSession,
  onEnd: (outcome: TeeOutcome) => void,
): ByteStream {
  const pipe = new PassThrough({ highWaterMark: bufferedBytes });
  // A broken request destroys its body; the outcome tells of it.
  pipe.on('error', () => {});
  let refused = false;
  const sending = send(place, pipe, upload);
  sending.catch(() => {
    refused = true;
  });
  let isComplete = false;
  try {
    for await (const piece of verified) {
      if (!pipe.destroyed && !pipe.write(piece)) await drained(pipe);
      if (refused) await sending;
      yield piece;
    }
    isComplete = true;
  } finally {
    if (isComplete) pipe.end();
    else pipe.destroy(new Error('the reader stopped'));
  }
  onEnd(await sending);
}

/** Waits until the pipe takes more, or the reader has stopped. */
async function drained(pipe: PassThrough): Promise<void> {
  if (pipe.destroyed) return;
  const controller = new AbortController();
  const either = { signal: controller.signal };
  try {
    await Promise.race([once(pipe, 'drain', either), once(pipe, 'close', either)]);
  } catch (error) {
    // A pipe that was destroyed with an error takes nothing; the transfer tells why.
    if (!pipe.destroyed) throw error;
  } finally {
    controller.abort();
  }
}

/** Statuses after which a second transfer may do: it can log in again, follow a redirect, begin again, go in chunks. */
const secondTryStatuses: readonly number[] = [307, 308, 400, 401, 404, 409, 413];

async function send(place: BlobTarget, pipe: PassThrough, upload: UploadSession): Promise<TeeOutcome> {
  const { session, descriptor } = place;
  const ask = {
    ...writingOf(place, 'PUT', closingUrl(upload.location, descriptor.digest)),
    headers: { 'content-type': 'application/octet-stream' },
    body: { sizeBytes: descriptor.sizeBytes, open: () => pipe as AsyncIterable<Buffer> },
    isBodyOnce: true,
  };
  try {
    const response = await session.sendOnce(ask);
    if (response.status === 201 || response.status === 204) {
      await discardBody(response);
      return 'stored';
    }
    if (!isBusy(response.status) && !secondTryStatuses.includes(response.status))
      throw await session.refusal(ask, response);
    await discardBody(response);
    return 'broken';
  } catch (error) {
    if (isTransient(error)) return 'broken';
    throw session.failure(ask, error);
  } finally {
    // The other side has stopped; the reader must not wait for it.
    pipe.destroy();
  }
}
