import type { Digest } from '../base/digest.ts';
import { digestOf } from '../base/digest.ts';
import { canonicalJson } from '../json/canonical-json.ts';
import type { ImageConfig, RunConfig } from './config.ts';
import type { Descriptor } from './descriptor.ts';
import type { Image, Layer } from './image.ts';
import { descriptorToJson } from './manifest.ts';
import { mediaTypes } from './media-type.ts';

/** A layer to put on top of an image, with the line that `docker history` shows for it. */
export interface AddedLayer {
  readonly layer: Layer;
  readonly comment: string;
}

export interface AppendOptions {
  readonly name: string;
  readonly layers: readonly AddedLayer[];
  /** Changes of the run configuration (entrypoint, labels, …). */
  readonly configure: (config: RunConfig) => RunConfig;
  /** Creation time of the result, RFC 3339. */
  readonly created: string;
}

/** The image with layers added on top; everything that was there stays byte for byte. Pure. */
export function appendLayers(base: Image, options: AppendOptions): Image {
  const config = appendToConfig(base.config, options);
  return assembleImage({
    name: options.name,
    config,
    layers: [...base.layers, ...options.layers.map((added) => added.layer)],
    isDocker: base.manifest.mediaType === mediaTypes.dockerManifest,
  });
}

/** True if the lowest layers of an image are all those of another one. */
export function beginsWith(image: Image, base: Image): boolean {
  return base.layers.every(({ diffId }, index) => diffId === image.layers[index]?.diffId);
}

export interface ImageParts {
  readonly name: string;
  readonly config: ImageConfig;
  readonly layers: readonly Layer[];
  /** Docker's media types instead of OCI's. */
  readonly isDocker: boolean;
  /** The config's exact bytes, if they exist already; else it is written canonically. */
  readonly configBytes?: Buffer;
}

/** Makes the manifest for a config and layers, and so an image. Pure. */
export function assembleImage(parts: ImageParts): Image {
  const configBytes = parts.configBytes ?? canonicalJson(parts.config);
  const configDescriptor: Descriptor = {
    mediaType: parts.isDocker ? mediaTypes.dockerConfig : mediaTypes.ociConfig,
    digest: digestOf(configBytes),
    sizeBytes: configBytes.length,
  };
  const mediaType = parts.isDocker ? mediaTypes.dockerManifest : mediaTypes.ociManifest;
  const manifestBytes = canonicalJson({
    schemaVersion: 2,
    mediaType,
    config: descriptorToJson(configDescriptor),
    layers: parts.layers.map((layer) => descriptorToJson(layer.descriptor)),
  });
  return {
    name: parts.name,
    manifest: { mediaType, digest: digestOf(manifestBytes), sizeBytes: manifestBytes.length },
    configDescriptor,
    config: parts.config,
    manifestBytes,
    configBytes,
    layers: parts.layers,
  };
}

function appendToConfig(base: ImageConfig, options: AppendOptions): ImageConfig {
  const added = options.layers.map((entry) => ({
    created: options.created,
    created_by: 'gsc',
    comment: entry.comment,
  }));
  const diffIds: Digest[] = options.layers.map((entry) => entry.layer.diffId);
  return {
    ...base,
    created: options.created,
    config: options.configure(base.config ?? {}),
    rootfs: { ...base.rootfs, diff_ids: [...(base.rootfs.diff_ids ?? []), ...diffIds] },
    ...(hasFullHistory(base) && { history: [...(base.history ?? []), ...added] }),
  };
}

/** History must have one line for each layer that is not empty; where the base's does not, none is better than a wrong one. */
function hasFullHistory(config: ImageConfig): boolean {
  const lines = (config.history ?? []).filter((line) => line.empty_layer !== true);
  return lines.length === (config.rootfs.diff_ids ?? []).length;
}
