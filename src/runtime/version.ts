import { GscError } from '../base/error.ts';

/** The dialect of a runtime. */
export type Family = 'gramine' | 'graphene';

/** Gramine releases whose manifests or enclaves differ; patch releases count as their release. */
export const gramineReleases = ['1.4', '1.5', '1.6', '1.7', '1.8', '1.9', 'master'] as const;
export type GramineRelease = (typeof gramineReleases)[number];

/** The version of a runtime: as its files or the user give it (`1.6.2`, `v1.9`), and the release whose rules it follows. */
export interface RuntimeVersion {
  readonly family: 'gramine';
  readonly text: string;
  readonly release: GramineRelease;
}

/**
 * Reads a version: `1.9`, `v1.6.2`, `1.9post~UNRELEASED`, `master`. A release newer than those known follows the rules
 * of `master`. Throws a `runtime` error for anything else, with `where` it was said.
 */
export function parseRuntimeVersion(text: string, where?: string): RuntimeVersion {
  const trimmed = text.trim();
  if (trimmed === 'master') return { family: 'gramine', text: 'master', release: 'master' };
  const match = /^v?(\d+)\.(\d+)(?:\.\d+)*(post|[.~+-]|$)/.exec(trimmed);
  const [major, minor] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || major < 1 || (major === 1 && minor < 4)) throw unknownVersion(text, where);
  const known = gramineReleases.find((release) => release === `${major}.${minor}`);
  const isDevelopment = match[3] === 'post' && known === '1.9';
  const release = known === undefined || isDevelopment ? 'master' : known;
  return { family: 'gramine', text: trimmed.replace(/^v/, ''), release };
}

/** True if `release` is `other` or came after it. */
export function isAtLeast(release: GramineRelease, other: GramineRelease): boolean {
  return gramineReleases.indexOf(release) >= gramineReleases.indexOf(other);
}

function unknownVersion(text: string, where = 'runtime version'): GscError {
  return new GscError({
    code: 'runtime',
    subject: where,
    message: `expected a Gramine version from 1.4 on, or master, got ${JSON.stringify(text)}`,
    hint: 'give it as --runtime-version 1.9',
  });
}
