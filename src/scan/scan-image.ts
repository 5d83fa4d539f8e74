import type { Digest } from '../base/digest.ts';
import { showBytes } from '../base/image-path.ts';
import type { Image, Layer } from '../image/image.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { LayerMerger } from '../tree/merge-layers.ts';
import type { LayerIndex } from './layer-index.ts';
import type { ContentObserver } from './layer-visitor.ts';
import { type ScanLayerOptions, scanLayer } from './scan-layer.ts';
import { layersForThreads, ScanThreads, scanThreadProgram } from './scan-threads.ts';

/** Where indexes of layers that were scanned before are kept. */
export interface LayerIndexStore {
  /**
   * The index of the layer's diffId; undefined if it is not there, or if no scan has proven yet that the blob of this
   * descriptor has that diffId: the config may claim what it likes.
   */
  load(layer: Layer): Promise<LayerIndex | undefined>;
  /** Keeps what a scan of the layer found out. */
  save(layer: Layer, index: LayerIndex): Promise<void>;
}

/** What has happened to one of the image's layers. */
export interface ScanProgress {
  readonly kind: 'known' | 'started' | 'bytes' | 'done';
  readonly layer: Layer;
  /** Of the blob, read so far. */
  readonly readBytes: number;
}

export interface ScanImageOptions {
  /** How many layers are read at a time; 2 by default. */
  readonly concurrency?: number;
  readonly indexes?: LayerIndexStore;
  readonly onProgress?: (progress: ScanProgress) => void;
  readonly signal?: AbortSignal;
  /** Sees contents of the layers that are read: not of those whose index is known. */
  readonly observer?: ContentObserver;
  /** A scan of an image whose layers may be the lowest of this one: what it has found is taken over then. */
  readonly below?: ImageScan;
  /** How many of the lowest layers are wanted as an image of their own, too. */
  readonly lowerLayers?: number;
}

export interface ImageScan {
  /** One per layer of the image, lowest first. */
  readonly indexes: readonly LayerIndex[];
  readonly tree: FileTree;
  /** Of the lowest layers, if that was asked for. The trees share what they have in common. */
  readonly lower?: ImageScan;
}

/** A second stream hides the latency of a registry, and gives a second processor something to do. */
const defaultConcurrency = 2;

/**
 * Lists the layers of an image that are not known yet, each once, and merges all into the file tree. Throws what
 * {@link scanLayer} and `mergeLayers` throw; of several layers that fail, the lowest one's error.
 */
export async function scanImage(image: Image, options: ScanImageOptions = {}): Promise<ImageScan> {
  const wanted = new Map(image.layers.map((layer) => [layer.diffId, layer]));
  const found = await scanAll([...wanted.values()], image.name, options);
  const indexes = image.layers.map(({ diffId }) => {
    const index = found.get(diffId);
    if (index === undefined) throw new RangeError(`no index of ${diffId}`);
    return index;
  });
  return mergeIndexes(image, indexes, options);
}

function mergeIndexes(
  image: Image,
  indexes: readonly LayerIndex[],
  { below, lowerLayers }: ScanImageOptions,
): ImageScan {
  const nameLayer = (layer: number) => `${image.name}: layer ${image.layers[layer]?.diffId}`;
  const isBelow = below?.indexes.every(({ diffId }, layer) => image.layers[layer]?.diffId === diffId);
  const known = below && isBelow ? below.indexes.length : 0;
  const merger =
    below && isBelow ? LayerMerger.upon(below.tree, known, nameLayer) : new LayerMerger(nameLayer);
  const scanOf = (tree: FileTree, count: number): ImageScan => {
    const own = indexes.slice(0, count);
    const ignored = own.flatMap((index, layer) =>
      layer < known ? [] : ignoredWarning(nameLayer(layer), index),
    );
    return { indexes: own, tree: { ...tree, warnings: [...ignored, ...tree.warnings] } };
  };
  let lower: ImageScan | undefined;
  for (const [layer, { entries }] of indexes.entries()) {
    if (layer >= known) merger.add(entries);
    if (layer + 1 === lowerLayers) lower = scanOf(merger.split(), lowerLayers);
  }
  return { ...scanOf(merger.tree, indexes.length), ...(lower && { lower }) };
}

function ignoredWarning(subject: string, { ignoredKeys = [] }: LayerIndex): readonly string[] {
  if (ignoredKeys.length === 0) return [];
  const [shown, more] = [ignoredKeys.slice(0, namedKeys), ignoredKeys.length - namedKeys];
  const keys = `${shown.map(showBytes).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return [
    `${subject} has a global PAX header that sets ${keys} for all entries: ignored, as container engines do`,
  ];
}

const namedKeys = 6;

async function scanAll(
  layers: readonly Layer[],
  subject: string,
  options: ScanImageOptions,
): Promise<ReadonlyMap<Digest, LayerIndex>> {
  const found = new Map<Digest, LayerIndex>();
  for (const layer of layers) {
    const index = await loadKnown(layer, options);
    if (index) found.set(layer.diffId, index);
  }
  const unknown = layers.filter(({ diffId }) => !found.has(diffId));
  const concurrency = Math.min(options.concurrency ?? defaultConcurrency, unknown.length);
  const inThreads = layersForThreads(unknown);
  const threads = await threadsFor(inThreads, concurrency, options);
  const list: ListLayer = (layer, more) =>
    threads && inThreads.includes(layer) ? threads.scan(layer, more) : scanLayer(layer, more);
  try {
    for (const index of await inTurn(unknown, concurrency, { list, subject, options }))
      found.set(index.diffId, index);
    return found;
  } finally {
    await threads?.close();
  }
}

/** Lists a layer, as {@link scanLayer}. */
type ListLayer = (layer: Layer, options: ScanLayerOptions) => Promise<LayerIndex>;

/** Threads to list layers in, where that pays and can be; what watches contents has to have a stand-in there. */
async function threadsFor(
  layers: readonly Layer[],
  concurrency: number,
  { observer }: ScanImageOptions,
): Promise<ScanThreads | undefined> {
  const isWatched = observer !== undefined && observer.threadName === undefined;
  const count = Math.min(concurrency, layers.length);
  if (count < 2 || isWatched) return undefined;
  const program = scanThreadProgram();
  return program === undefined ? undefined : ScanThreads.start(program, count);
}

interface Listing {
  readonly list: ListLayer;
  readonly subject: string;
  readonly options: ScanImageOptions;
}

/**
 * Lists layers, lower ones first, some at a time. Of several that fail the lowest one's error is thrown: what is wrong with an
 * image does not depend on which layer was faster.
 */
async function inTurn(
  layers: readonly Layer[],
  concurrency: number,
  { list, subject, options }: Listing,
): Promise<readonly LayerIndex[]> {
  const found: LayerIndex[] = [];
  const givenUp = layers.map(() => new AbortController());
  const failures: { readonly place: number; readonly error: unknown }[] = [];
  let next = 0;
  const work = async () => {
    for (let place = next++; place < layers.length && failures.length === 0; place = next++) {
      const signals = [options.signal, givenUp[place]?.signal].filter((signal) => signal !== undefined);
      const signal = AbortSignal.any(signals);
      try {
        found[place] = await listLayer(layers[place] as Layer, {
          list,
          subject,
          options: { ...options, signal },
        });
      } catch (error) {
        failures.push({ place, error });
        for (const higher of givenUp.slice(place + 1)) higher.abort();
      }
    }
  };
  // All readers have let go of the image before the caller hears of a failure.
  await Promise.all(Array.from({ length: concurrency }, work));
  const [lowest] = failures.sort((a, b) => a.place - b.place);
  if (lowest) throw lowest.error;
  return found;
}

async function loadKnown(
  layer: Layer,
  { indexes, onProgress }: ScanImageOptions,
): Promise<LayerIndex | undefined> {
  const known = await indexes?.load(layer);
  if (known) onProgress?.({ kind: 'known', layer, readBytes: 0 });
  return known;
}

async function listLayer(layer: Layer, { list, subject, options }: Listing): Promise<LayerIndex> {
  // Reading another layer may have listed this one too: an export is listed as a whole.
  const known = await loadKnown(layer, options);
  if (known) return known;
  const { onProgress, signal, observer } = options;
  let readBytes = 0;
  const report = (kind: ScanProgress['kind']) => onProgress?.({ kind, layer, readBytes });
  report('started');
  const onBytes = (piece: Buffer) => {
    readBytes += piece.length;
    report('bytes');
  };
  const more = { ...(signal && { signal }), ...(observer && { observer }) };
  const index = await list(layer, { subject, onBytes, ...more });
  await options.indexes?.save(layer, index);
  report('done');
  return index;
}
