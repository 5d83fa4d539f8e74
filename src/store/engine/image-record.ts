import { type Digest, digestOf } from '../../base/digest.ts';
import { assembleImage } from '../../image/append.ts';
import { parseImageConfig } from '../../image/config.ts';
import type { Image, Layer } from '../../image/image.ts';
import { parseManifest } from '../../image/manifest.ts';
import { mediaTypes } from '../../image/media-type.ts';
import { canonicalJson } from '../../json/canonical-json.ts';
import { readJson } from '../../json/read-json.ts';
import { exactly, flag, object, required, text } from '../../json/shape.ts';

/**
 * Keeps what an Engine tells only by exporting an image whole: its exact config and the sizes of its layers. By image
 * ID, which is a digest, so that a record never goes stale. The bytes are for the store to keep, not to read.
 */
export interface ImageRecordStore {
  load(id: Digest): Promise<Buffer | undefined>;
  save(id: Digest, record: Buffer): Promise<void>;
}

/** Changes with the form of the records; others count as unknown. */
const recordVersion = 2;

const recordShape = object({
  version: required(exactly(recordVersion)),
  mediaType: required(text),
  /** Base64; what is damaged has another digest, or is not JSON. */
  manifest: required(text),
  config: required(text),
  isManifestSynthesized: required(flag),
});

/** The record of an exported image: manifest and config. The same image gives the same bytes. */
export function encodeImageRecord({
  manifest,
  manifestBytes,
  configBytes,
  isManifestSynthesized,
}: Image): Buffer {
  return canonicalJson({
    version: recordVersion,
    mediaType: manifest.mediaType,
    manifest: manifestBytes.toString('base64'),
    config: configBytes.toString('base64'),
    isManifestSynthesized: isManifestSynthesized === true,
  });
}

/**
 * The record that exporting a loaded image would give, of an Engine that keeps config and tars as they were loaded. Undefined if
 * it has the image under another ID than its config's, or if the tars are not known by their sizes.
 */
export function recordOfLoaded(image: Image, id: Digest): Buffer | undefined {
  const isKept = image.layers.every(({ descriptor, diffId }) => descriptor.digest === diffId);
  if (!isKept || id !== image.configDescriptor.digest) return undefined;
  const layers = image.layers.map((layer) => ({
    ...layer,
    descriptor: { ...layer.descriptor, mediaType: mediaTypes.dockerLayer },
  }));
  const { name, config, configBytes } = image;
  const exported = assembleImage({ name, config, configBytes, layers, isDocker: true });
  return encodeImageRecord({ ...exported, isManifestSynthesized: true });
}

/**
 * The image of a record, its layers opened by `open`. Undefined if the record is damaged, of another version, or not of
 * an image with these diffIds: then the image is exported again.
 */
export function decodeRecord(
  bytes: Buffer,
  expected: { readonly name: string; readonly diffIds: readonly Digest[] },
  open: (layer: Omit<Layer, 'open'>, index: number) => ReturnType<Layer['open']>,
): Image | undefined {
  try {
    return readRecord(bytes, expected, open);
  } catch {
    // A record is a convenience: whatever is wrong with it, the Engine still has the image.
    return undefined;
  }
}

function readRecord(
  bytes: Buffer,
  { name, diffIds }: { readonly name: string; readonly diffIds: readonly Digest[] },
  open: (layer: Omit<Layer, 'open'>, index: number) => ReturnType<Layer['open']>,
): Image | undefined {
  const { value: record } = readJson(bytes, recordShape);
  if (record === undefined) return undefined;
  const [manifestBytes, configBytes] = [decode(record.manifest), decode(record.config)];
  const config = parseImageConfig(configBytes, name);
  const manifest = parseManifest(manifestBytes, name, record.mediaType);
  if (manifest.kind !== 'manifest' || manifest.config.digest !== digestOf(configBytes)) return undefined;
  if (config.rootfs.diff_ids?.join() !== diffIds.join() || manifest.layers.length !== diffIds.length) {
    return undefined;
  }
  return {
    name,
    manifest: {
      mediaType: manifest.mediaType,
      digest: digestOf(manifestBytes),
      sizeBytes: manifestBytes.length,
    },
    ...(record.isManifestSynthesized && { isManifestSynthesized: true }),
    manifestBytes,
    configDescriptor: manifest.config,
    config,
    configBytes,
    layers: manifest.layers.map((descriptor, i) => {
      const layer = { descriptor, diffId: diffIds[i] as Digest };
      return { ...layer, open: () => open(layer, i) };
    }),
  };
}

function decode(base64: string): Buffer {
  return Buffer.from(base64, 'base64');
}
