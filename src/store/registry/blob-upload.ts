import type { ByteStream } from '../../image/image.ts';
import { hasBlob } from './blob-presence.ts';
import { BlobReader } from './blob-reader.ts';
import { Attempts } from './retry.ts';
import { discardBody } from './transport.ts';
import { sendPart, type Transfer } from './upload-part.ts';
import {
  type BlobTarget,
  cancelUpload,
  findUpload,
  startUpload,
  type UploadSession,
} from './upload-session.ts';

/** How often an upload that the registry lost is begun again: then something else is wrong. */
const maximalRestarts = 2;

/**
 * Sends a blob: whole, in one request; after a break in chunks, from where the registry has it, or from the beginning
 * if the registry lost it; in chunks too where the whole is refused as too large. `open` may be called several times.
 * What fails is ended in the registry too. Throws a `registry` error, or what the source throws.
 */
export async function uploadBlob(
  place: BlobTarget,
  open: () => ByteStream,
  begun?: UploadSession,
): Promise<void> {
  const work = { upload: begun ?? (await newUpload(place)) };
  const reader = new BlobReader(open);
  try {
    await sendParts(place, reader, work);
    await reader.finish();
  } catch (error) {
    await cancelUpload(place, work.upload);
    throw error;
  } finally {
    await reader.close();
  }
}

/** An upload of a blob that is not mounted. Throws a `registry` error. */
export async function newUpload(place: BlobTarget): Promise<UploadSession> {
  const start = await startUpload(place);
  if (start.kind === 'waiting') return start.upload;
  throw new TypeError('an upload without a mount cannot be complete');
}

/** `work.upload` is always the upload that the registry waits for. */
async function sendParts(
  place: BlobTarget,
  reader: BlobReader,
  work: { upload: UploadSession },
): Promise<void> {
  const attempts = new Attempts(place.session.settings);
  let chunkBytes = Number.POSITIVE_INFINITY;
  let restarts = 0;
  // Breaks before a point that was never reached before no longer count; an upload that is lost again and again does.
  let farthest = 0;
  const noteProgress = ({ offset }: UploadSession) => {
    if (offset > farthest) attempts.reset();
    farthest = Math.max(farthest, offset);
  };
  for (;;) {
    const transfer = await sendPart(place, reader, work.upload, chunkBytes);
    await throwSourceFailure(place, reader, transfer);
    switch (transfer.kind) {
      case 'done':
        return;
      case 'advanced':
        noteProgress(transfer.upload);
        work.upload = transfer.upload;
        continue;
      case 'broken': {
        if (!(await attempts.another(transfer.response))) throw await transfer.error();
        if (transfer.response) await discardBody(transfer.response);
        const left = await findUpload(place, work.upload);
        // Perhaps all arrived, and only the answer got lost.
        if (left === undefined && (await hasBlob(place))) return;
        work.upload = left ?? (await newUpload(place));
        break;
      }
      case 'too-large':
        if (chunkBytes !== Number.POSITIVE_INFINITY) throw await transfer.error();
        await discardBody(transfer.response);
        work.upload = await newUpload(place);
        break;
      case 'lost':
        if (++restarts > maximalRestarts) throw await transfer.error();
        await discardBody(transfer.response);
        work.upload = await newUpload(place);
        break;
    }
    chunkBytes = Math.max(place.session.settings.chunkBytes, work.upload.minimalChunkBytes);
  }
}

/** A source that fails, or proves wrong once it is read to its end, is the reason for whatever the registry says. */
async function throwSourceFailure(place: BlobTarget, reader: BlobReader, transfer: Transfer): Promise<void> {
  if (transfer.kind === 'lost' && reader.offset === place.descriptor.sizeBytes) await reader.finish();
  if (reader.failure) throw reader.failure.error;
}
