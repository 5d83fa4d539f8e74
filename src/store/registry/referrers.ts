import { type Digest, digestOf } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import { type Referrer, referrersTag, type StoredArtifact } from '../../image/artifact.ts';
import { onlyLayerOf } from '../../image/artifact-layer.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { mediaTypes } from '../../image/media-type.ts';
import type { Referrers } from '../../image/referrers.ts';
import { readReferrers, withReferrer } from '../../image/referrers-index.ts';
import { collectBytes } from '../../image/verified-stream.ts';
import { downloadBlob } from './blob-download.ts';
import { hasBlob } from './blob-presence.ts';
import { uploadBlob } from './blob-upload.ts';
import { findManifest, getManifest, maximalManifestBytes, putManifest } from './manifest-request.ts';
import {
  type RegistryRequest,
  type RegistrySession,
  type Repository,
  showRepository,
} from './registry-session.ts';
import { discardBody, headerOf, readBody } from './transport.ts';

/** More pages than this are not read: an image with so many artifacts is an attack, or a mistake. */
const maximalPages = 100;

/**
 * Artifacts in a registry: by the referrers API, or where that is missing by the index under the tag `sha256-HEX`. Whether a
 * registry has the API is asked each time: some say OCI-Subject and have none. OCI distribution-spec 1.1.
 */
export class RegistryReferrers implements Referrers {
  readonly #session: RegistrySession;
  readonly #repository: Repository;

  constructor(session: RegistrySession, repository: Repository) {
    this.#session = session;
    this.#repository = repository;
  }

  async list(subject: Descriptor): Promise<readonly Referrer[]> {
    const listed = await this.#askApi(subject.digest);
    if (listed !== undefined) return listed;
    const index = await this.#findIndex(subject);
    return index === undefined ? [] : readReferrers(index, this.#where(subject));
  }

  async read({ descriptor }: Referrer): Promise<Buffer> {
    const { bytes } = await getManifest(this.#session, this.#repository, descriptor.digest);
    const layer = onlyLayerOf(bytes, `${showRepository(this.#repository)}: artifact ${descriptor.digest}`);
    return collectBytes(downloadBlob(this.#session, this.#repository, layer));
  }

  async attach(subject: Descriptor, artifact: StoredArtifact): Promise<'written' | 'unchanged'> {
    const known = await this.list(subject);
    if (known.some(({ descriptor }) => descriptor.digest === artifact.manifest.digest)) return 'unchanged';
    for (const { descriptor, bytes } of artifact.blobs) {
      const place = { session: this.#session, repository: this.#repository, descriptor };
      if (!(await hasBlob(place))) await uploadBlob(place, () => once(bytes));
    }
    await this.#put(artifact.manifest.digest, artifact.manifest, artifact.manifestBytes);
    if ((await this.#askApi(subject.digest)) === undefined) await this.#addToIndex(subject, artifact);
    return 'written';
  }

  /** Undefined where the registry has no referrers API. */
  async #askApi(digest: Digest): Promise<readonly Referrer[] | undefined> {
    const found: Referrer[] = [];
    let target: string | URL = `referrers/${digest}`;
    for (let page = 0; page < maximalPages; page++) {
      const ask: RegistryRequest = {
        repository: this.#repository,
        purpose: `list what refers to ${digest}`,
        method: 'GET',
        target,
        actions: ['pull'],
        headers: { accept: mediaTypes.ociIndex },
      };
      const response = await this.#session.send(ask, [200, 404, 405, 400]);
      if (response.status !== 200) {
        await discardBody(response);
        return undefined;
      }
      const type = headerOf(response, 'content-type')?.split(';')[0]?.trim();
      const bytes = await readBody(response, maximalManifestBytes).catch((error: unknown) => {
        throw this.#session.failure(ask, error);
      });
      // A server that answers everything with a page has no such API.
      if (type !== mediaTypes.ociIndex) return undefined;
      found.push(...readReferrers(bytes, `${showRepository(this.#repository)}: ${ask.purpose}`));
      const next = nextPage(headerOf(response, 'link'), response.url);
      if (next === undefined) return found;
      target = next;
    }
    throw new GscError({
      code: 'registry',
      subject: showRepository(this.#repository),
      message: `more than ${maximalPages} pages of artifacts refer to ${digest}`,
      hint: 'delete those that are not needed',
    });
  }

  async #findIndex(subject: Descriptor): Promise<Buffer | undefined> {
    return (await findManifest(this.#session, this.#repository, referrersTag(subject), ['pull']))?.bytes;
  }

  async #addToIndex(subject: Descriptor, artifact: StoredArtifact): Promise<void> {
    const index = withReferrer(await this.#findIndex(subject), artifact, this.#where(subject));
    if (index === undefined) return;
    const descriptor = { mediaType: mediaTypes.ociIndex, digest: digestOf(index), sizeBytes: index.length };
    await this.#put(referrersTag(subject), descriptor, index);
  }

  async #put(reference: string, descriptor: Descriptor, bytes: Buffer): Promise<void> {
    await putManifest(this.#session, this.#repository, reference, {
      manifest: descriptor,
      manifestBytes: bytes,
    });
  }

  #where(subject: Descriptor): string {
    return `${showRepository(this.#repository)}: tag ${referrersTag(subject)}`;
  }
}

/** RFC 8288: `</v2/…?n=…>; rel="next"`. */
function nextPage(link: string | undefined, base: URL): URL | undefined {
  const target = /<([^>]+)>\s*;[^,]*\brel="?next"?/i.exec(link ?? '')?.[1];
  return target === undefined || !URL.canParse(target, base.href) ? undefined : new URL(target, base);
}

async function* once(bytes: Buffer) {
  yield bytes;
}
