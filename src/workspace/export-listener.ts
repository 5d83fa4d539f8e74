import { createHash, type Hash } from 'node:crypto';
import { type Digest, finishDigest } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import type { LayerIndex } from '../scan/layer-index.ts';
import { LayerVisitor } from '../scan/layer-visitor.ts';
import type { ExportListener } from '../store/engine/image-export.ts';
import { sniffBytes } from '../tar/codec/compression.ts';
import { type TarSink, tarSink } from '../tar/read-tar.ts';
import type { TarEntry } from '../tar/tar-entry.ts';

/** Where archives of `docker save` have uncompressed layers: until Engine 24, and from 25 on by the diffId. */
const layerPath = /^(?:[^/]+\/layer\.tar|blobs\/sha256\/([0-9a-f]{64}))$/;

/** More than a pipe's piece, and than what tells a compression. */
const headBytes = Math.max(sniffBytes, 1 << 17);

/** What messages would call it: whatever is wrong is said when the layer is read. */
const subject = 'export';

/** One layer that arrives. */
interface ArrivingLayer {
  readonly visitor: LayerVisitor;
  readonly tar: TarSink;
  readonly hash: Hash;
  sizeBytes: number;
  /** Whether somebody was told that its bytes are listed. */
  isPromised: boolean;
}

/**
 * Lists the uncompressed layers of an export while it arrives, and hands their indexes over when it is complete: those that
 * `scanLayer` would give, under the diffIds that their bytes have. What it cannot read it leaves to that.
 */
export function listLayersOfExport(
  diffIds: readonly Digest[],
  keep: (index: LayerIndex) => Promise<void>,
): ExportListener {
  const listing = new ExportListing(new Set(diffIds));
  let archive: TarSink | undefined = tarSink(listing, subject);
  return {
    piece: (bytes) => {
      const before = listing.contentBytes;
      if (!succeeds(() => archive?.push(bytes))) archive = undefined;
      return listing.contentBytes - before === bytes.length && listing.promise();
    },
    end: async () => {
      for (const index of listing.indexes) await keep(index);
      return archive !== undefined && !listing.hasBroken;
    },
  };
}

class ExportListing {
  readonly indexes: LayerIndex[] = [];
  /** How many bytes of layers have arrived that can be listed so far. */
  contentBytes = 0;
  /** A layer that was promised could not be listed to its end. */
  hasBroken = false;
  readonly #diffIds: ReadonlySet<string>;
  #layer: ArrivingLayer | undefined;

  constructor(diffIds: ReadonlySet<string>) {
    this.#diffIds = diffIds;
  }

  entry({ name, type }: TarEntry): void {
    const [isLayer, hex] = layerPath.exec(name) ?? [];
    const isWanted = isLayer !== undefined && (hex === undefined || this.#diffIds.has(`sha256:${hex}`));
    const visitor = new LayerVisitor(subject);
    this.#layer =
      type === 'file' && isWanted
        ? {
            ...{ visitor, tar: tarSink(visitor, subject), hash: createHash('sha256') },
            ...{ sizeBytes: 0, isPromised: false },
          }
        : undefined;
  }

  /** False near a layer's beginning, by which its form is told. */
  promise(): boolean {
    const layer = this.#layer;
    if (layer === undefined || layer.sizeBytes < headBytes) return false;
    layer.isPromised = true;
    return true;
  }

  data(piece: Buffer): void {
    const layer = this.#layer;
    if (layer === undefined) return;
    layer.sizeBytes += piece.length;
    layer.hash.update(piece);
    if (succeeds(() => layer.tar.push(piece))) this.contentBytes += piece.length;
    else this.#giveUp(layer);
  }

  #giveUp(layer: ArrivingLayer): void {
    this.#layer = undefined;
    this.hasBroken ||= layer.isPromised;
  }

  end(): void {
    const layer = this.#layer;
    this.#layer = undefined;
    if (layer === undefined) return;
    const index = succeeds(() => layer.tar.finish()) ? indexOf(layer) : undefined;
    if (index && this.#diffIds.has(index.diffId)) this.indexes.push(index);
    else this.#giveUp(layer);
  }
}

function indexOf({ visitor, hash, sizeBytes }: ArrivingLayer): LayerIndex {
  return visitor.indexOf(finishDigest(hash), sizeBytes);
}

/** False if something is wrong with the bytes. */
function succeeds(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof GscError) return false;
    throw error;
  }
}
