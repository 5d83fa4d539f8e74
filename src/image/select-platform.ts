import { GscError } from '../base/error.ts';
import { type Descriptor, normalPlatform, type Platform, sgxPlatform, showPlatform } from './descriptor.ts';

/** A level of amd64 beyond these is one that no processor is known to have. golang.org/wiki/MinimumRequirements#amd64 */
const unknownLevel = 9;

/**
 * The entries of an index that may be for linux/amd64, best first: those that name the platform, then those that name none
 * (nested indexes, single images). Of several levels of amd64 (plain, v2, v3, v4) the plainest comes first, as every
 * processor runs it; if `wanted` names a level, the highest up to that one, and none above it.
 */
export function candidatesForSgx(
  entries: readonly Descriptor[],
  wanted: Platform = sgxPlatform,
): readonly Descriptor[] {
  const isLevelWanted = wanted.variant !== undefined;
  const named = entries
    .filter(({ platform }) => platform && runsOnSgx(platform))
    .filter(({ platform }) => !isLevelWanted || levelOf(platform) <= levelOf(wanted))
    .toSorted((a, b) => (levelOf(a.platform) - levelOf(b.platform)) * (isLevelWanted ? -1 : 1));
  return [...named, ...entries.filter(({ platform }) => platform === undefined)];
}

/** SGX exists on linux/amd64 only, at whatever level of it. */
export function runsOnSgx(platform: Platform): boolean {
  const { os, architecture } = normalPlatform(platform);
  return os === sgxPlatform.os && architecture === sgxPlatform.architecture;
}

/** What to report about the entry that was taken, where amd64 has levels; else undefined. */
export function choiceNote({ platform }: Descriptor, entries: readonly Descriptor[]): string | undefined {
  if (platform === undefined) return undefined;
  const own = showPlatform(platform);
  const levels = entries.flatMap((entry) =>
    entry.platform && runsOnSgx(entry.platform) ? [entry.platform] : [],
  );
  const others = [...new Set(levels.map(showPlatform))].filter((shown) => shown !== own);
  if (others.length > 0)
    return `took the image for ${own}; there is also ${others.join(', ')} (see --platform)`;
  return platform.variant && `took the image for ${own}, the only one for ${showPlatform(sgxPlatform)}`;
}

/** The error for an image that exists, but for other platforms only. */
export function wrongPlatform(
  subject: string,
  found: readonly string[],
  wanted: Platform = sgxPlatform,
): GscError {
  const list = found.length > 0 ? [...new Set(found)].join(', ') : 'nothing';
  return new GscError({
    code: 'platform',
    subject,
    message: `expected an image for ${showPlatform(wanted)}, got ${list}`,
    hint:
      wanted.variant === undefined
        ? `SGX enclaves run on ${showPlatform(sgxPlatform)} only: build or pull the image for that platform`
        : `leave out --platform to take any image for ${showPlatform(sgxPlatform)}`,
  });
}

/** 1 for plain amd64, 2 to 4 for its variants. */
function levelOf(platform: Platform | undefined): number {
  const variant = platform?.variant ?? 'v1';
  return /^v[1-4]$/.test(variant) ? Number(variant.slice(1)) : unknownLevel;
}
