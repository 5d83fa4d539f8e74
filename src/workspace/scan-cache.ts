import { type Digest, digestOfHex } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import type { HostEnvironment } from '../base/host-environment.ts';
import type { Reporter } from '../base/reporter.ts';
import type { Layer } from '../image/image.ts';
import { collectBytes } from '../image/verified-stream.ts';
import type { LayerIndex } from '../scan/layer-index.ts';
import { decodeLayerIndex, encodeLayerIndex, layerIndexFormat } from '../scan/layer-index-codec.ts';
import type { FileContentStore, ReadFilesOptions } from '../scan/read-files.ts';
import type { LayerIndexStore, ScanImageOptions } from '../scan/scan-options.ts';
import { BlobCache } from '../store/cache/blob-cache.ts';
import { findCacheDirectory } from '../store/cache/cache-directory.ts';
import { loadContent, saveContent } from '../store/cache/cached-content.ts';
import type { ExportOptions } from '../store/engine/image-export.ts';
import type { ImageRecordStore } from '../store/engine/image-record.ts';
import type { LayerStore } from '../store/kept-layers.ts';
import { listLayersOfExport } from './export-listener.ts';
import { type BuildStore, buildStore } from './known-builds.ts';
import { release } from './release.ts';
import type { SharedCacheUse, SharedIndexes } from './shared-indexes.ts';

/** What a command keeps between runs. Close it when the work is done. */
export interface ScanCache {
  /** Undefined with `--no-cache`, or if there is no place for it. */
  readonly blobs: BlobCache | undefined;
  /** To be spread into the options of `scanImage` and `readFiles`. */
  readonly forScan: Pick<ScanImageOptions, 'indexes'>;
  readonly forFiles: Pick<ReadFilesOptions, 'contents'>;
  /** What Engines told of their images. */
  readonly records: ImageRecordStore | undefined;
  /** The layers that gsc has added to images. */
  readonly layers: LayerStore | undefined;
  /** Hears the exports of Engines, and lists their layers meanwhile. */
  readonly listen: NonNullable<ExportOptions['listen']>;
  /** Results of builds. */
  readonly builds: BuildStore | undefined;
  /** What enclaves measured. */
  readonly measurements: MeasurementStore | undefined;
  /** What other machines share, if the user names such a place. */
  readonly shared: SharedCache | undefined;
  close(): Promise<void>;
}

/** Indexes of layers that machines share. */
export interface SharedCache {
  /** Asks for the indexes of layers that are not known here, several at a time. */
  prefetch(layers: readonly Layer[]): Promise<void>;
  /** Stores the indexes of these layers, and of all others that this run met, where they are missing; says what was used. */
  publish(layers: readonly Layer[]): Promise<SharedCacheUse>;
}

/** Keeps MRENCLAVEs (64 hex digits) by the digest of what they depend on. A store that fails gives nothing. */
export interface MeasurementStore {
  load(source: Digest): Promise<string | undefined>;
  save(source: Digest, mrEnclave: string): Promise<void>;
}

/** The directory of the cache, {@link findCacheDirectory}. Throws a `cache` error if there is no place for it. */
export function cacheDirectory({ environment }: HostEnvironment): string {
  const directory = findCacheDirectory(environment);
  if (directory !== undefined) return directory;
  throw new GscError({
    code: 'cache',
    subject: 'cache',
    message: 'neither XDG_CACHE_HOME nor HOME is set to an absolute path',
    hint: 'set one of them, or use --no-cache',
  });
}

/** Opens the cache, unless the user wants none. Whatever is wrong with it is a remark of `-v`, never a failure. */
export function openScanCache(host: HostEnvironment, reporter: Reporter, isWanted: boolean): ScanCache {
  if (!isWanted) return withoutCache();
  try {
    return scanCacheOf(
      new BlobCache({
        directory: cacheDirectory(host),
        now: host.today,
        onTrouble: (error) => reporter.detail(`cache: ${error.message}`),
      }),
    );
  } catch (error) {
    if (!(error instanceof GscError)) throw error;
    reporter.detail(`cache disabled: ${error.message}`);
    return withoutCache();
  }
}

/** A cache that asks what machines share for what it does not have itself, and keeps that. */
export function withSharedIndexes(cache: ScanCache, indexes: SharedIndexes): ScanCache {
  const { load, save } = cache.forScan.indexes as LayerIndexStore;
  const loadHere = async (layer: Layer) => {
    const known = await load(layer);
    if (known) indexes.note(layer, known);
    return known;
  };
  const loadAnywhere = async (layer: Layer) => {
    const known = await loadHere(layer);
    if (known) return known;
    const shared = await indexes.load(layer);
    if (shared) await save(layer, shared);
    return shared;
  };
  const saveAndNote = async (layer: Layer, index: LayerIndex) => {
    indexes.note(layer, index);
    await save(layer, index);
  };
  const shared: SharedCache = {
    prefetch: async (layers) => {
      const known = await Promise.all(layers.map(loadHere));
      await indexes.prefetch(layers.filter((_layer, index) => known[index] === undefined));
    },
    publish: async (layers) => {
      await Promise.all(layers.map(loadHere));
      await indexes.publish();
      return indexes.use;
    },
  };
  return { ...cache, shared, forScan: { indexes: { load: loadAnywhere, save: saveAndNote } } };
}

function withoutCache(): ScanCache {
  return {
    ...listing(undefined),
    blobs: undefined,
    forFiles: {},
    records: undefined,
    layers: undefined,
    builds: undefined,
    measurements: undefined,
    shared: undefined,
    close: async () => {},
  };
}

/** What an export has shown is known to this run, kept or not. */
function listing(kept: KeptIndexes | undefined): Pick<ScanCache, 'forScan' | 'listen'> {
  const listed = new Map<Digest, LayerIndex>();
  const load = async (layer: Layer) => {
    const isTar = layer.descriptor.digest === layer.diffId;
    return (isTar ? listed.get(layer.diffId) : undefined) ?? kept?.load(layer);
  };
  const save = async (layer: Layer, index: LayerIndex) => kept?.save(layer, index);
  const keep = async (index: LayerIndex) => {
    listed.set(index.diffId, index);
    await kept?.put(index);
  };
  return { forScan: { indexes: { load, save } }, listen: (diffIds) => listLayersOfExport(diffIds, keep) };
}

function scanCacheOf(blobs: BlobCache): ScanCache {
  const layers = layersIn(blobs);
  return {
    blobs,
    ...listing(indexesIn(blobs)),
    forFiles: { contents: contentsIn(blobs) },
    records: recordsIn(blobs),
    layers,
    builds: buildStore(blobs, layers),
    measurements: measurementsIn(blobs),
    shared: undefined,
    close: () => blobs.close(),
  };
}

/** Another release of gsc may measure otherwise: it has its own entries. */
const indexKind = `layer-index-${release}-${layerIndexFormat}`;
const measurementKind = `measurement-${release}`;
/** From the digest of a compressed blob to the digest of the tar in it. */
const diffIdKind = 'diff-id';

interface KeptIndexes extends LayerIndexStore {
  /** Keeps the index of a layer without saying which blobs hold it. */
  put(index: LayerIndex): Promise<void>;
}

function indexesIn(blobs: BlobCache): KeptIndexes {
  const put = (index: LayerIndex) =>
    blobs.put({ kind: indexKind, digest: index.diffId }, encodeLayerIndex(index));
  return {
    put,
    load: async (layer) => {
      if (!(await isProven(blobs, layer))) return undefined;
      const bytes = await blobs.get({ kind: indexKind, digest: layer.diffId });
      const index = bytes && decodeOrNothing(bytes);
      return index?.diffId === layer.diffId ? index : undefined;
    },
    save: async (layer: Layer, index: LayerIndex) => {
      await put(index);
      const { digest } = layer.descriptor;
      if (digest !== layer.diffId)
        await blobs.put({ kind: diffIdKind, digest }, Buffer.from(layer.diffId, 'latin1'));
    },
  };
}

/** The checksum was right, so this is not damage; but a cache never fails a build: the layer is read. */
function decodeOrNothing(bytes: Buffer): LayerIndex | undefined {
  try {
    return decodeLayerIndex(bytes);
  } catch (error) {
    if (error instanceof GscError && error.code === 'cache') return undefined;
    throw error;
  }
}

/** True if a scan has seen that the blob holds the tar that diffId names, or if the blob is that tar. */
async function isProven(blobs: BlobCache, { descriptor, diffId }: Layer): Promise<boolean> {
  if (descriptor.digest === diffId) return true;
  const proven = await blobs.get({ kind: diffIdKind, digest: descriptor.digest });
  return proven?.toString('latin1') === diffId;
}

/** The record says its own version, so the kind needs none. */
function recordsIn(blobs: BlobCache): ImageRecordStore {
  const kind = 'engine-image';
  return {
    load: (digest) => blobs.get({ kind, digest }),
    save: (digest, record) => blobs.put({ kind, digest }, record),
  };
}

function measurementsIn(blobs: BlobCache): MeasurementStore {
  return {
    load: async (digest) => (await blobs.get({ kind: measurementKind, digest }))?.toString('hex'),
    save: (digest, mrEnclave) => blobs.put({ kind: measurementKind, digest }, Buffer.from(mrEnclave, 'hex')),
  };
}

/** A layer with larger files than this is the user's own work, and would push everything else out of the cache. */
const largestKeptLayer = 256_000_000;

function layersIn(blobs: BlobCache): LayerStore {
  return {
    load: (diffId) => loadContent(blobs, 'layer', diffId),
    save: async (layer) => {
      const { descriptor, diffId } = layer;
      const isTar = descriptor.digest === diffId;
      if (!isTar || descriptor.sizeBytes > largestKeptLayer) return;
      if (await blobs.has({ kind: 'layer', digest: diffId })) return;
      await saveContent(blobs, 'layer', await collectBytes(layer.open()));
    },
  };
}

function contentsIn(blobs: BlobCache): FileContentStore {
  return {
    load: (sha256) => loadContent(blobs, 'file', digestOfHex(sha256)),
    save: (_sha256, content) => saveContent(blobs, 'file', content),
  };
}
