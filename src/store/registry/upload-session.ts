import type { Descriptor } from '../../image/descriptor.ts';
import { resolveLocation } from './redirect.ts';
import type { RegistryRequest, RegistrySession, Repository } from './registry-session.ts';
import { discardBody, type HttpResponse, headerOf } from './transport.ts';

/** An upload that a registry waits for. OCI distribution-spec 1.1, "Pushing blobs". */
export interface UploadSession {
  readonly location: URL;
  /** How many bytes the registry has. */
  readonly offset: number;
  /** The least that it takes at once, except at the end (`OCI-Chunk-Min-Length`); 0 if it does not say. */
  readonly minimalChunkBytes: number;
}

/** The blob is in the registry now, or the registry waits for its bytes. */
export type UploadStart =
  | { readonly kind: 'stored' }
  | { readonly kind: 'waiting'; readonly upload: UploadSession };

/** Everything about one blob of one repository. */
export interface BlobTarget {
  readonly session: RegistrySession;
  readonly repository: Repository;
  readonly descriptor: Descriptor;
}

/** A request to write a blob: what all of them have in common. */
export function writingOf(
  place: BlobTarget,
  method: RegistryRequest['method'],
  target: string | URL,
): RegistryRequest {
  const { repository, descriptor } = place;
  const purpose = `write blob ${descriptor.digest}`;
  return { repository, purpose, method, target, actions: ['pull', 'push'] };
}

/** Statuses of registries that mount nothing, or nothing from there. */
const noMountStatuses: readonly number[] = [400, 401, 403, 404, 405, 501];

/** Opens an upload. Throws a `registry` error. */
export async function startUpload(place: BlobTarget): Promise<UploadStart> {
  const ask = writingOf(place, 'POST', 'blobs/uploads/');
  return startOf(place, ask, await place.session.send(ask, [202]));
}

/**
 * Asks for the blob of another repository of the same registry. Some registries would rather have the bytes and open an
 * upload; undefined if a registry does neither.
 */
export async function mountBlob(place: BlobTarget, from: Repository): Promise<UploadStart | undefined> {
  const query = new URLSearchParams({ mount: place.descriptor.digest, from: from.path });
  const ask = { ...writingOf(place, 'POST', `blobs/uploads/?${query}`), mountedPath: from.path };
  const response = await place.session.send(ask, [201, 202, ...noMountStatuses]);
  if (response.status === 201 || response.status === 202) return startOf(place, ask, response);
  await discardBody(response);
  return undefined;
}

async function startOf(
  place: BlobTarget,
  ask: RegistryRequest,
  response: HttpResponse,
): Promise<UploadStart> {
  if (response.status === 202) return { kind: 'waiting', upload: await sessionAfter(place, ask, response) };
  await discardBody(response);
  return { kind: 'stored' };
}

/** What the registry has of an upload; undefined if it lost it, or cannot say how much it has. */
export async function findUpload(
  place: BlobTarget,
  upload: UploadSession,
): Promise<UploadSession | undefined> {
  const ask = writingOf(place, 'GET', upload.location);
  const response = await place.session.send(ask, [204, 202, 200, 400, 404, 405, 410, 416]);
  const offset = offsetOf(response);
  if (response.status >= 300 || offset === undefined || offset > place.descriptor.sizeBytes) {
    await discardBody(response);
    return undefined;
  }
  return sessionAfter(place, ask, response, { ...upload, offset });
}

/** A registry gets no longer than this to clean up. */
const cancelMs = 5000;

/** Ends an upload that is not wanted any more, also after an abort. */
export async function cancelUpload(place: BlobTarget, upload: UploadSession): Promise<void> {
  const ask = { ...writingOf(place, 'DELETE', upload.location), signal: AbortSignal.timeout(cancelMs) };
  // Registries need not offer this, and clean up by themselves: every answer and every failure will do.
  const response = await place.session.sendOnce(ask).catch(() => undefined);
  if (response) await discardBody(response);
}

/**
 * Where the upload goes on after an answer; `expected` is what holds if the answer does not say. Throws a `registry`
 * error for an answer without a location where one is needed.
 */
export async function sessionAfter(
  place: BlobTarget,
  ask: RegistryRequest,
  response: HttpResponse,
  expected?: UploadSession,
): Promise<UploadSession> {
  const text = headerOf(response, 'location');
  if (text === undefined && expected === undefined) throw await place.session.refusal(ask, response);
  await discardBody(response);
  const location =
    text === undefined ? expected?.location : resolveLocation(text, response.url, place.session.settings);
  const minimum = Number(headerOf(response, 'oci-chunk-min-length'));
  return {
    location: location as URL,
    offset: expected?.offset ?? 0,
    minimalChunkBytes: Number.isSafeInteger(minimum) ? minimum : (expected?.minimalChunkBytes ?? 0),
  };
}

/** `Range: 0-N` means N + 1 bytes, except that `0-0` is what some registries say about none. */
function offsetOf(response: HttpResponse): number | undefined {
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(headerOf(response, 'range') ?? '')?.[1];
  return last === undefined || last === '0' ? undefined : Number(last) + 1;
}
