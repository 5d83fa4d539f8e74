import { GscError } from '../base/error.ts';
import type { ImageConfig } from './config.ts';
import type { Image } from './image.ts';
import { runsOnSgx, wrongPlatform } from './select-platform.ts';

/** An image that was opened where it is stored. */
export interface StoredImage extends Image {
  /** The names that the place itself has for the image (tags, `RepoTags`); may be none. */
  readonly names: readonly string[];
  /** Gives back open files; no layer can be read after that. Layers of an open archive need it open. */
  close(): Promise<void>;
}

/** Throws a `platform` error if the config names another platform than linux/amd64. Old images name none. */
export function checkPlatform(config: ImageConfig, subject: string): void {
  const os = config.os || 'linux';
  const architecture = config.architecture || 'amd64';
  if (!runsOnSgx({ os, architecture })) throw wrongPlatform(subject, [`${os}/${architecture}`]);
}

/** Throws an `image` error unless there is one diffId for each layer. */
export function checkLayerCount(config: ImageConfig, layers: number, subject: string): void {
  const diffIds = config.rootfs.diff_ids?.length ?? 0;
  if (diffIds === layers) return;
  throw new GscError({
    code: 'image',
    subject,
    message: `expected as many layers as the config has diff_ids, ${diffIds}, got ${layers}`,
    hint: 'the image is damaged; build or pull it again',
  });
}
