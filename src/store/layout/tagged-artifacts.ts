import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeError, writeFileAtomically } from '../../base/atomic-file.ts';
import { readError } from '../../base/read-file.ts';
import type { StoredArtifact } from '../../image/artifact.ts';
import { artifactOf } from '../../image/read-artifact.ts';
import { readReferrers } from '../../image/referrers-index.ts';
import type { TaggedArtifact, TaggedArtifacts } from '../../image/tagged-artifacts.ts';
import { verifiedStream } from '../../image/verified-stream.ts';
import { openDirectory } from '../local/directory-files.ts';
import type { FileSet } from '../local/file-set.ts';
import { withLock } from '../local/lock-file.ts';
import { syncDirectory } from '../local/sync-directory.ts';
import { ignoring } from '../local/temporary-file.ts';
import { prepareLayoutDirectory } from './layout-directory.ts';
import { layoutLock } from './layout-writer.ts';
import { blobPath, readBlob } from './oci-blobs.ts';
import { addToIndex, layoutVersion } from './oci-index.ts';
import { tagAnnotation } from './oci-tags.ts';

/** Artifacts by tag in an OCI layout, which is made when the first one is stored. */
export class LayoutArtifacts implements TaggedArtifacts {
  readonly #path: string;

  /** `path` is the directory of the layout. */
  constructor(path: string) {
    this.#path = path;
  }

  get name(): string {
    return `oci:${this.#path}`;
  }

  async find(tag: string): Promise<TaggedArtifact | undefined> {
    const index = await this.#readIndex();
    if (index === undefined) return undefined;
    const listed = readReferrers(index, this.#indexName);
    const entry = listed.find(({ annotations }) => annotations[tagAnnotation] === tag);
    if (entry === undefined) return undefined;
    const manifest = await this.#withFiles((files) => readBlob(files, entry.descriptor));
    return this.#artifact(manifest, tag);
  }

  async put(tag: string, { blobs, manifest, manifestBytes }: StoredArtifact): Promise<void> {
    await prepareLayoutDirectory(this.#path);
    try {
      await withLock(layoutLock(this.#path), async () => {
        const options = { force: true, subject: this.#indexName };
        const change = addToIndex(await this.#readIndex(), { manifest, tag }, options);
        await mkdir(join(this.#path, 'blobs/sha256'), { recursive: true });
        for (const { descriptor, bytes } of [...blobs, { descriptor: manifest, bytes: manifestBytes }])
          await this.#write(blobPath(descriptor.digest), bytes);
        if (change.kind !== 'changed') return;
        await this.#write('oci-layout', layoutVersion);
        await this.#write('index.json', change.bytes);
        await syncDirectory(this.#path);
      });
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  get #indexName(): string {
    return `${this.#path}: index.json`;
  }

  #write(name: string, bytes: Buffer): Promise<void> {
    return writeFileAtomically(join(this.#path, name), bytes, { existing: 'replace' });
  }

  #readIndex(): Promise<Buffer | undefined> {
    return readFile(join(this.#path, 'index.json'))
      .catch(ignoring('ENOENT'))
      .catch((error: unknown) => {
        throw readError(this.#indexName, 'index of the layout', error);
      });
  }

  #artifact(manifest: Buffer, tag: string): TaggedArtifact {
    const artifact = artifactOf(manifest, `${this.name}: tag ${tag}`, async function* () {});
    const read = () =>
      this.#withFiles(async (files) => {
        const opened = artifactOf(manifest, this.name, (content) =>
          verifiedStream(files.open(blobPath(content.digest)), content, files.name),
        );
        return opened.read();
      });
    return { ...artifact, read };
  }

  async #withFiles<T>(work: (files: FileSet) => Promise<T>): Promise<T> {
    const files = await openDirectory(this.#path, this.name);
    try {
      return await work(files);
    } finally {
      await files.close();
    }
  }
}
