import type { HostEnvironment } from '../base/host-environment.ts';
import type { Reporter } from '../base/reporter.ts';
import { ImageStore, type StoreChoices } from '../store/image-store.ts';
import { openScanCache, type ScanCache } from './scan-cache.ts';

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

export interface WorkspaceOptions extends StoreChoices {
  readonly host: HostEnvironment;
  readonly reporter: Reporter;
  /** False: nothing is kept between runs, and nothing of earlier ones is used. */
  readonly usesCache: boolean;
}

/** Opens a workspace. Nothing is connected or read before it is needed. */
export function openWorkspace({ host, reporter, usesCache, ...choices }: WorkspaceOptions): Workspace {
  const cache = openScanCache(host, reporter, usesCache);
  const images = new ImageStore({ ...cache, host, reporter }, choices);
  const close = async () => {
    await images.close();
    await cache.close();
  };
  return { host, reporter, images, cache, close };
}
