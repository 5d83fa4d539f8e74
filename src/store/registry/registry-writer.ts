import type { Digest } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type { ByteStream, Image } from '../../image/image.ts';
import type { ImageWriter, LayerKey, StoreResult } from '../../image/image-writer.ts';
import { verifiedStream } from '../../image/verified-stream.ts';
import { type ImageName, showFullName, withDefaultTag } from '../../reference/image-name.ts';
import { hasBlob } from './blob-presence.ts';
import { newUpload, uploadBlob } from './blob-upload.ts';
import { findManifest, putManifest } from './manifest-request.ts';
import type { RegistryImage } from './open-registry-image.ts';
import { RegistryRefusal } from './registry-error.ts';
import { type RegistrySession, type Repository, repositoryOf, showRepository } from './registry-session.ts';
import { Attempts } from './retry.ts';
import { teeUpload } from './tee-upload.ts';
import {
  type BlobTarget,
  cancelUpload,
  findUpload,
  mountBlob,
  type UploadSession,
} from './upload-session.ts';

/** An image whose blobs may be taken over inside the registry. */
export type MountSource = Pick<RegistryImage, 'repository' | 'layers' | 'configDescriptor'>;

export interface RegistryWriterOptions {
  /** Let the tag go to another image. */
  readonly force?: boolean;
  /** Images in registries that the new one shares layers with: where it is the same registry, blobs are mounted. */
  readonly mountFrom?: readonly MountSource[];
}

/**
 * Writes one image to a repository, under its tag (default `latest`) or, if the name has a digest alone, under that.
 * Blobs that the repository has are not sent, those of `mountFrom` are mounted, the manifest goes last. The methods
 * throw `registry` and `blob` errors.
 */
export function openRegistryWriter(
  session: RegistrySession,
  name: ImageName,
  options: RegistryWriterOptions = {},
): ImageWriter {
  return new RegistryWriter(session, withDefaultTag(name), options);
}

/** An upload that was begun for a blob. */
interface BegunUpload {
  readonly place: BlobTarget;
  readonly upload: UploadSession;
  /** Bytes were sent: how many arrived is for the registry to say. */
  readonly isUsed: boolean;
}

class RegistryWriter implements ImageWriter {
  readonly #session: RegistrySession;
  readonly #name: ImageName;
  readonly #repository: Repository;
  readonly #options: RegistryWriterOptions;
  readonly #stored = new Set<Digest>();
  readonly #uploads = new Map<Digest, BegunUpload>();

  constructor(session: RegistrySession, name: ImageName, options: RegistryWriterOptions) {
    this.#session = session;
    this.#name = name;
    this.#repository = repositoryOf(name);
    this.#options = options;
  }

  hasLayer({ descriptor }: LayerKey): Promise<boolean> {
    return this.#has(descriptor);
  }

  async *teeLayer({ descriptor }: LayerKey, stored: ByteStream): ByteStream {
    const verified = verifiedStream(stored, descriptor, showRepository(this.#repository));
    if (this.#stored.has(descriptor.digest)) return yield* verified;
    const place = this.#placeOf(descriptor);
    const upload = (await this.#begunUpload(place)) ?? (await newUpload(place));
    this.#uploads.set(descriptor.digest, { place, upload, isUsed: true });
    yield* teeUpload(place, verified, upload, (outcome) => {
      if (outcome === 'stored') this.#keep(descriptor.digest);
    });
  }

  async commit(image: Image): Promise<StoreResult> {
    const { tag, digest } = this.#name;
    this.#checkDigest(image);
    const reference = tag ?? digest ?? '';
    const { manifest } = image;
    if ((await this.#checkName(reference, image)) === 'unchanged') return { outcome: 'unchanged', manifest };
    await this.#ensureAll(image);
    // Uploading takes a while: another process may have made the tag.
    if ((await this.#checkName(reference, image)) === 'written') await this.#putManifest(reference, image);
    return { outcome: 'written', manifest };
  }

  async abort(): Promise<void> {
    const uploads = [...this.#uploads.values()];
    this.#uploads.clear();
    await Promise.all(uploads.map(({ place, upload }) => cancelUpload(place, upload)));
  }

  /** Whether the manifest should be stored, or exists already. */
  async #checkName(reference: string, image: Image): Promise<StoreResult['outcome']> {
    const existing = await findManifest(this.#session, this.#repository, reference);
    if (existing?.digest === image.manifest.digest) return 'unchanged';
    if (!existing || this.#options.force) return 'written';
    throw this.#existsError(existing.digest, image);
  }

  async #ensureAll(image: Image): Promise<void> {
    for (const layer of image.layers) await this.#ensure(layer.descriptor, () => layer.open());
    await this.#ensure(image.configDescriptor, () => once(image.configBytes));
  }

  /**
   * A registry may not see a blob that it has: for a moment, while another push links the same one, or because it collects
   * garbage. Its refusal is answered by looking for all blobs once more.
   */
  async #putManifest(reference: string, image: Image): Promise<void> {
    const attempts = new Attempts(this.#session.settings);
    for (;;) {
      try {
        return await putManifest(this.#session, this.#repository, reference, image);
      } catch (error) {
        if (!lacksBlobs(error) || !(await attempts.another())) throw error;
      }
      this.#stored.clear();
      await this.#ensureAll(image);
    }
  }

  async #ensure(descriptor: Descriptor, open: () => ByteStream): Promise<void> {
    if (await this.#has(descriptor)) return;
    const place = this.#placeOf(descriptor);
    await uploadBlob(place, open, await this.#begunUpload(place));
    this.#keep(descriptor.digest);
  }

  /** True if the repository has the blob, or got it from another one just now. */
  async #has(descriptor: Descriptor): Promise<boolean> {
    const { digest } = descriptor;
    if (this.#stored.has(digest)) return true;
    const place = this.#placeOf(descriptor);
    const begun = this.#uploads.get(digest);
    const isThere = begun ? await isComplete(begun) : (await hasBlob(place)) || (await this.#mount(place));
    if (isThere) this.#keep(digest);
    return isThere;
  }

  async #mount(place: BlobTarget): Promise<boolean> {
    for (const repository of this.#sourcesOf(place.descriptor)) {
      const start = await mountBlob(place, repository);
      if (start?.kind === 'stored') return true;
      if (start === undefined) continue;
      // The registry would rather have the bytes; its upload serves, and a second one is not begun.
      this.#uploads.set(place.descriptor.digest, { place, upload: start.upload, isUsed: false });
      return false;
    }
    return false;
  }

  /** The upload that was begun for a blob, as far as it came. */
  async #begunUpload(place: BlobTarget): Promise<UploadSession | undefined> {
    const begun = this.#uploads.get(place.descriptor.digest);
    return begun?.isUsed ? findUpload(place, begun.upload) : begun?.upload;
  }

  /** Other repositories of this registry that have the blob. */
  #sourcesOf({ digest }: Descriptor): readonly Repository[] {
    const { domain, path } = this.#repository;
    return (this.#options.mountFrom ?? [])
      .filter(({ repository }) => repository.domain === domain && repository.path !== path)
      .filter(({ layers, configDescriptor }) =>
        [configDescriptor, ...layers.map((layer) => layer.descriptor)].some((blob) => blob.digest === digest),
      )
      .map(({ repository }) => repository);
  }

  #keep(digest: Digest): void {
    this.#stored.add(digest);
    this.#uploads.delete(digest);
  }

  #placeOf(descriptor: Descriptor): BlobTarget {
    return { session: this.#session, repository: this.#repository, descriptor };
  }

  #checkDigest({ manifest }: Image): void {
    const { digest } = this.#name;
    if (digest === undefined || digest === manifest.digest) return;
    throw new GscError({
      code: 'usage',
      subject: showFullName(this.#name),
      message: `the name has the digest ${digest}, but the image has ${manifest.digest}`,
      hint: 'name the result by a tag',
    });
  }

  #existsError(existing: Digest, image: Image): GscError {
    return new GscError({
      code: 'exists',
      subject: showFullName(this.#name),
      message: `the tag names another image, ${existing}; it is not replaced by ${image.manifest.digest}`,
      hint: 'choose another name, or use --force to replace it',
    });
  }
}

/** OCI distribution-spec 1.1, "Error Codes": the first is what registries say about the blobs of a manifest. */
function lacksBlobs(error: unknown): boolean {
  const codes = error instanceof RegistryRefusal ? error.reported : [];
  return codes.includes('MANIFEST_BLOB_UNKNOWN') || codes.includes('BLOB_UNKNOWN');
}

/** The repository did not have the blob when the upload was begun; what was sent may have arrived, and the answer got lost. */
async function isComplete({ place, isUsed }: BegunUpload): Promise<boolean> {
  return isUsed && (await hasBlob(place));
}

async function* once(bytes: Buffer): ByteStream {
  yield bytes;
}
