import { GscError } from '../base/error.ts';
import type { ImageConfig } from './config.ts';
import { showPlatform } from './descriptor.ts';
import type { Image } from './image.ts';
import { runsOnSgx, wrongPlatform } from './select-platform.ts';

/** An image that was opened where it is stored. */
export interface StoredImage extends Image {
  /** The names that the place itself has for the image (tags, `RepoTags`); may be none. */
  readonly names: readonly string[];
  /** What to report about how the image was found: which of several was taken. */
  readonly notes: readonly string[];
  /** What is odd about how it is stored. */
  readonly warnings: readonly string[];
  /** Gives back open files; no layer can be read after that. Layers of an open archive need it open. */
  close(): Promise<void>;
}

/** The `platform` error for a config that names another platform than linux/amd64; undefined if all is well. Old images name none. */
export function platformProblem(config: ImageConfig, subject: string): GscError | undefined {
  const platform = { os: config.os || 'linux', architecture: config.architecture || 'amd64' };
  return runsOnSgx(platform) ? undefined : wrongPlatform(subject, [showPlatform(platform)]);
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
