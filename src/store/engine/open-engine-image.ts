import type { Digest } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type { ByteStream, Image, Layer } from '../../image/image.ts';
import { runsOnSgx, wrongPlatform } from '../../image/select-platform.ts';
import type { StoredImage } from '../../image/stored-image.ts';
import type { ImageId, ImageName } from '../../reference/image-name.ts';
import { showReference } from '../../reference/image-reference.ts';
import type { Engine } from './engine.ts';
import { type ExportedImage, type ExportOptions, exportImage, listExport } from './image-export.ts';
import { findImage, type ImageFacts, inspectEngineImage } from './image-facts.ts';
import { decodeRecord, encodeImageRecord, type ImageRecordStore } from './image-record.ts';
import { readImageFiles } from './read-image-files.ts';
import { takesThinArchives } from './thin-archives.ts';

/** An image in an Engine. Closing it removes what was exported; the Engine stays connected. */
export interface EngineImage extends StoredImage {
  readonly engine: Engine;
  /** The Engine's own name for the image. */
  readonly id: Digest;
}

export interface OpenEngineImageOptions extends ExportOptions {
  /** Without it, or for an image that it does not know, the image is exported now. */
  readonly records?: ImageRecordStore;
  /** The layers are only listed, as far as the caller knows: an export for that is not kept. One that is read exports the image again. */
  readonly isListed?: boolean;
}

/**
 * Opens an image of an Engine, for linux/amd64. An image that was exported before is known by its record: then nothing
 * is exported until a layer is read. Known or not, the result is the same. Of a tag and a digest the digest decides; one that
 * the Engine does not know has to be that of the tag's image, as gsc prints it. The caller closes it. Throws `not-found` with
 * near names, `engine`, `platform`, `image`, `blob` or `aborted`.
 */
export async function openEngineImage(
  engine: Engine,
  image: ImageName | ImageId,
  options: OpenEngineImageOptions = {},
): Promise<EngineImage> {
  const kind = engine.kind === 'podman' ? 'containers-storage' : 'docker-daemon';
  const name = showReference({ kind, image });
  const named = await inspectEngineImage(engine, image);
  const facts = named ?? (await findImage(engine, withoutDigest(image)));
  if (!runsOnSgx(facts)) throw wrongPlatform(name, [`${facts.os}/${facts.architecture}`]);
  const source = new LazyExport(engine, facts, { ...options, name });
  try {
    const known = await knownImage(facts, source, { ...options, name });
    const found = known ?? (await exportNow(source, facts, { ...options, name }));
    if (!named) checkDigest(found, image, name);
    return {
      ...found,
      name,
      engine,
      id: facts.id,
      names: facts.names,
      notes: [],
      warnings: [],
      readSingleFiles: async (paths) =>
        source.isAtHand
          ? undefined
          : readImageFiles(engine, { kind: 'id', digest: facts.id }, paths).catch(unlessRefused),
      close: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** An Engine may let users read images and make no containers of them, and makes none of some images: their export has the files too. */
function unlessRefused(error: unknown): undefined {
  if (!(error instanceof GscError) || error.code !== 'engine') throw error;
}

/** Engines know few of the digests that their images have: a classic Docker Engine those of images that it pulled. */
function withoutDigest(image: ImageName | ImageId): ImageName | ImageId {
  if (image.kind === 'id' || image.tag === undefined) return image;
  const { digest: _, ...tagged } = image;
  return tagged;
}

function checkDigest({ manifest, configDescriptor }: Image, image: ImageName | ImageId, name: string): void {
  const { digest } = image;
  if (digest === manifest.digest || digest === configDescriptor.digest) return;
  throw new GscError({
    code: 'not-found',
    subject: name,
    message: `the Engine knows no image by the digest ${digest}, and the tag names another image: ${manifest.digest}, image ID ${configDescriptor.digest}`,
    hint: 'leave the digest out, or name the image by its ID',
  });
}

async function knownImage(
  facts: ImageFacts,
  source: LazyExport,
  { records, name }: OpenEngineImageOptions & { readonly name: string },
): Promise<Image | undefined> {
  const bytes = await records?.load(facts.id);
  if (!bytes) return undefined;
  return decodeRecord(bytes, { name, diffIds: facts.diffIds }, ({ descriptor }, index) =>
    source.openLayer(index, descriptor),
  );
}

async function exportNow(
  source: LazyExport,
  facts: ImageFacts,
  { records, isListed }: OpenEngineImageOptions & { readonly name: string },
): Promise<Image> {
  const image = (isListed && (await source.list())) || (await source.get()).image;
  await records?.save(facts.id, encodeImageRecord(image));
  return image;
}

/** The export of an image, made when it is first needed and kept for all layers. */
class LazyExport {
  readonly #engine: Engine;
  readonly #facts: ImageFacts;
  readonly #options: ExportOptions & { readonly name: string };
  #exported: Promise<ExportedImage> | undefined;
  #isClosed = false;

  constructor(engine: Engine, facts: ImageFacts, options: ExportOptions & { readonly name: string }) {
    this.#engine = engine;
    this.#facts = facts;
    this.#options = options;
  }

  /** The image without the bytes of its layers; undefined if they cannot be listed as they come. */
  async list(): Promise<Image | undefined> {
    const { listen } = this.#options;
    if (listen === undefined || !(await takesThinArchives(this.#engine))) return undefined;
    const listed = await listExport(this.#engine, this.#facts, { ...this.#options, listen });
    await listed?.close();
    return listed && { ...listed.image, layers: listed.image.layers.map(this.#openedLater) };
  }

  readonly #openedLater = (layer: Layer, index: number): Layer => ({
    ...layer,
    open: () => this.openLayer(index, layer.descriptor),
  });

  get isAtHand(): boolean {
    return this.#exported !== undefined;
  }

  get(): Promise<ExportedImage> {
    if (this.#isClosed) throw new RangeError(`${this.#options.name} is closed`);
    this.#exported ??= exportImage(this.#engine, this.#facts, this.#options);
    return this.#exported;
  }

  async *openLayer(index: number, expected: Descriptor): ByteStream {
    const { image } = await this.get();
    const layer = image.layers[index] as Layer;
    if (layer.descriptor.digest === expected.digest) return yield* layer.open();
    throw new GscError({
      code: 'image',
      subject: this.#options.name,
      message: `the Engine exports the layer in a different form than before: expected ${expected.digest}, got ${layer.descriptor.digest}`,
      hint: 'run the command again with --no-cache',
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const exported = await this.#exported?.catch(() => undefined);
    await exported?.close();
  }
}
