import { type ImagePath, isWithin, showBytes } from '../base/image-path.ts';
import { type ManifestProblem, throwOnProblems } from '../manifest/schema/problem.ts';
import { showPath } from '../manifest/toml/toml.ts';
import type { MissingMount } from './mount-sources.ts';

export interface MissingMountParts {
  /** How messages call the user's manifest. */
  readonly subject: string;
  readonly appName: string;
  /** Where gsc itself mounts something. */
  readonly ownMounts: readonly ImagePath[];
  /** What has to be there when the program starts. */
  readonly needed: readonly ImagePath[];
}

/**
 * What to report about mounts of what the image does not have, which are left out. Throws a `manifest` error for those
 * that were meant to stand where gsc mounts something itself, or to hold what the start needs.
 */
export function missingMountNotes(
  missing: readonly MissingMount[],
  parts: MissingMountParts,
): readonly string[] {
  throwOnProblems(
    parts.subject,
    missing.flatMap((mount) => problemWith(mount, parts)),
  );
  return missing.map(({ at, uri, path, line, column }) => {
    const place = `${parts.subject}:${line}:${column}: ${showPath(path)}`;
    return `${place}: ${parts.appName} has no ${uri}; the mount at ${showBytes(at)} is left out, as nothing starts with it`;
  });
}

function problemWith(mount: MissingMount, parts: MissingMountParts): readonly ManifestProblem[] {
  const { at, uri, path, line, column } = mount;
  const own = parts.ownMounts.find((place) => isWithin(place, at));
  const hidden = own ?? parts.needed.find((place) => isWithin(place, at));
  if (hidden === undefined) return [];
  const what =
    own === undefined ? `${showBytes(hidden)}, which the start needs` : `gsc's mount at ${showBytes(hidden)}`;
  return [
    {
      path,
      line,
      column,
      message: `expected a source that ${parts.appName} has, got ${uri}, which it does not have; the mount at ${showBytes(at)} would hide ${what}`,
      hint: 'remove the mount, mount what the image has, or name in sgx.allowed_files what containers will have there',
    },
  ];
}
