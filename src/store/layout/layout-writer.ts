import { mkdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeError, writeFileAtomically } from '../../base/atomic-file.ts';
import type { Digest } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type { ByteStream, Image } from '../../image/image.ts';
import type { ImageWriter, LayerKey, OpenWriterOptions, StoreResult } from '../../image/image-writer.ts';
import { withOciMediaTypes } from '../../image/oci-media-types.ts';
import { verifiedStream } from '../../image/verified-stream.ts';
import { type OciLayoutReference, showReference } from '../../reference/image-reference.ts';
import { abortable, throwIfAborted } from '../local/abort.ts';
import { openDirectory } from '../local/directory-files.ts';
import type { FileSet } from '../local/file-set.ts';
import { withLock } from '../local/lock-file.ts';
import { imageExists } from '../local/publish-archive.ts';
import { stageFile } from '../local/staged-file.ts';
import { syncDirectory } from '../local/sync-directory.ts';
import { drain, teeStream } from '../local/tee-stream.ts';
import { ignoring } from '../local/temporary-file.ts';
import { prepareLayoutDirectory } from './layout-directory.ts';
import { blobPath } from './oci-blobs.ts';
import { addToIndex, layoutVersion } from './oci-index.ts';

/**
 * Opens a writer for an OCI layout directory, which is made if need be. Blobs wait under temporary names until the
 * commit; the index is changed under a lock, so that several processes may add images at once. An image with Docker's
 * media types gets OCI's. Throws `not-found` if the parent directory is missing, `unwritable` if the directory holds
 * something else.
 */
export async function openLayoutWriter(
  reference: OciLayoutReference,
  options: OpenWriterOptions,
): Promise<ImageWriter> {
  const { path } = reference;
  throwIfAborted(options.signal, path);
  const isNew = await prepareLayoutDirectory(path);
  const files = await openDirectory(path, showReference(reference));
  return new LayoutWriter({ reference, options, files, isNew });
}

/** The file under whose lock the index of a layout is changed. */
export function layoutLock(path: string): string {
  return join(path, '.gsc-lock.tmp');
}

interface LayoutTarget {
  readonly reference: OciLayoutReference;
  readonly options: OpenWriterOptions;
  readonly files: FileSet;
  readonly isNew: boolean;
}

class LayoutWriter implements ImageWriter {
  readonly #reference: OciLayoutReference;
  readonly #options: OpenWriterOptions;
  readonly #files: FileSet;
  /** True until something is committed, if the directory was made for this image. */
  #isNew: boolean;
  readonly #staged = new Map<Digest, string>();
  readonly #verified = new Set<Digest>();

  constructor(target: LayoutTarget) {
    this.#reference = target.reference;
    this.#options = target.options;
    this.#files = target.files;
    this.#isNew = target.isNew;
  }

  hasLayer({ descriptor }: LayerKey): Promise<boolean> {
    return this.#hasBlob(descriptor);
  }

  teeLayer({ descriptor }: LayerKey, stored: ByteStream): ByteStream {
    const name = showReference(this.#reference);
    const source = abortable(verifiedStream(stored, descriptor, name), this.#options.signal, name);
    return teeStream(source, (copy) => this.#stage(descriptor.digest, copy));
  }

  async commit(given: Image): Promise<StoreResult> {
    const image = withOciMediaTypes(given);
    for (const layer of image.layers) {
      if (!(await this.hasLayer(layer))) await drain(this.teeLayer(layer, layer.open()));
    }
    await this.#stageBytes(image.configDescriptor, image.configBytes);
    await this.#stageBytes(image.manifest, image.manifestBytes);
    throwIfAborted(this.#options.signal, showReference(this.#reference));
    try {
      return await withLock(layoutLock(this.#reference.path), () => this.#publish(image), this.#options);
    } catch (error) {
      throw writeError(this.#reference.path, error);
    }
  }

  async abort(): Promise<void> {
    for (const temporary of this.#staged.values()) await rm(temporary, { force: true });
    this.#staged.clear();
    // Another process may have put an image into the new directory.
    if (this.#isNew) await rmdir(this.#reference.path).catch(ignoring('ENOTEMPTY', 'EEXIST', 'ENOENT'));
  }

  async #hasBlob(descriptor: Descriptor): Promise<boolean> {
    const { digest } = descriptor;
    if (this.#staged.has(digest) || this.#verified.has(digest)) return true;
    const path = blobPath(digest);
    if ((await this.#files.sizeOf(path)) !== descriptor.sizeBytes) return false;
    try {
      await drain(verifiedStream(this.#files.open(path), descriptor, this.#files.name));
    } catch (error) {
      // A damaged blob counts as missing: the commit puts a whole one in its place.
      if (error instanceof GscError && error.code === 'blob') return false;
      throw error;
    }
    this.#verified.add(digest);
    return true;
  }

  async #stageBytes(descriptor: Descriptor, bytes: Buffer): Promise<void> {
    if (await this.#hasBlob(descriptor)) return;
    await drain(
      teeStream(verifiedStream(pieces(bytes), descriptor, this.#files.name), (copy) =>
        this.#stage(descriptor.digest, copy),
      ),
    );
  }

  async #stage(digest: Digest, content: ByteStream): Promise<void> {
    const { path } = this.#reference;
    const temporary = await stageFile(path, content);
    const former = this.#staged.get(digest);
    if (former !== undefined) await rm(former, { force: true });
    this.#staged.set(digest, temporary);
  }

  /** Runs under the lock: first decides, then moves the blobs, last the index. */
  async #publish(image: Image): Promise<StoreResult> {
    const { path, tag } = this.#reference;
    const manifest = image.manifest;
    const subject = showReference(this.#reference);
    const change = addToIndex(
      await readFile(join(path, 'index.json')).catch(ignoring('ENOENT')),
      { manifest, tag },
      { force: this.#options.force ?? false, subject: `${subject}: index.json` },
    );
    if (change.kind === 'taken') throw imageExists(subject, `another image has this name: ${change.digest}`);
    const moved = await this.#moveBlobs(image);
    if (change.kind === 'unchanged') return { outcome: moved > 0 ? 'written' : 'unchanged', manifest };
    await writeFileAtomically(join(path, 'oci-layout'), layoutVersion, { existing: 'replace' });
    await writeFileAtomically(join(path, 'index.json'), change.bytes, { existing: 'replace' });
    await syncDirectory(path);
    return { outcome: 'written', manifest };
  }

  /** Blobs that were staged and are not part of the image stay behind, for `abort`. */
  async #moveBlobs(image: Image): Promise<number> {
    const { path } = this.#reference;
    const blobs = [...image.layers.map((layer) => layer.descriptor), image.configDescriptor, image.manifest];
    const staged = new Map(blobs.map(({ digest }) => [digest, this.#staged.get(digest)]));
    let moved = 0;
    await mkdir(join(path, 'blobs/sha256'), { recursive: true });
    this.#isNew = false;
    for (const [digest, temporary] of staged) {
      if (temporary === undefined) continue;
      await rename(temporary, join(path, blobPath(digest)));
      this.#staged.delete(digest);
      moved++;
    }
    await syncDirectory(join(path, 'blobs/sha256'));
    await this.#checkComplete(blobs);
    return moved;
  }

  /** Another program may have removed a blob since it was verified (`umoci gc`). */
  async #checkComplete(blobs: readonly Descriptor[]): Promise<void> {
    for (const { digest } of blobs) {
      if ((await this.#files.sizeOf(blobPath(digest))) !== undefined) continue;
      throw new GscError({
        code: 'unwritable',
        subject: `${this.#files.name}: blob ${digest}`,
        message: 'another program removed this blob in the meantime',
        hint: 'try again',
      });
    }
  }
}

async function* pieces(bytes: Buffer): ByteStream {
  yield bytes;
}
