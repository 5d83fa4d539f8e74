import type { HostEnvironment } from '../base/host-environment.ts';
import type { Reporter } from '../base/reporter.ts';
import { sharedSignal } from '../base/shared-signal.ts';
import type { ImageReference } from '../reference/image-reference.ts';
import { ImageStore } from '../store/image-store.ts';
import type { StoreChoices } from '../store/store-options.ts';
import { openScanCache, type ScanCache, withSharedIndexes } from './scan-cache.ts';
import { type SharedCacheKey, SharedIndexes } from './shared-indexes.ts';

/** What one run of gsc works with. */
export interface Workspace {
  readonly host: HostEnvironment;
  readonly reporter: Reporter;
  /** Where images are opened and stored. */
  readonly images: ImageStore;
  /** What is kept between runs. */
  readonly cache: ScanCache;
  /** Gives back everything that was opened. */
  close(): Promise<void>;
}

/** Where machines share indexes of layers. */
export interface SharedCacheChoice {
  readonly from: readonly ImageReference[];
  readonly to: ImageReference | undefined;
  readonly key: SharedCacheKey;
}

export interface WorkspaceOptions extends StoreChoices {
  readonly host: HostEnvironment;
  readonly reporter: Reporter;
  /** False: nothing is kept between runs, and nothing of earlier ones is used. */
  readonly usesCache: boolean;
  readonly sharedCache?: SharedCacheChoice;
}

/** Opens a workspace. Nothing is connected or read before it is needed. */
export function openWorkspace({ host: callersHost, ...options }: WorkspaceOptions): Workspace {
  const { reporter, usesCache, sharedCache, ...choices } = options;
  const host = { ...callersHost, signal: sharedSignal(callersHost.signal) };
  const own = openScanCache(host, reporter, usesCache);
  const images = new ImageStore({ ...own, host, reporter }, choices);
  const cache = sharedCache
    ? withSharedIndexes(own, sharedIndexes(images, { ...options, host }, sharedCache))
    : own;
  const close = async () => {
    await images.close();
    await cache.close();
  };
  return { host, reporter, images, cache, close };
}

function sharedIndexes(
  images: ImageStore,
  { host: { signal }, reporter }: WorkspaceOptions,
  { from, to, key }: SharedCacheChoice,
): SharedIndexes {
  const places = from.map((reference) => images.artifactsAt(reference));
  const target = to && images.artifactsAt(to);
  // The same place is one object: what is wrong with it is said once.
  const written = target && (places.find(({ name }) => name === target.name) ?? target);
  return new SharedIndexes({ from: places, to: written, key, reporter, signal });
}
