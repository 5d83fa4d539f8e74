import { type Digest, digestOfHex, hexOf } from '../base/digest.ts';
import { digestOfValue } from '../base/value-digest.ts';
import type { ByteStream, Image, Layer } from '../image/image.ts';
import type { BlobCache } from '../store/cache/blob-cache.ts';
import { decodeRecord, encodeImageRecord } from '../store/engine/image-record.ts';
import type { LayerStore } from '../store/kept-layers.ts';

/** What a build depends on besides its app image and gsc itself: a plain value, see `digestOfValue`. */
export type BuildInputs = unknown;

/** A build, by all that makes its result. */
export interface BuildOrder {
  readonly app: Image;
  readonly inputs: BuildInputs;
  /** How messages call the result. */
  readonly name: string;
}

/** The result of a build that was made before, with what was said of it. */
export interface KnownBuild<Report> {
  readonly image: Image;
  readonly report: Report;
}

/** Keeps results of builds: their documents and their reports, not their layers. */
export interface BuildStore {
  /**
   * The result of the same build, undefined if it is not known or if a layer of it is not kept any more. `rebuild` makes it anew,
   * for a layer that goes meanwhile.
   */
  find<Report>(order: BuildOrder, rebuild: () => Promise<Image>): Promise<KnownBuild<Report> | undefined>;
  /**
   * The digest that belongs to a state of something, a plain value: the one found out before, else that of `read`. Where there is
   * no state it is read each time.
   */
  digestOf(state: unknown, read: () => Promise<Digest>): Promise<Digest>;
  /** Keeps a result; `report` is plain JSON. */
  save<Report>(order: BuildOrder, build: KnownBuild<Report>): Promise<void>;
}

/** Another state of gsc's sources may make another image: it has results of its own. */
const sources = `${__GSC_VERSION__}-${__GSC_BUILD__}`.toLowerCase().replace(/[^a-z0-9.-]/g, '-');
const kind = `build-${sources}`;
const stateKind = `state-${sources}`;

/** What lies in the cache, as JSON. Written by the same build of gsc, and sealed: its form is not in question. */
interface Entry {
  /** As of an image of an Engine, in base64. */
  readonly record: string;
  readonly diffIds: readonly Digest[];
  readonly report: unknown;
}

export function buildStore(blobs: BlobCache, layers: LayerStore): BuildStore {
  return {
    find: async <Report>(order: BuildOrder, rebuild: () => Promise<Image>) => {
      const bytes = await blobs.get({ kind, digest: keyOf(order) });
      if (bytes === undefined) return undefined;
      const { record, diffIds, report }: Entry = JSON.parse(bytes.toString('utf8'));
      const { app, name } = order;
      for (const digest of diffIds.slice(app.layers.length))
        if (!(await blobs.has({ kind: 'layer', digest }))) return undefined;
      const source = { app, layers, rebuild };
      const image = decodeRecord(Buffer.from(record, 'base64'), { name, diffIds }, ({ diffId }, index) =>
        openLayer(source, diffId, index),
      );
      return image && { image, report: report as Report };
    },
    digestOf: async (state, read) => {
      if (state === undefined) return read();
      const key = { kind: stateKind, digest: digestOfValue(state) };
      const kept = await blobs.get(key);
      if (kept?.length === 32) return digestOfHex(kept.toString('hex'));
      const digest = await read();
      await blobs.put(key, Buffer.from(hexOf(digest), 'hex'));
      return digest;
    },
    save: async (order, { image, report }) => {
      const record = encodeImageRecord(image).toString('base64');
      const diffIds = image.layers.map(({ diffId }) => diffId);
      const entry: Entry = { record, diffIds, report };
      await blobs.put({ kind, digest: keyOf(order) }, Buffer.from(JSON.stringify(entry)));
    },
  };
}

/** The app image by its documents, which hold the digests of its layers. */
function keyOf({ app, inputs, name }: BuildOrder): Digest {
  const { manifest, configDescriptor, isManifestSynthesized } = app;
  return digestOfValue({
    ...{ name, inputs, app: app.name, manifest: manifest.digest, mediaType: manifest.mediaType },
    ...{ config: configDescriptor.digest, isManifestSynthesized },
  });
}

interface LayerSource {
  readonly app: Image;
  readonly layers: LayerStore;
  readonly rebuild: () => Promise<Image>;
}

async function* openLayer({ app, layers, rebuild }: LayerSource, diffId: Digest, index: number): ByteStream {
  const own = app.layers[index];
  if (own !== undefined) return yield* own.open();
  const kept = await layers.load(diffId);
  if (kept !== undefined) return yield kept;
  yield* ((await rebuild()).layers[index] as Layer).open();
}
