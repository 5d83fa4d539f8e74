import { GscError } from '../base/error.ts';
import { type Labels, labels } from '../image/labels.ts';

/** The dialect of a runtime. */
export type Family = 'gramine' | 'graphene';

/** Graphene before it was renamed: the commit of the first GSC, and two releases. */
export const grapheneReleases = ['f51aafddf', '1.1', '1.2-rc1'] as const;
export type GrapheneRelease = (typeof grapheneReleases)[number];

/** Gramine releases whose manifests or enclaves differ; patch releases count as their release. */
export const gramineReleases = ['1.4', '1.5', '1.6', '1.7', '1.8', '1.9', 'master'] as const;
export type GramineRelease = (typeof gramineReleases)[number];

/** All releases, oldest first. Gramine 1.0 to 1.3 are not supported. */
const releases = [...grapheneReleases, ...gramineReleases] as const;
export type Release = (typeof releases)[number];

/** The version of a runtime: as its files or the user give it (`1.6.2`, `v1.9`), and the release whose rules it follows. */
export type RuntimeVersion = { readonly text: string } & (
  | { readonly family: 'gramine'; readonly release: GramineRelease }
  | { readonly family: 'graphene'; readonly release: GrapheneRelease }
);

/**
 * Reads a version: `1.9`, `v1.6.2`, `1.9post~UNRELEASED`, `master`; of Graphene `graphene-1.1`, `graphene-v1.2-rc1` and
 * `graphene-f51aafddf`, the beginning of a commit. A release newer than those known follows the rules of `master`. Throws a
 * `runtime` error for anything else, with `where` it was said.
 */
export function parseRuntimeVersion(text: string, where?: string): RuntimeVersion {
  const trimmed = text.trim();
  const legacy = /^graphene[- ]?(.*)$/i.exec(trimmed)?.[1];
  if (legacy !== undefined) return parseGrapheneVersion(legacy, where);
  if (trimmed === 'master') return { family: 'gramine', text: 'master', release: 'master' };
  const match = /^v?(\d+)\.(\d+)(?:\.\d+)*(post|[.~+-]|$)/.exec(trimmed);
  const [major, minor] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || major < 1 || (major === 1 && minor < 4)) throw unknownVersion(text, where);
  const known = gramineReleases.find((release) => release === `${major}.${minor}`);
  const isDevelopment = match[3] === 'post' && known === '1.9';
  const release = known === undefined || isDevelopment ? 'master' : known;
  return { family: 'gramine', text: trimmed.replace(/^v/, ''), release };
}

/** The commit of Graphene that brought the first GSC, as git has it. */
const firstGsc = 'f51aafddf3989db89fd4375c95430d9ab4d0fe29';

function parseGrapheneVersion(text: string, where: string | undefined): RuntimeVersion {
  const name = text.replace(/^v(?=\d)/, '').toLowerCase();
  const release = grapheneReleases.find(
    (each) => each === name || (each === 'f51aafddf' && name.length >= 7 && firstGsc.startsWith(name)),
  );
  if (release !== undefined) return { family: 'graphene', text: release, release };
  throw new GscError({
    code: 'runtime',
    subject: where ?? 'runtime version',
    message: `expected a Graphene version: ${grapheneReleases.join(', ')}; got ${JSON.stringify(text)}`,
    hint: 'give it as in --runtime-version graphene-1.1',
  });
}

/** A version as {@link parseRuntimeVersion} reads it: `1.9`, `graphene-1.1`. */
export function versionName({ family, text }: RuntimeVersion): string {
  return family === 'gramine' ? text : `graphene-${text}`;
}

/** A version as reports name it: `Gramine 1.9`, `Graphene 1.1`. */
export function showVersion({ family, text }: Pick<RuntimeVersion, 'family' | 'text'>): string {
  return `${familyName({ family })} ${text}`;
}

/** What a runtime is called: `Gramine`, `Graphene`. */
export function familyName({ family }: Pick<RuntimeVersion, 'family'>): string {
  return family === 'gramine' ? 'Gramine' : 'Graphene';
}

/** True if the library OS of a release starts scripts by their `#!` line. */
export function runsScripts(release: Release): boolean {
  return isAtLeast(release, '1.4');
}

/** True if it is known how long a release takes to parse a manifest: only Gramine was measured. */
export function hasPredictedStart(release: Release): boolean {
  return isAtLeast(release, '1.4');
}

/** A release as reports name it. */
export function showRelease(release: Release): string {
  return showVersion({ family: isAtLeast(release, '1.4') ? 'gramine' : 'graphene', text: release });
}

/** The version that the labels of a graminized image or of a built runtime name; undefined if they name none. */
export function labelledVersion(found: Labels): RuntimeVersion | undefined {
  const text = found[labels.runtimeVersion];
  if (text === undefined) return undefined;
  return parseRuntimeVersion(found[labels.family] === 'graphene' ? `graphene-${text}` : text);
}

/** True if `release` is `other` or came after it. */
export function isAtLeast(release: Release, other: Release): boolean {
  return releases.indexOf(release) >= releases.indexOf(other);
}

function unknownVersion(text: string, where = 'runtime version'): GscError {
  return new GscError({
    code: 'runtime',
    subject: where,
    message: `expected a Gramine version from 1.4 on, or master, got ${JSON.stringify(text)}`,
    hint: 'give it as --runtime-version 1.9; versions of Graphene as graphene-1.1, graphene-1.2-rc1, graphene-f51aafddf',
  });
}
