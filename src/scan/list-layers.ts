import type { Layer } from '../image/image.ts';
import type { LayerIndex } from './layer-index.ts';
import { type ScanLayerOptions, scanLayer } from './scan-layer.ts';
import type { ScanImageOptions, ScanProgress } from './scan-options.ts';
import { areWorthThreads, ScanThread, scanThreadProgram } from './scan-threads.ts';

/** A second stream hides the latency of a registry, and gives a second processor something to do. */
const defaultConcurrency = 2;

export interface ListLayersOptions extends ScanImageOptions {
  /** How messages call the layers' image. */
  readonly subject: string;
  /** Gets each index as soon as it is there. */
  readonly take: (index: LayerIndex) => void;
  /** Asked when a layer is about to be listed in this thread: what gets its entries on the way. */
  readonly follow?: (layer: Layer) => ScanLayerOptions['onEntry'];
}

/**
 * Lists layers that are not known yet, several at a time. Throws what {@link scanLayer} throws; of several that fail, the
 * lowest one's error: what is wrong with an image does not depend on which layer was faster.
 */
export async function listLayers(layers: readonly Layer[], options: ListLayersOptions): Promise<void> {
  const unknown: Layer[] = [];
  for (const layer of layers) {
    const index = await loadKnown(layer, options);
    if (index) options.take(index);
    else unknown.push(layer);
  }
  const concurrency = Math.min(options.concurrency ?? defaultConcurrency, unknown.length);
  const threads = startThreads(unknown, concurrency - 1, options);
  const listing = new Listing(unknown, threads.length > 0 ? largestFirst(unknown) : unknown.keys(), options);
  const listers = Array.from({ length: concurrency }, (_, i) => threads[i - 1]);
  try {
    // All readers have let go of the image before the caller hears of a failure.
    await Promise.all(listers.map(async (thread) => listing.workWith((await thread) ?? here)));
  } finally {
    for (const thread of threads) await (await thread)?.end();
  }
  listing.throwFailure();
}

/** What lists layers, one at a time: a thread, or this one. */
interface Lister {
  scan(layer: Layer, options: ScanLayerOptions): Promise<LayerIndex>;
}

const here: Lister = { scan: scanLayer };

/** Threads to list layers beside this one, where that pays and can be; what watches contents has to have a stand-in there. */
function startThreads(
  layers: readonly Layer[],
  count: number,
  { observer }: ScanImageOptions,
): readonly Promise<ScanThread | undefined>[] {
  const isWatched = observer !== undefined && observer.threadName === undefined;
  if (count < 1 || isWatched || !areWorthThreads(layers)) return [];
  const program = scanThreadProgram();
  return program === undefined ? [] : Array.from({ length: count }, () => ScanThread.start(program));
}

/** So that what is left at the end is small, and is not waited for by all but one. */
function largestFirst(layers: readonly Layer[]): Iterable<number> {
  const sizeOf = (place: number) => layers[place]?.descriptor.sizeBytes ?? 0;
  return [...layers.keys()].sort((a, b) => sizeOf(b) - sizeOf(a));
}

/** The work on some layers, for several listers. */
class Listing {
  readonly #layers: readonly Layer[];
  readonly #places: Iterator<number>;
  readonly #options: ListLayersOptions;
  readonly #givenUp: readonly AbortController[];
  #failure: { readonly place: number; readonly error: unknown } | undefined;

  constructor(layers: readonly Layer[], places: Iterable<number>, options: ListLayersOptions) {
    this.#layers = layers;
    this.#places = places[Symbol.iterator]();
    this.#options = options;
    this.#givenUp = layers.map(() => new AbortController());
  }

  /** Lists layers that nothing else has begun, until there are none. */
  async workWith(lister: Lister): Promise<void> {
    for (let current = this.#begin(lister); current !== undefined; ) {
      const index = await current;
      // A thread has something to do while this one takes what it found.
      current = this.#begin(lister);
      if (index) this.#options.take(index);
    }
  }

  /** Throws the lowest layer's error, if there is one. */
  throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }

  /** Layers below go on: theirs would be the error. */
  #fail(place: number, error: unknown): undefined {
    if (this.#failure && this.#failure.place < place) return;
    this.#failure = { place, error };
    for (const higher of this.#givenUp.slice(place + 1)) higher.abort();
  }

  /** Begins with the next layer, and gives its index, undefined if it fails; undefined at once if there is none. */
  #begin(lister: Lister): Promise<LayerIndex | undefined> | undefined {
    for (let next = this.#places.next(); !next.done; next = this.#places.next()) {
      const place = next.value;
      if (this.#failure && this.#failure.place < place) continue;
      return this.#list(place, lister).catch((error: unknown) => this.#fail(place, error));
    }
    return undefined;
  }

  #list(place: number, lister: Lister): Promise<LayerIndex> {
    const options = this.#options;
    const signals = [options.signal, this.#givenUp[place]?.signal].filter((signal) => signal !== undefined);
    const signal = AbortSignal.any(signals);
    return listLayer(this.#layers[place] as Layer, { ...options, signal, lister });
  }
}

async function loadKnown(
  layer: Layer,
  { indexes, onProgress }: ScanImageOptions,
): Promise<LayerIndex | undefined> {
  const known = await indexes?.load(layer);
  if (known) onProgress?.({ kind: 'known', layer, readBytes: 0 });
  return known;
}

async function listLayer(
  layer: Layer,
  options: ListLayersOptions & { readonly lister: Lister },
): Promise<LayerIndex> {
  // Reading another layer may have listed this one too: an export is listed as a whole.
  const known = await loadKnown(layer, options);
  if (known) return known;
  const { onProgress, signal, observer, subject, lister, follow } = options;
  let readBytes = 0;
  const report = (kind: ScanProgress['kind']) => onProgress?.({ kind, layer, readBytes });
  report('started');
  const onRead = (sizeBytes: number) => {
    readBytes += sizeBytes;
    report('bytes');
  };
  const onEntry = lister === here ? follow?.(layer) : undefined;
  const more = { ...(signal && { signal }), ...(observer && { observer }), ...(onEntry && { onEntry }) };
  const index = await lister.scan(layer, { subject, onRead, ...more });
  await options.indexes?.save(layer, index);
  report('done');
  return index;
}
