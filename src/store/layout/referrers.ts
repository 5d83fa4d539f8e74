import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeError, writeFileAtomically } from '../../base/atomic-file.ts';
import type { Referrer, StoredArtifact } from '../../image/artifact.ts';
import { onlyLayerOf } from '../../image/artifact-layer.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { subjectOf } from '../../image/manifest.ts';
import type { Referrers } from '../../image/referrers.ts';
import { readReferrers, withReferrer } from '../../image/referrers-index.ts';
import { openDirectory } from '../local/directory-files.ts';
import type { FileSet } from '../local/file-set.ts';
import { withLock } from '../local/lock-file.ts';
import { syncDirectory } from '../local/sync-directory.ts';
import { layoutLock } from './layout-writer.ts';
import { blobPath, readBlob } from './oci-blobs.ts';

/**
 * Artifacts in an OCI layout: untagged entries of its index whose manifests name the image as their subject, as ORAS and
 * skopeo keep them.
 */
export class LayoutReferrers implements Referrers {
  readonly #path: string;

  /** `path` is the directory of the layout. */
  constructor(path: string) {
    this.#path = path;
  }

  async list(subject: Descriptor): Promise<readonly Referrer[]> {
    const listed = readReferrers(await this.#readIndex(), `${this.#path}: index.json`);
    return this.#withFiles(async (files) => {
      const found: Referrer[] = [];
      for (const referrer of listed) {
        if (referrer.artifactType === undefined) continue;
        const manifest = await readBlob(files, referrer.descriptor);
        if (subjectOf(manifest, `${files.name}: ${referrer.descriptor.digest}`) === subject.digest)
          found.push(referrer);
      }
      return found;
    });
  }

  async read({ descriptor }: Referrer): Promise<Buffer> {
    return this.#withFiles(async (files) => {
      const manifest = await readBlob(files, descriptor);
      return readBlob(files, onlyLayerOf(manifest, `${files.name}: artifact ${descriptor.digest}`));
    });
  }

  async attach(_subject: Descriptor, artifact: StoredArtifact): Promise<'written' | 'unchanged'> {
    try {
      return await withLock(layoutLock(this.#path), async () => {
        const index = withReferrer(await this.#readIndex(), artifact, `${this.#path}: index.json`);
        if (index === undefined) return 'unchanged';
        await mkdir(join(this.#path, 'blobs/sha256'), { recursive: true });
        const manifest = { descriptor: artifact.manifest, bytes: artifact.manifestBytes };
        for (const { descriptor, bytes } of [...artifact.blobs, manifest]) {
          await writeFileAtomically(join(this.#path, blobPath(descriptor.digest)), bytes, {
            existing: 'replace',
          });
        }
        await writeFileAtomically(join(this.#path, 'index.json'), index, { existing: 'replace' });
        await syncDirectory(this.#path);
        return 'written';
      });
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  #readIndex(): Promise<Buffer> {
    return readFile(join(this.#path, 'index.json'));
  }

  async #withFiles<T>(work: (files: FileSet) => Promise<T>): Promise<T> {
    const files = await openDirectory(this.#path, `oci:${this.#path}`);
    try {
      return await work(files);
    } finally {
      await files.close();
    }
  }
}
