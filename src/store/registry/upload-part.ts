import type { Digest } from '../../base/digest.ts';
import type { BlobReader } from './blob-reader.ts';
import type { RegistryRequest } from './registry-session.ts';
import { isBusy, isTransient } from './retry.ts';
import { discardBody, type HttpResponse } from './transport.ts';
import { type BlobTarget, sessionAfter, type UploadSession, writingOf } from './upload-session.ts';

/** What one request of an upload came to. `error` is what to throw if it is not made good. */
export type Transfer =
  | { readonly kind: 'done' }
  | { readonly kind: 'advanced'; readonly upload: UploadSession }
  /** The connection broke or the registry was busy: part of the bytes may have arrived. */
  | { readonly kind: 'broken'; readonly response?: HttpResponse; readonly error: () => Promise<Error> }
  /** The registry, or a proxy in front of it, takes no body of this size. */
  | { readonly kind: 'too-large'; readonly response: HttpResponse; readonly error: () => Promise<Error> }
  /** The registry does not know the upload (any more), or has other bytes than we sent. */
  | { readonly kind: 'lost'; readonly response: HttpResponse; readonly error: () => Promise<Error> };

/** Statuses after which only a new upload helps: gone, out of step, digest of what arrived is wrong. */
const lostStatuses: readonly number[] = [400, 404, 409, 410, 416];

/** Sends the next request of an upload: the whole blob, a chunk of at most `chunkBytes`, or the closing one. */
export async function sendPart(
  place: BlobTarget,
  reader: BlobReader,
  upload: UploadSession,
  chunkBytes: number,
): Promise<Transfer> {
  const { digest, sizeBytes } = place.descriptor;
  const { location, offset } = upload;
  const partBytes = Math.min(sizeBytes - offset, chunkBytes);
  const isClosing = partBytes === 0 || (offset === 0 && partBytes === sizeBytes);
  const ask: RegistryRequest = {
    ...writingOf(place, isClosing ? 'PUT' : 'PATCH', isClosing ? closingUrl(location, digest) : location),
    headers: {
      'content-type': 'application/octet-stream',
      ...(!isClosing && { 'content-range': `${offset}-${offset + partBytes - 1}` }),
    },
    ...(partBytes > 0 && {
      body: { sizeBytes: partBytes, open: () => reader.slice(offset, partBytes) },
    }),
  };
  return transfer(place, reader, ask, { ...upload, offset: offset + partBytes });
}

/** OCI distribution-spec 1.1, "Pushing Blobs": the location with the digest added to its query. */
export function closingUrl(location: URL, digest: Digest): URL {
  const url = new URL(location);
  // Not searchParams: it would write the registry's own parameters again, and some are signed.
  url.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
  return url;
}

async function transfer(
  place: BlobTarget,
  reader: BlobReader,
  ask: RegistryRequest,
  after: UploadSession,
): Promise<Transfer> {
  const { session } = place;
  let response: HttpResponse;
  try {
    response = await session.sendOnce(ask);
  } catch (cause) {
    const failure = session.failure(ask, cause);
    if (isTransient(cause) || reader.failure) return { kind: 'broken', error: async () => failure };
    throw failure;
  }
  const { status } = response;
  const error = () => session.refusal(ask, response);
  if (ask.method === 'PUT' && (status === 201 || status === 204)) {
    await discardBody(response);
    return { kind: 'done' };
  }
  if (ask.method === 'PATCH' && status >= 200 && status < 300) {
    return { kind: 'advanced', upload: await sessionAfter(place, ask, response, after) };
  }
  if (isBusy(status)) return { kind: 'broken', response, error };
  if (status === 413) return { kind: 'too-large', response, error };
  if (lostStatuses.includes(status)) return { kind: 'lost', response, error };
  throw await error();
}
