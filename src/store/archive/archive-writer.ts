import { dirname } from 'node:path';
import { assembleImage } from '../../image/append.ts';
import type { ByteStream, Image } from '../../image/image.ts';
import type { ImageWriter, LayerKey, OpenWriterOptions, StoreResult } from '../../image/image-writer.ts';
import { mediaTypes } from '../../image/media-type.ts';
import { withOciMediaTypes } from '../../image/oci-media-types.ts';
import { verifiedStream } from '../../image/verified-stream.ts';
import { canonicalJson } from '../../json/canonical-json.ts';
import { type ImageName, showFullName, showImageName, withDefaultTag } from '../../reference/image-name.ts';
import type { DockerArchiveReference, OciArchiveReference } from '../../reference/image-reference.ts';
import { showReference } from '../../reference/image-reference.ts';
import { blobPath } from '../layout/oci-blobs.ts';
import { layoutVersion, newIndex } from '../layout/oci-index.ts';
import { nameAnnotation, tagAnnotation } from '../layout/oci-tags.ts';
import { abortable, throwIfAborted } from '../local/abort.ts';
import { checkArchivePath, publishArchive } from '../local/publish-archive.ts';
import { drain, teeStream } from '../local/tee-stream.ts';
import { TarSpool } from './tar-spool.ts';
import { verifiedTar } from './verified-tar.ts';

type ArchiveReference = OciArchiveReference | DockerArchiveReference;

/**
 * Opens a writer for a tar file. An oci-archive keeps the layers as they are, under OCI's media types; a docker-archive
 * has the shape of `docker save` since Engine 25, an OCI layout with a `manifest.json`, whose layers are uncompressed.
 * The same image gives the same bytes. Throws `not-found` or `unwritable` if the file cannot be made.
 */
export async function openArchiveWriter(
  reference: ArchiveReference,
  options: OpenWriterOptions,
): Promise<ImageWriter> {
  await checkArchivePath(reference.path);
  throwIfAborted(options.signal, reference.path);
  return new ArchiveWriter(reference, options, await TarSpool.create(dirname(reference.path)));
}

class ArchiveWriter implements ImageWriter {
  readonly #reference: ArchiveReference;
  readonly #options: OpenWriterOptions;
  #spool: TarSpool;

  constructor(reference: ArchiveReference, options: OpenWriterOptions, spool: TarSpool) {
    this.#reference = reference;
    this.#options = options;
    this.#spool = spool;
  }

  async hasLayer(layer: LayerKey): Promise<boolean> {
    return this.#spool.find(this.#pathOf(layer)) !== undefined;
  }

  teeLayer(layer: LayerKey, stored: ByteStream): ByteStream {
    const name = showReference(this.#reference);
    const source = abortable(verifiedStream(stored, layer.descriptor, name), this.#options.signal, name);
    const path = this.#pathOf(layer);
    if (this.#spool.find(path)) return source;
    return teeStream(source, (copy) =>
      this.#spool.addStream(path, this.#isDocker ? verifiedTar(copy, layer.diffId, name) : copy),
    );
  }

  async commit(image: Image): Promise<StoreResult> {
    for (const layer of image.layers) {
      if (!(await this.hasLayer(layer))) await drain(this.teeLayer(layer, layer.open()));
    }
    await this.#orderLayers(image);
    const stored = this.#isDocker ? this.#withTarLayers(image) : withOciMediaTypes(image);
    for (const [path, bytes] of this.#documentsOf(stored)) await this.#spool.addBytes(path, bytes);
    await this.#spool.finish();
    throwIfAborted(this.#options.signal, showReference(this.#reference));
    const outcome = await publishArchive(
      this.#spool.path,
      this.#reference.path,
      this.#options.force ?? false,
    );
    return { outcome, manifest: stored.manifest };
  }

  abort(): Promise<void> {
    return this.#spool.discard();
  }

  get #isDocker(): boolean {
    return this.#reference.kind === 'docker-archive';
  }

  #pathOf(layer: LayerKey): string {
    return blobPath(this.#isDocker ? layer.diffId : layer.descriptor.digest);
  }

  /** The bytes must not depend on the order in which layers came: if that was another one, the tar is copied. */
  async #orderLayers(image: Image): Promise<void> {
    const wanted = [...new Set(image.layers.map((layer) => this.#pathOf(layer)))];
    const { entries } = this.#spool;
    const isInOrder = entries.length === wanted.length && entries.every(({ name }, i) => name === wanted[i]);
    if (isInOrder && entries.every((entry) => entry.hasHeader)) return;
    const disordered = this.#spool;
    this.#spool = await TarSpool.create(dirname(this.#reference.path));
    try {
      for (const path of wanted) {
        const entry = disordered.find(path);
        if (entry) await this.#spool.addCopy(entry, disordered);
      }
    } finally {
      await disordered.discard();
    }
  }

  #withTarLayers(image: Image): Image {
    const layers = image.layers.map((layer) => ({
      ...layer,
      descriptor: {
        mediaType: mediaTypes.ociLayer,
        digest: layer.diffId,
        sizeBytes: this.#spool.find(this.#pathOf(layer))?.sizeBytes ?? 0,
      },
    }));
    const { name, config, configBytes } = image;
    return assembleImage({ name, config, configBytes, layers, isDocker: false });
  }

  #documentsOf(image: Image): readonly (readonly [string, Buffer])[] {
    const name = this.#nameInside();
    const config = blobPath(image.configDescriptor.digest);
    const layers = image.layers.map((layer) => this.#pathOf(layer));
    const repoTags = name && [showImageName(name)];
    const archived = canonicalJson([{ Config: config, RepoTags: repoTags ?? null, Layers: layers }]);
    return [
      [config, image.configBytes],
      [blobPath(image.manifest.digest), image.manifestBytes],
      ['index.json', newIndex({ ...image.manifest, annotations: this.#annotationsOf(name) })],
      ...(this.#isDocker ? [['manifest.json', archived] as const] : []),
      ['oci-layout', layoutVersion],
    ];
  }

  #nameInside(): ImageName | undefined {
    if (this.#reference.kind !== 'docker-archive') return undefined;
    const name = this.#reference.name ?? this.#options.archivedName;
    return name && withDefaultTag(name);
  }

  #annotationsOf(name: ImageName | undefined): Readonly<Record<string, string>> {
    if (name?.tag !== undefined) return { [nameAnnotation]: showFullName(name), [tagAnnotation]: name.tag };
    const tag = this.#reference.kind === 'oci-archive' ? this.#reference.tag : undefined;
    return tag === undefined ? {} : { [tagAnnotation]: tag };
  }
}
