import type { StoredArtifact } from '../../image/artifact.ts';
import { artifactOf } from '../../image/read-artifact.ts';
import type { TaggedArtifact, TaggedArtifacts } from '../../image/tagged-artifacts.ts';
import { downloadBlob } from './blob-download.ts';
import { hasBlob } from './blob-presence.ts';
import { uploadBlob } from './blob-upload.ts';
import { findManifest, putManifest } from './manifest-request.ts';
import { type RegistrySession, type Repository, showRepository } from './registry-session.ts';

/** Artifacts by tag in a repository. */
export class RegistryArtifacts implements TaggedArtifacts {
  readonly #session: RegistrySession;
  readonly #repository: Repository;

  constructor(session: RegistrySession, repository: Repository) {
    this.#session = session;
    this.#repository = repository;
  }

  get name(): string {
    return showRepository(this.#repository);
  }

  async find(tag: string): Promise<TaggedArtifact | undefined> {
    const found = await findManifest(this.#session, this.#repository, tag, ['pull']);
    const open = (content: Parameters<typeof downloadBlob>[2]) =>
      downloadBlob(this.#session, this.#repository, content);
    return found && artifactOf(found.bytes, `${this.name}: tag ${tag}`, open);
  }

  async put(tag: string, { blobs, manifest, manifestBytes }: StoredArtifact): Promise<void> {
    for (const { descriptor, bytes } of blobs) {
      const place = { session: this.#session, repository: this.#repository, descriptor };
      if (!(await hasBlob(place))) await uploadBlob(place, () => once(bytes));
    }
    await putManifest(this.#session, this.#repository, tag, { manifest, manifestBytes });
  }
}

async function* once(bytes: Buffer) {
  yield bytes;
}
