import type { Digest } from '../base/digest.ts';
import { showBytes } from '../base/image-path.ts';
import type { Image, Layer } from '../image/image.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { mergeLayers } from '../tree/merge-layers.ts';
import type { LayerIndex } from './layer-index.ts';
import type { ContentObserver } from './layer-visitor.ts';
import { scanLayer } from './scan-layer.ts';

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
}

export interface ImageScan {
  /** One per layer of the image, lowest first. */
  readonly indexes: readonly LayerIndex[];
  readonly tree: FileTree;
}

/**
 * A second stream hides the latency of a registry. For layers at hand it makes no difference: one already inflates on one
 * core while it hashes on another (380 MB/s either way on two cores).
 */
const defaultConcurrency = 2;

/**
 * Lists the layers of an image that are not known yet, each once, and merges all into the file tree. Throws what
 * {@link scanLayer} and `mergeLayers` throw; the first error ends the scan.
 */
export async function scanImage(image: Image, options: ScanImageOptions = {}): Promise<ImageScan> {
  const wanted = new Map(image.layers.map((layer) => [layer.diffId, layer]));
  const found = await scanAll([...wanted.values()], image.name, options);
  const indexes = image.layers.map(({ diffId }) => {
    const index = found.get(diffId);
    if (index === undefined) throw new RangeError(`no index of ${diffId}`);
    return index;
  });
  const nameLayer = (layer: number) => `${image.name}: layer ${image.layers[layer]?.diffId}`;
  const tree = mergeLayers(
    indexes.map((index) => index.entries),
    nameLayer,
  );
  const warnings = [
    ...indexes.flatMap((index, layer) => ignoredWarning(nameLayer(layer), index)),
    ...tree.warnings,
  ];
  return { indexes, tree: { ...tree, warnings } };
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
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const queue = [...layers];
  const work = async () => {
    for (let layer = queue.shift(); layer !== undefined; layer = queue.shift()) {
      found.set(layer.diffId, await findIndex(layer, subject, { ...options, signal }));
    }
  };
  const workers = Array.from({ length: options.concurrency ?? defaultConcurrency }, () => work());
  const first = Promise.all(workers);
  first.catch(() => failed.abort());
  // All readers must have let go of the image before the caller hears of the first failure.
  await Promise.allSettled(workers);
  await first;
  return found;
}

async function findIndex(layer: Layer, subject: string, options: ScanImageOptions): Promise<LayerIndex> {
  const report = (kind: ScanProgress['kind'], readBytes: number) =>
    options.onProgress?.({ kind, layer, readBytes });
  const known = await options.indexes?.load(layer);
  if (known) {
    report('known', 0);
    return known;
  }
  let readBytes = 0;
  report('started', 0);
  const onBytes = (piece: Buffer) => {
    readBytes += piece.length;
    report('bytes', readBytes);
  };
  const { signal, observer } = options;
  const more = { ...(signal && { signal }), ...(observer && { observer }) };
  const index = await scanLayer(layer, { subject, onBytes, ...more });
  await options.indexes?.save(layer, index);
  report('done', readBytes);
  return index;
}
