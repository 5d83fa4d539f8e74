import { type Digest, digestOf, isDigest } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import type { Image } from '../../image/image.ts';
import { mediaTypes } from '../../image/media-type.ts';
import {
  type RegistryRequest,
  type RegistrySession,
  type Repository,
  showRepository,
} from './registry-session.ts';
import { discardBody, type HttpResponse, headerOf, readBody } from './transport.ts';

/** A manifest or index as the registry gave it; the digest is computed, not believed. */
export interface StoredManifest {
  readonly bytes: Buffer;
  readonly digest: Digest;
  /** What the registry calls it, without parameters. */
  readonly mediaType: string | undefined;
}

/** What registries must take. OCI distribution-spec 1.1, "Pushing Manifests". */
export const maximalManifestBytes = 4 * 1024 * 1024;

const accepted = [
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerIndex,
  mediaTypes.dockerManifest,
].join(', ');

/**
 * The manifest that a tag or a digest names. Throws `not-found`, `registry`, or `blob` if its bytes do not have the
 * digest that was asked for or that the registry claims.
 */
export async function getManifest(
  session: RegistrySession,
  repository: Repository,
  reference: string,
): Promise<StoredManifest> {
  const ask = readingOf(repository, reference);
  return receive(session, ask, reference, await session.send(ask, [200]));
}

/** As {@link getManifest}, or undefined if there is no such tag. */
export async function findManifest(
  session: RegistrySession,
  repository: Repository,
  reference: string,
  actions: RegistryRequest['actions'] = ['pull', 'push'],
): Promise<StoredManifest | undefined> {
  const ask: RegistryRequest = { ...readingOf(repository, reference), actions };
  const response = await session.send(ask, [200, 404]);
  if (response.status === 200) return receive(session, ask, reference, response);
  await discardBody(response);
  return undefined;
}

/** Stores the manifest of an image under a tag or its digest: the last step of a push. Throws a `registry` error. */
export async function putManifest(
  session: RegistrySession,
  repository: Repository,
  reference: string,
  image: Pick<Image, 'manifest' | 'manifestBytes'>,
): Promise<void> {
  const ask: RegistryRequest = {
    repository,
    purpose: `write the manifest of ${showManifestReference(reference)}`,
    method: 'PUT',
    target: `manifests/${reference}`,
    actions: ['pull', 'push'],
    headers: { 'content-type': image.manifest.mediaType },
    body: image.manifestBytes,
  };
  const response = await session.send(ask, [201, 200, 202]);
  await discardBody(response);
  checkClaim(headerOf(response, 'docker-content-digest'), image.manifest.digest, ask);
}

/** `tag 3.12`, `digest sha256:…`. */
export function showManifestReference(reference: string): string {
  return isDigest(reference) ? `digest ${reference}` : `tag ${reference}`;
}

function readingOf(repository: Repository, reference: string): RegistryRequest {
  return {
    repository,
    purpose: `read the manifest of ${showManifestReference(reference)}`,
    method: 'GET',
    target: `manifests/${reference}`,
    actions: ['pull'],
    headers: { accept: accepted },
  };
}

async function receive(
  session: RegistrySession,
  ask: RegistryRequest,
  reference: string,
  response: HttpResponse,
): Promise<StoredManifest> {
  let bytes: Buffer;
  try {
    bytes = await readBody(response, maximalManifestBytes);
  } catch (error) {
    throw session.failure(ask, error);
  }
  const digest = digestOf(bytes);
  checkClaim(isDigest(reference) ? reference : undefined, digest, ask);
  checkClaim(headerOf(response, 'docker-content-digest'), digest, ask);
  return { bytes, digest, mediaType: headerOf(response, 'content-type')?.split(';')[0]?.trim() };
}

/** What the registry claims must be true; claims in other algorithms than SHA-256 cannot be checked and do not count. */
function checkClaim(claimed: string | undefined, digest: Digest, ask: RegistryRequest): void {
  if (claimed === undefined || !isDigest(claimed) || claimed === digest) return;
  throw new GscError({
    code: 'blob',
    subject: showRepository(ask.repository),
    message: `cannot ${ask.purpose}: the content has a different digest: expected ${claimed}, got ${digest}`,
    hint: 'the registry, or a proxy in front of it, is damaged or malicious; get the image elsewhere',
  });
}
