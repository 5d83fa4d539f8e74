import type { Digest } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import { once } from '../../base/once.ts';
import type { ByteStream, Image, Layer } from '../../image/image.ts';
import type { ImageWriter, LayerKey, StoreResult } from '../../image/image-writer.ts';
import { verifiedStream } from '../../image/verified-stream.ts';
import { type ImageId, type ImageName, showImageName } from '../../reference/image-name.ts';
import { TarSpool } from '../archive/tar-spool.ts';
import { blobPath } from '../layout/oci-blobs.ts';
import { abortable, throwIfAborted } from '../local/abort.ts';
import { imageExists } from '../local/publish-archive.ts';
import { teeStream } from '../local/tee-stream.ts';
import type { Engine } from './engine.ts';
import { failureError } from './engine-error.ts';
import { imageArchive } from './image-archive.ts';
import { type ImageFacts, inspectEngineImage, inspectStored, storedName } from './image-facts.ts';
import { type ImageRecordStore, recordOfLoaded } from './image-record.ts';
import { commonDepth, findChains, type LayerChains } from './known-layers.ts';
import { loadArchive } from './load-archive.ts';
import { nameImage } from './name-image.ts';
import { removeNameless } from './remove-images.ts';
import { takesThinArchives } from './thin-archives.ts';

export interface EngineWriterOptions {
  /** Let the name go to another image. */
  readonly force?: boolean;
  /**
   * The diffIds of an image that this Engine has, lowest first: the one that the result is based on. Without it the
   * Engine is asked for the layers of all its images.
   */
  readonly base?: readonly Digest[];
  /** Where layers are kept that come before the commit; default `/var/tmp`. */
  readonly temporaryDirectory?: string;
  readonly signal?: AbortSignal;
  /** Gets the record of what is stored, so that it need not be exported to be read again. */
  readonly records?: ImageRecordStore;
}

/** As in skopeo and podman: `/tmp` is often kept in memory. */
const defaultDirectory = '/var/tmp';

/**
 * Opens a writer for a name in an Engine. Layers that the Engine has are left out of what is sent, where it allows that;
 * the name is given last, so that a load that breaks leaves it as it was. Throws `usage` if the name holds a digest,
 * `engine`, `aborted`.
 */
export async function openEngineWriter(
  engine: Engine,
  image: ImageName | ImageId,
  options: EngineWriterOptions = {},
): Promise<ImageWriter> {
  const name = storedName(engine, image);
  throwIfAborted(options.signal, showImageName(name));
  return new EngineWriter(engine, name, options);
}

/** The layers that may be left out of what is sent. */
async function knownChains(engine: Engine, base: readonly Digest[] | undefined): Promise<LayerChains> {
  if (!(await takesThinArchives(engine))) return [];
  return base ? [base] : findChains(engine);
}

class EngineWriter implements ImageWriter {
  readonly #engine: Engine;
  readonly #name: ImageName;
  readonly #options: EngineWriterOptions;
  /** Asked for when a layer is to be sent: for a result that is there it is not needed. */
  readonly #chains: () => Promise<LayerChains>;
  #spool: Promise<TarSpool> | undefined;
  readonly #kept = new Set<Digest>();

  constructor(engine: Engine, name: ImageName, options: EngineWriterOptions) {
    this.#engine = engine;
    this.#name = name;
    this.#options = options;
    this.#chains = once(() => knownChains(engine, options.base));
  }

  async hasLayer({ descriptor, diffId }: LayerKey): Promise<boolean> {
    if (this.#kept.has(descriptor.digest)) return true;
    return (await this.#chains()).some((chain) => chain.includes(diffId));
  }

  teeLayer({ descriptor }: LayerKey, stored: ByteStream): ByteStream {
    const name = this.#shown;
    const source = abortable(verifiedStream(stored, descriptor, name), this.#options.signal, name);
    if (this.#kept.has(descriptor.digest)) return source;
    return teeStream(source, async (copy) => {
      this.#spool ??= TarSpool.create(this.#options.temporaryDirectory ?? defaultDirectory, 0o600);
      const spool = await this.#spool;
      await spool.addStream(blobPath(descriptor.digest), copy);
      this.#kept.add(descriptor.digest);
    });
  }

  async commit(image: Image): Promise<StoreResult> {
    const result = { manifest: image.manifest };
    const named = await this.#checkName(image);
    const stored = named ?? (await this.#storeAndName(image));
    await this.#record(image, stored.id);
    return { ...result, outcome: named ? 'unchanged' : 'written' };
  }

  async #record(image: Image, id: Digest): Promise<void> {
    const { records } = this.#options;
    const record = recordOfLoaded(image, id);
    if (records && record && !(await records.load(id))?.equals(record)) await records.save(id, record);
  }

  async #storeAndName(image: Image): Promise<ImageFacts> {
    const known = await this.#find(image);
    try {
      const stored = known ?? (await this.#load(image));
      // Loading takes a while: another process may have taken the name.
      if (!(await this.#checkName(image)))
        await nameImage(this.#engine, stored.id, { name: this.#name, shown: this.#shown });
      return stored;
    } catch (error) {
      if (!known) await this.#takeBack(image);
      throw error;
    }
  }

  async abort(): Promise<void> {
    const spool = this.#spool;
    this.#spool = undefined;
    this.#kept.clear();
    await (await spool?.catch(() => undefined))?.discard();
  }

  get #shown(): string {
    return `${this.#engine.subject}: ${showImageName(this.#name)}`;
  }

  /** The image if it has the name already; undefined if the name is to be given to it. */
  async #checkName(image: Image): Promise<ImageFacts | undefined> {
    throwIfAborted(this.#options.signal, this.#shown);
    const existing = await inspectStored(this.#engine, this.#name);
    if (existing && idsOf(image).includes(existing.id)) return existing;
    if (!existing || this.#options.force) return undefined;
    throw imageExists(
      this.#shown,
      `the name belongs to another image, ${existing.id}; it is not replaced by ${image.configDescriptor.digest}`,
    );
  }

  /** What was loaded does not stay without its name. Why that was not given counts, not that an Engine cannot remove it. */
  async #takeBack(image: Image): Promise<void> {
    await removeNameless(this.#engine, idsOf(image)).catch((error: unknown) => {
      if (!(error instanceof GscError)) throw error;
    });
  }

  /** The image, if the Engine has it under whatever name or none. */
  async #find(image: Image): Promise<ImageFacts | undefined> {
    for (const digest of idsOf(image)) {
      const facts = await inspectEngineImage(this.#engine, { kind: 'id', digest });
      if (facts) return facts;
    }
    return undefined;
  }

  async #load(image: Image): Promise<ImageFacts> {
    const diffIds = image.layers.map((layer) => layer.diffId);
    const depth = commonDepth(diffIds, await this.#chains());
    let outcome = await this.#send(image, depth);
    // The base may have been removed meanwhile, or the Engine be of a kind that wants it all.
    if (outcome.kind === 'refused' && depth > 0) outcome = await this.#send(image, 0);
    if (outcome.kind === 'refused') throw failureError(this.#shown, 'load the image', outcome.said);
    const stored = await this.#find(image);
    if (stored?.diffIds.join() === diffIds.join()) return stored;
    throw failureError(
      this.#shown,
      'load the image',
      `the Engine reports success, but has no image ${idsOf(image).join(' or ')} with these layers`,
    );
  }

  async #send(image: Image, leftOut: number) {
    const spool = await this.#spool;
    const open = (layer: Layer): ByteStream => {
      const entry = spool?.find(blobPath(layer.descriptor.digest));
      return entry && spool ? spool.read(entry) : layer.open();
    };
    return loadArchive(this.#engine, () =>
      abortable(imageArchive(image, { leftOut, open }), this.#options.signal, this.#shown),
    );
  }
}

/** An Engine calls an image by its config; one that keeps images in containerd, by its manifest. */
function idsOf({ configDescriptor, manifest }: Image): readonly Digest[] {
  return [configDescriptor.digest, manifest.digest];
}
