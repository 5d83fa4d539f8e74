import { gunzipSync } from 'node:zlib';
import { type Digest, digestOf, hexOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { inParallel } from '../base/in-parallel.ts';
import type { Reporter } from '../base/reporter.ts';
import { assembleArtifact } from '../image/artifact.ts';
import type { Layer } from '../image/image.ts';
import type { TaggedArtifact, TaggedArtifacts } from '../image/tagged-artifacts.ts';
import { canonicalJson } from '../json/canonical-json.ts';
import type { LayerIndex } from '../scan/layer-index.ts';
import { decodeLayerIndex, encodeLayerIndex, layerIndexFormat } from '../scan/layer-index-codec.ts';
import { release } from './release.ts';

/**
 * Whoever writes an index decides which hashes are trusted: what is shared is signed, and what is not signed by this key is not
 * looked at.
 */
export interface SharedCacheKey {
  /** Undefined for a key that can only verify. */
  readonly sign: ((statement: Buffer) => Buffer) | undefined;
  verify(statement: Buffer, signature: Buffer): boolean;
}

export interface SharedIndexesOptions {
  readonly from: readonly TaggedArtifacts[];
  readonly to: TaggedArtifacts | undefined;
  readonly key: SharedCacheKey;
  readonly reporter: Pick<Reporter, 'warn' | 'detail'>;
  readonly signal: AbortSignal;
}

/** What became of the shared cache in one run. */
export interface SharedCacheUse {
  /** Layers whose indexes came from it. */
  readonly read: number;
  /** Artifacts that were stored. */
  readonly written: number;
}

export const layerIndexType = 'application/vnd.gsc.layer-index.v1+gzip';
export const layerBlobType = 'application/vnd.gsc.layer-blob.v1+json';
/** Where an artifact has the signature of what it says, base64. */
export const signatureAnnotation = 'gsc.cache.signature';
const diffIdAnnotation = 'gsc.layer.diff-id';

/** How many layers are asked for at a time. */
const concurrency = 6;
/** An index of a million files takes some 60 MB. */
const maximalIndexBytes = 1024 * 1024 * 1024;

/**
 * Indexes of layers in registries and layouts, for machines that have none: one artifact per layer, by the tag that its diffId
 * gives, and for a compressed blob another one that says which tar is in it. Both depend on nothing but the layer, so that several
 * machines may store the same at once. Whatever is wrong with the cache is a warning, and the layer is read.
 */
export class SharedIndexes {
  readonly #options: SharedIndexesOptions;
  readonly #looked = new Map<string, Promise<LayerIndex | undefined>>();
  readonly #known = new Map<string, { readonly layer: Layer; readonly index: LayerIndex }>();
  readonly #unusable = new Set<TaggedArtifacts>();
  readonly #warned = new Set<TaggedArtifacts>();
  #read = 0;
  #written = 0;

  constructor(options: SharedIndexesOptions) {
    this.#options = options;
  }

  get use(): SharedCacheUse {
    return { read: this.#read, written: this.#written };
  }

  /** The index of a layer, if one that the key signed is there; asked for once. */
  load(layer: Layer): Promise<LayerIndex | undefined> {
    const name = nameOf(layer);
    const looked = this.#looked.get(name) ?? this.#find(layer);
    this.#looked.set(name, looked);
    return looked;
  }

  /** Asks for several layers at a time, for {@link load}. */
  async prefetch(layers: readonly Layer[]): Promise<void> {
    await inParallel(layers, concurrency, (layer) => this.load(layer));
  }

  /** Notes an index that was made or found here, to be published. */
  note(layer: Layer, index: LayerIndex): void {
    this.#known.set(nameOf(layer), { layer, index });
  }

  /** Stores all that was noted and is not there. */
  async publish(): Promise<void> {
    const { to } = this.#options;
    if (to === undefined) return;
    await inParallel([...this.#known.values()], concurrency, async ({ layer, index }) => {
      if (this.#unusable.has(to) || this.#options.signal.aborted) return;
      await this.#trying(to, () => this.#store(to, layer, index));
    });
  }

  async #find(layer: Layer): Promise<LayerIndex | undefined> {
    for (const place of this.#options.from) {
      const found = await this.#trying(place, () => this.#findIn(place, layer));
      if (found === undefined) continue;
      this.#read += 1;
      return found;
    }
    return undefined;
  }

  async #findIn(place: TaggedArtifacts, layer: Layer): Promise<LayerIndex | undefined> {
    if (!(await this.#isProven(place, layer))) return undefined;
    const { diffId } = layer;
    const artifact = await this.#signed(place, indexTag(diffId), (content) =>
      indexStatement(diffId, content),
    );
    if (artifact === undefined) return undefined;
    const index = decodeLayerIndex(unpack(await artifact.read(), `${place.name}: tag ${indexTag(diffId)}`));
    if (index.diffId !== diffId) throw foreign(place, indexTag(diffId), 'it is the index of another layer');
    return index;
  }

  /** True if a scan has seen that the blob holds the tar, or if it is that tar. */
  async #isProven(place: TaggedArtifacts, { descriptor: { digest }, diffId }: Layer): Promise<boolean> {
    if (digest === diffId) return true;
    const statement = () => blobStatement(digest, diffId);
    return (await this.#signed(place, blobTag(digest), statement)) !== undefined;
  }

  /** The artifact of a tag, if the key signed what it should say. */
  async #signed(
    place: TaggedArtifacts,
    tag: string,
    statementOf: (content: string) => Buffer,
  ): Promise<TaggedArtifact | undefined> {
    const artifact = await place.find(tag);
    if (artifact === undefined) return undefined;
    const signature = Buffer.from(artifact.annotations[signatureAnnotation] ?? '', 'base64');
    if (this.#options.key.verify(statementOf(artifact.content.digest), signature)) return artifact;
    throw foreign(place, tag, 'it was changed, or signed with another key');
  }

  async #store(to: TaggedArtifacts, layer: Layer, index: LayerIndex): Promise<void> {
    const { diffId, descriptor } = layer;
    const isNew = await this.#put(to, indexTag(diffId), {
      type: layerIndexType,
      diffId,
      statementOf: (content) => indexStatement(diffId, content),
      make: async () => {
        const { gzipReproducibly } = await import('../tar/codec/gzip-reproducibly.ts');
        return gzipReproducibly(encodeLayerIndex(index));
      },
    });
    const isCompressed = descriptor.digest !== diffId;
    const isNewBlob =
      isCompressed &&
      (await this.#put(to, blobTag(descriptor.digest), {
        type: layerBlobType,
        diffId,
        statementOf: () => blobStatement(descriptor.digest, diffId),
        make: async () => canonicalJson({ blob: descriptor.digest, diffId }),
      }));
    this.#written += Number(isNew) + Number(isNewBlob);
  }

  /** False if the same is there; what is not ours is replaced. */
  async #put(to: TaggedArtifacts, tag: string, { type, diffId, statementOf, make }: Entry): Promise<boolean> {
    const existing = await this.#signed(to, tag, statementOf).catch(unlessForeign);
    if (existing !== undefined) return false;
    const content = await make();
    const signature = this.#options.key.sign?.(statementOf(digestOf(content)));
    if (signature === undefined) throw new TypeError('a key that cannot sign was given to write with');
    const annotations = {
      [diffIdAnnotation]: diffId,
      [signatureAnnotation]: signature.toString('base64'),
    };
    await to.put(tag, assembleArtifact({ artifactType: type, annotations, content }));
    return true;
  }

  /** A place that fails is left alone for the rest of the run; what is wrong with one artifact is said, and no more. */
  async #trying<T>(place: TaggedArtifacts, work: () => Promise<T>): Promise<T | undefined> {
    if (this.#unusable.has(place)) return undefined;
    try {
      return await work();
    } catch (error) {
      if (this.#options.signal.aborted || !(error instanceof GscError)) throw error;
      if (!isForeign(error)) {
        if (this.#unusable.has(place)) return undefined;
        this.#unusable.add(place);
      }
      this.#tell(place, error.message);
      return undefined;
    }
  }

  /** One warning for each place: where the key is another one, all artifacts are refused. */
  #tell(place: TaggedArtifacts, why: string): void {
    const line = `shared cache: ${why}; gsc does without it`;
    const { reporter } = this.#options;
    if (this.#warned.has(place)) reporter.detail(line);
    else reporter.warn(line);
    this.#warned.add(place);
  }
}

interface Entry {
  readonly type: string;
  readonly diffId: Digest;
  readonly statementOf: (content: string) => Buffer;
  readonly make: () => Promise<Buffer>;
}

/** A config may claim one blob for two tars: what is found for one says nothing of the other. */
function nameOf({ descriptor: { digest }, diffId }: Layer): string {
  return `${digest} ${diffId}`;
}

/** Other releases of gsc may find out other things about a layer. */
function indexTag(diffId: Digest): string {
  return `layer-index-${release}-${layerIndexFormat}-${hexOf(diffId)}`;
}

function blobTag(blob: Digest): string {
  return `layer-blob-${hexOf(blob)}`;
}

/** What is signed: all that an index is believed for. */
function indexStatement(diffId: Digest, content: string): Buffer {
  return canonicalJson({ type: layerIndexType, release, format: layerIndexFormat, diffId, content });
}

function blobStatement(blob: Digest, diffId: Digest): Buffer {
  return canonicalJson({ type: layerBlobType, blob, diffId });
}

function foreign(place: TaggedArtifacts, tag: string, message: string): GscError {
  return new GscError({ code: 'cache', subject: `${place.name}: tag ${tag}`, message });
}

function unpack(content: Buffer, subject: string): Buffer {
  try {
    return gunzipSync(content, { maxOutputLength: maximalIndexBytes });
  } catch (cause) {
    throw new GscError({ code: 'cache', subject, message: 'it cannot be unpacked', cause });
  }
}

/** What somebody else put under a tag, or damage to it; the place itself works. */
function isForeign(error: unknown): boolean {
  return error instanceof GscError && ['cache', 'image', 'blob'].includes(error.code);
}

function unlessForeign(error: unknown): undefined {
  if (!isForeign(error)) throw error;
  return undefined;
}
