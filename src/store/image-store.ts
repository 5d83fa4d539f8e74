import { type Digest, hexOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import type { HostEnvironment } from '../base/host-environment.ts';
import type { Reporter } from '../base/reporter.ts';
import { type Platform, sgxPlatform } from '../image/descriptor.ts';
import type { ImageGlance } from '../image/image-glance.ts';
import type { ImageWriter } from '../image/image-writer.ts';
import type { Referrers } from '../image/referrers.ts';
import { runsOnSgx } from '../image/select-platform.ts';
import type { StoredImage } from '../image/stored-image.ts';
import type { TaggedArtifacts } from '../image/tagged-artifacts.ts';
import { dockerHub } from '../reference/docker-hub.ts';
import {
  type ImageId,
  type ImageName,
  shortIdOf,
  showFullName,
  withDefaultTag,
} from '../reference/image-name.ts';
import type {
  BareReference,
  ContainersStorageReference,
  DockerDaemonReference,
  ImageReference,
  RegistryReference,
} from '../reference/image-reference.ts';
import { showReference } from '../reference/image-reference.ts';
import { hintForLocalName, imageNotFound, searchEngine } from './bare-names.ts';
import { Connections } from './connections.ts';
import type { BuildLogin } from './engine/build/build-session.ts';
import type { Engine } from './engine/engine.ts';
import { openEngineWriter } from './engine/engine-writer.ts';
import type { ExportOptions } from './engine/image-export.ts';
import { inspectEngineImage } from './engine/image-facts.ts';
import type { ImageRecordStore } from './engine/image-record.ts';
import { type EngineImage, openEngineImage } from './engine/open-engine-image.ts';
import { readImageFiles } from './engine/read-image-files.ts';
import { type LayerStore, withKeptLayers } from './kept-layers.ts';
import { LayoutReferrers } from './layout/referrers.ts';
import { openArtifacts } from './open-artifacts.ts';
import { openImage } from './open-image.ts';
import { openWriter } from './open-writer.ts';
import { flavours, type OpenedImage, transportOf } from './opened-image.ts';
import { findCredentials } from './registry/credentials.ts';
import { type DocumentStore, openRegistryImage, type RegistryImage } from './registry/open-registry-image.ts';
import { RegistryReferrers } from './registry/referrers.ts';
import { repositoryOf } from './registry/registry-session.ts';
import { openRegistryWriter } from './registry/registry-writer.ts';
import type { OpenOptions, StoreChoices, StoreSurroundings, WriterOptions } from './store-options.ts';

/** All places where images lie, for one command: files, Engines, registries. What was opened is given back by `close`. */
export class ImageStore {
  readonly #host: HostEnvironment;
  readonly #reporter: Reporter;
  readonly #records: ImageRecordStore | undefined;
  readonly #layers: LayerStore | undefined;
  readonly #listen: ExportOptions['listen'];
  readonly #connections: Connections;
  readonly #platform: Platform;
  readonly #opened: StoredImage[] = [];

  constructor({ host, reporter, records, layers, listen }: StoreSurroundings, choices: StoreChoices = {}) {
    this.#host = host;
    this.#reporter = reporter;
    this.#records = records;
    this.#layers = layers;
    this.#listen = listen;
    this.#platform = choices.platform ?? sgxPlatform;
    this.#connections = new Connections(host, choices);
  }

  /** Opens the image that a reference names. A bare name is the Engine's, if it answers and has it, else the registry's. */
  async open(reference: ImageReference, options: OpenOptions = {}): Promise<OpenedImage> {
    const opened = await this.#open(reference, options);
    const { image } = opened;
    this.#opened.push(image);
    for (const note of image.notes) this.#reporter.say(`${image.name}: ${note}`);
    for (const warning of image.warnings) this.#reporter.warn(`${image.name}: ${warning}`);
    return this.#layers ? { ...opened, image: withKeptLayers(image, this.#layers) } : opened;
  }

  /**
   * What an Engine tells of an image without exporting it; undefined for images elsewhere, and where there is none: opening it
   * says what is wrong. Of a name with a digest only opening knows whether they belong together.
   */
  async glance(reference: ImageReference): Promise<ImageGlance | undefined> {
    if (!('image' in reference) || isPinned(reference.image)) return undefined;
    const { image } = reference;
    const engine = await this.#engineOf(reference).catch(unlessUnreachable);
    const facts = engine && (await inspectEngineImage(engine, image));
    if (!engine || !facts || !runsOnSgx(facts)) return undefined;
    return {
      place: engine.subject,
      name: showReference({ kind: transportOf(engine), image }),
      labels: facts.labels,
      layers: facts.diffIds.map((diffId) => ({
        diffId,
        tar: async () => this.#layers?.load(diffId),
      })),
      readFiles: (paths) => readImageFiles(engine, { kind: 'id', digest: facts.id }, paths),
    };
  }

  /**
   * Opens an image of a registry by its digest. What `documents` has is not asked for again, and a registry that does not
   * answer is given up soon.
   */
  async openPinned(reference: RegistryReference, documents?: DocumentStore): Promise<OpenedImage> {
    const session = this.#connections.failFastRegistry();
    const image = await openRegistryImage(session, reference.name, documents && { documents });
    this.#opened.push(image);
    return { image, reference };
  }

  /** Opens the place where a result goes. The caller commits or aborts. */
  async openWriter(reference: ImageReference, { force, sharedWith }: WriterOptions): Promise<ImageWriter> {
    const { signal } = this.#host;
    switch (reference.kind) {
      case 'oci':
      case 'oci-archive':
      case 'docker-archive':
        return openWriter(reference, { force, signal });
      case 'docker-daemon':
      case 'containers-storage': {
        const base = sharedWith.find((shared) => shared.reference.kind === reference.kind)?.image;
        return openEngineWriter(await this.#connections.engine(flavours[reference.kind]), reference.image, {
          force,
          signal,
          ...(this.#records && { records: this.#records }),
          ...(base && { base: base.layers.map((layer) => layer.diffId) }),
        });
      }
      case 'registry':
        return openRegistryWriter(this.#connections.registry(), reference.name, {
          force,
          mountFrom: sharedWith.map((shared) => shared.image).filter(isRegistryImage),
        });
      case 'bare':
        return this.openWriter({ kind: 'docker-daemon', image: reference.image }, { force, sharedWith });
    }
  }

  /**
   * The artifacts attached to images where this reference is: in a registry, or in an OCI layout. Throws a `usage` error for
   * other places: an Engine has no manifest that one could attach to.
   */
  referrersOf(reference: ImageReference): Referrers {
    if (reference.kind === 'registry') {
      return new RegistryReferrers(this.#connections.registry(), repositoryOf(reference.name));
    }
    if (reference.kind === 'oci') return new LayoutReferrers(reference.path);
    throw new GscError({
      code: 'usage',
      subject: showReference(reference),
      message: 'evidence cannot be attached to an image in this place: expected a registry or an OCI layout',
      hint: 'push the image to a registry first, or copy it with skopeo to oci:DIR',
    });
  }

  /** The artifacts by tag in a repository or a layout; one that does not answer is given up soon. */
  artifactsAt(reference: ImageReference): TaggedArtifacts {
    return openArtifacts(reference, () => this.#connections.failFastRegistry());
  }

  /** The Engine that the user means, for what is not an image: Docker's, else Podman's. */
  engine(): Promise<Engine> {
    return this.#connections.engine('any');
  }

  /** The name and password for a registry that the user's files have; undefined for none. */
  async loginFor(host: string): Promise<BuildLogin | undefined> {
    const found = await findCredentials(host, '', this.#connections.registry().settings);
    return found?.kind === 'password' ? { username: found.username, password: found.password } : undefined;
  }

  /** Gives back everything that was opened. */
  async close(): Promise<void> {
    for (const image of this.#opened) await image.close();
    await this.#connections.close();
  }

  async #open(reference: ImageReference, options: OpenOptions): Promise<OpenedImage> {
    const { signal } = this.#host;
    const platform = this.#platform;
    switch (reference.kind) {
      case 'oci':
      case 'oci-archive':
      case 'docker-archive':
        return { reference, image: await openImage(reference, { signal, platform }) };
      case 'docker-daemon':
      case 'containers-storage':
        return this.#openInEngine(
          await this.#connections.engine(flavours[reference.kind]),
          reference,
          options,
        );
      case 'registry':
        return {
          reference,
          image: await openRegistryImage(this.#connections.registry(), reference.name, { platform }),
        };
      case 'bare':
        return this.#openBare(reference, options);
    }
  }

  #engineOf({ kind }: EngineReference | BareReference): Promise<Engine> {
    return this.#connections.engine(kind === 'bare' ? 'any' : flavours[kind]);
  }

  async #openBare(bare: BareReference, options: OpenOptions): Promise<OpenedImage> {
    const name = showReference(bare);
    const search = await searchEngine(() => this.#connections.engine('any'), bare);
    if (search.kind === 'found') {
      const { engine } = search;
      const reference = { kind: transportOf(engine), image: bare.image } as const;
      this.#reporter.say(`${name}: found in ${engine.subject}`);
      return this.#openInEngine(engine, reference, options);
    }
    if (bare.image.kind === 'id') throw search.obstacle;
    const reference: ImageReference = { kind: 'registry', name: withDefaultTag(bare.image) };
    const fullName = showFullName(reference.name);
    const subject = `the registry for ${fullName}`;
    const work = this.#reporter.begin({ kind: 'ask', verb: 'asking', subject });
    try {
      const session = this.#connections.registry();
      const image = await openRegistryImage(session, reference.name, { platform: this.#platform });
      this.#reporter.say(`${name}: found in the registry as ${fullName} (${search.obstacle.message})`);
      const isHubs = reference.name.domain === dockerHub.domain;
      if (search.kind === 'unreachable' || !isHubs) return { reference, image };
      return { reference, image, resultPlace: { kind: transportOf(search.engine), image: bare.image } };
    } catch (error) {
      throw await imageNotFound(bare, search, {
        error,
        localHint: await hintForLocalName(this.#host, name),
      });
    } finally {
      work.end();
    }
  }

  async #openInEngine(
    engine: Engine,
    { kind, image: name }: EngineReference,
    options: OpenOptions,
  ): Promise<OpenedImage> {
    const { signal } = this.#host;
    const image = await openEngineImage(engine, name, {
      ...options,
      signal,
      beginExport: (shown) =>
        this.#reporter.begin({
          ...{ kind: 'export', verb: 'exporting', subject: `${shown} from ${engine.subject}` },
          parts: [{ name: shown }],
        }),
      ...(this.#records && { records: this.#records }),
      ...(this.#listen && { listen: this.#listen }),
    });
    return { reference: { kind, image: isShortIdOf(name, image.id) ? idOf(image) : name }, image };
  }
}

type EngineReference = DockerDaemonReference | ContainersStorageReference;

/** A digest and a tag are two statements. */
function isPinned(image: ImageName | ImageId): boolean {
  return image.kind === 'name' && image.digest !== undefined;
}

/** An Engine that does not answer has no image. */
function unlessUnreachable(error: unknown): undefined {
  if (error instanceof GscError && error.code === 'engine') return undefined;
  throw error;
}

/** True if a name that no image has was taken for the beginning of this ID. */
function isShortIdOf(name: ImageName | ImageId, id: Digest): boolean {
  const shortId = name.kind === 'name' ? shortIdOf(name) : undefined;
  return shortId !== undefined && hexOf(id).startsWith(shortId);
}

function idOf({ id }: EngineImage): ImageId {
  return { kind: 'id', digest: id };
}

function isRegistryImage(image: StoredImage): image is RegistryImage {
  return 'repository' in image;
}
