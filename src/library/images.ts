import type { Digest } from '../base/digest.ts';
import type { HostEnvironment } from '../base/host-environment.ts';
import { countedStream } from '../base/progress.ts';
import { type Reporter, silentReporter } from '../base/reporter.ts';
import { beginsWith } from '../image/append.ts';
import type { Image, Layer } from '../image/image.ts';
import { type ImageWriter, type StoreResult, teeLayers } from '../image/image-writer.ts';
import { type ImageReference, parseReference, showReference } from '../reference/image-reference.ts';
import type { ImageScan } from '../scan/image-scan.ts';
import type { ContentObserver } from '../scan/layer-visitor.ts';
import { scanReporting } from '../scan/scan-reporting.ts';
import type { OpenedImage } from '../store/opened-image.ts';
import type { OpenOptions, StoreChoices } from '../store/store-options.ts';
import type { MeasurementStore } from '../workspace/scan-cache.ts';
import { openWorkspace, type SharedCacheChoice, type Workspace } from '../workspace/workspace.ts';
import { processHost } from './process-host.ts';

/** What {@link openImages} works with. Everything has a default: that of the process, and results only. */
export interface ImagesEnvironment extends StoreChoices {
  /** In place of what the process says: variables, directories, the signal that aborts. */
  readonly host?: Partial<HostEnvironment>;
  /** Gets notes, warnings and progress; by default they are dropped. */
  readonly reporter?: Reporter;
  /** False: nothing is kept between runs, and nothing of earlier ones is used. True by default. */
  readonly usesCache?: boolean;
  /** Indexes of layers that machines share, in registries or layouts, signed. None by default. */
  readonly sharedCache?: SharedCacheChoice;
}

/** How an image is stored. */
export interface StoreOptions {
  /** Replace another image of that name; false by default: that is an `exists` error. */
  readonly force?: boolean;
  /**
   * Images that the result shares layers with: their layers are stored as they are, and not sent where they are already.
   * By default, of `store`, those opened here whose layers the image begins with; of `openWriter`, none.
   */
  readonly sharedWith?: readonly OpenedImage[];
}

export interface ScanOptions {
  /** Gets every layer that it does not have yet, while it is read. Layers are then read one at a time. */
  readonly writer?: ImageWriter;
}

/**
 * All places where images lie: OCI layouts and archives, archives of `docker save`, Docker, Podman, registries. References
 * are written as in {@link parseReference}: `oci:DIR`, `docker-archive:FILE`, `docker://NAME`, or a bare name, which is the
 * Engine's if it has it, else the registry's. Every method throws a {@link GscError}.
 */
export interface Images {
  /** What enclaves measured, kept between runs: for `signImage`, which then measures no enclave twice. Not there without a cache. */
  readonly measurements: MeasurementStore | undefined;
  /** Opens an image. It is given back by {@link close}; no layer can be read after that. */
  open(reference: string | ImageReference, options?: OpenOptions): Promise<OpenedImage>;
  /** Lists what is in an image's layers, each read once, and what the cache has not at all. */
  scan(image: Image, options?: ScanOptions): Promise<ImageScan>;
  /**
   * Opens the place where a result goes; the caller commits or aborts. In a registry the layers that gsc adds are compressed.
   * A bare name is the Engine's.
   */
  openWriter(reference: string | ImageReference, options?: StoreOptions): Promise<ImageWriter>;
  /** Stores an image under a name: all of it or nothing. */
  store(image: Image, reference: string | ImageReference, options?: StoreOptions): Promise<StoreResult>;
  /** Gives back everything that was opened. */
  close(): Promise<void>;
}

const workspaces = new WeakMap<Images, Workspace>();

/** What an {@link Images} stands on, for the other functions of the library. Throws a TypeError for an object of another make. */
export function workspaceOf(images: Images): Workspace {
  const workspace = workspaces.get(images);
  if (workspace === undefined) throw new TypeError('expected what openImages gives, got another object');
  return workspace;
}

/** Opens all places of images. Nothing is connected or read before it is needed. Close it when the work is done. */
export function openImages(environment: ImagesEnvironment = {}): Images {
  const { host, reporter = silentReporter, usesCache = true, ...choices } = environment;
  const workspace = openWorkspace({ ...choices, host: { ...processHost(), ...host }, reporter, usesCache });
  const images = new WorkspaceImages(workspace);
  workspaces.set(images, workspace);
  return images;
}

/** Lists what is in an image's layers. `observer` sees their contents: then each is read, whatever is known of it. */
export async function scanLayers(
  images: Images,
  image: Image,
  { writer, observer }: ScanOptions & { readonly observer?: ContentObserver },
): Promise<ImageScan> {
  const { cache, host, reporter } = workspaceOf(images);
  if (observer === undefined) await cache.shared?.prefetch(image.layers);
  const { indexes } = cache.forScan;
  const readAll = { observer, ...(indexes && { indexes: { ...indexes, load: async () => undefined } }) };
  return scanReporting(writer ? await teeLayers(image, writer) : image, reporter, {
    ...cache.forScan,
    ...(observer && readAll),
    ...(writer && { concurrency: 1 }),
    signal: host.signal,
  });
}

class WorkspaceImages implements Images {
  readonly #workspace: Workspace;
  readonly #opened: OpenedImage[] = [];

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  get measurements(): MeasurementStore | undefined {
    return this.#workspace.cache.measurements;
  }

  async open(reference: string | ImageReference, options?: OpenOptions): Promise<OpenedImage> {
    const opened = await this.#workspace.images.open(toReference(reference), options);
    this.#opened.push(opened);
    return opened;
  }

  scan(image: Image, options: ScanOptions = {}): Promise<ImageScan> {
    return scanLayers(this, image, options);
  }

  async openWriter(reference: string | ImageReference, options: StoreOptions = {}): Promise<ImageWriter> {
    const { force = false, sharedWith = [] } = options;
    const place = toReference(reference);
    const opened = await this.#workspace.images.openWriter(place, { force, sharedWith });
    const writer = reporting(opened, this.#workspace.reporter, showReference(place));
    const stored = place.kind === 'registry' ? compressing(writer, sharedWith) : writer;
    return this.#keeping(stored);
  }

  async store(
    image: Image,
    reference: string | ImageReference,
    options: StoreOptions = {},
  ): Promise<StoreResult> {
    const sharedWith = this.#opened.filter((opened) => beginsWith(image, opened.image));
    const writer = await this.openWriter(reference, { sharedWith, ...options });
    try {
      return await writer.commit(image);
    } finally {
      await writer.abort();
    }
  }

  /** A writer that keeps the layers of no image that was opened here: those that gsc adds. */
  #keeping(writer: ImageWriter): ImageWriter {
    const { layers } = this.#workspace.cache;
    if (layers === undefined) return writer;
    const commit = async (image: Image) => {
      const result = await writer.commit(image);
      const known = layersOf(this.#opened);
      for (const layer of image.layers) if (!known.has(layer.diffId)) await layers.save(layer);
      return result;
    };
    return { ...forwarding(writer), commit };
  }

  async close(): Promise<void> {
    await this.#workspace.close();
  }
}

function toReference(reference: string | ImageReference): ImageReference {
  return typeof reference === 'string' ? parseReference(reference) : reference;
}

/** A writer that compresses the layers of no base; the small ones that gsc adds. */
function compressing(writer: ImageWriter, bases: readonly OpenedImage[]): ImageWriter {
  // By what is stored: a signature that is made again is compressed again, to the same blob.
  const known = new Set(
    bases.flatMap(({ image }) => image.layers.map(({ descriptor }) => descriptor.digest)),
  );
  const isNew = ({ descriptor }: Layer) => !known.has(descriptor.digest);
  const commit = async (image: Image) => {
    const { compressLayers } = await import('../layer/compress-layers.ts');
    return writer.commit(await compressLayers(image, isNew));
  };
  return { ...forwarding(writer), commit };
}

function forwarding(writer: ImageWriter): ImageWriter {
  return {
    hasLayer: (layer) => writer.hasLayer(layer),
    teeLayer: (layer, stored) => writer.teeLayer(layer, stored),
    commit: (image) => writer.commit(image),
    abort: () => writer.abort(),
  };
}

function layersOf(opened: readonly OpenedImage[]): ReadonlySet<Digest> {
  return new Set(opened.flatMap(({ image }) => image.layers.map((layer) => layer.diffId)));
}

/** A writer that says how far the storing of an image's layers is. */
function reporting(writer: ImageWriter, reporter: Reporter, name: string): ImageWriter {
  const commit = async (image: Image) => {
    const parts = image.layers.map(({ descriptor: { digest, sizeBytes } }) => ({ name: digest, sizeBytes }));
    const work = reporter.begin({ kind: 'store', verb: 'storing', subject: name, parts, partNoun: 'layer' });
    // Layers are stored in their order: those before the one that is sent were there.
    const open = (layer: Layer, part: number) => {
      for (let before = 0; before < part; before++) work.finish(before);
      return countedStream(layer.open(), work, part);
    };
    const layers = image.layers.map((layer, part) => ({ ...layer, open: () => open(layer, part) }));
    try {
      return await writer.commit({ ...image, layers });
    } finally {
      work.end();
    }
  };
  return { ...forwarding(writer), commit };
}
