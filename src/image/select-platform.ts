import { GscError } from '../base/error.ts';
import { type Descriptor, sgxPlatform, showPlatform } from './descriptor.ts';
import type { ImageIndex } from './manifest.ts';

/**
 * Chooses the candidates for linux/amd64 from an index, best first: entries that name the platform, then entries that
 * name none (nested indexes, single images). Throws a `platform` error that lists what there is if there are none.
 */
export function candidatesForSgx(index: ImageIndex, subject: string): readonly Descriptor[] {
  const named = index.manifests.filter((entry) => entry.platform && runsOnSgx(entry.platform));
  const unnamed = index.manifests.filter((entry) => entry.platform === undefined);
  const candidates = [...named, ...unnamed];
  if (candidates.length > 0) return candidates;
  throw wrongPlatform(
    subject,
    index.manifests.flatMap((entry) => (entry.platform ? [showPlatform(entry.platform)] : [])),
  );
}

/** SGX exists on linux/amd64 only; variants of amd64 (v2, v3) are the same instruction set. */
export function runsOnSgx(platform: { readonly os: string; readonly architecture: string }): boolean {
  return platform.os === sgxPlatform.os && platform.architecture === sgxPlatform.architecture;
}

/** The error for an image that exists, but for other platforms only. */
export function wrongPlatform(subject: string, found: readonly string[]): GscError {
  const list = found.length > 0 ? [...new Set(found)].join(', ') : 'nothing';
  return new GscError({
    code: 'platform',
    subject,
    message: `expected an image for ${showPlatform(sgxPlatform)}, got ${list}`,
    hint: `SGX enclaves run on ${showPlatform(sgxPlatform)} only: build or pull the image for that platform`,
  });
}
