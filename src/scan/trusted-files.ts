import { GscError } from '../base/error.ts';
import { type ByteString, type ImagePath, showBytes } from '../base/image-path.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath, showFailure } from '../tree/resolve-path.ts';
import { type DirectoryMount, reachThroughLinks } from './directory-links.ts';
import { compareKeys } from './path-order.ts';
import { type ExcludedFile, type IgnoredLink, sortOutNames, type TrustedName } from './tree-names.ts';
import { TrustPolicy } from './trust-policy.ts';

export interface SelectOptions {
  /** How messages call the image. */
  readonly subject: string;
  /** Files and directories to trust although a rule leaves them out; links are followed. */
  readonly trust?: readonly ImagePath[];
  /** Names to leave out, with all below them; a link in the last component is the name that goes, not its target. */
  readonly exclude?: readonly ImagePath[];
}

/** A name that the enclave may open, with the content that it must have. */
export type TrustedFile = Omit<TrustedName, 'key'>;

/** How much one rule left out. */
export interface ExclusionCount {
  readonly rule: string;
  readonly reason: string;
  readonly count: number;
  readonly sizeBytes: number;
}

export interface TrustedSelection {
  /** In walk order: by components, in byte order. */
  readonly trusted: readonly TrustedFile[];
  /** In walk order, so a mount comes before those inside of it. */
  readonly mounts: readonly DirectoryMount[];
  readonly excluded: readonly ExcludedFile[];
  /** Per rule that left something out, in the order of the rule's first file. */
  readonly exclusions: readonly ExclusionCount[];
  /** Links that lead nowhere, into an excluded place (`/run`, `/proc/self/fd`) or lie in one. */
  readonly ignoredLinks: readonly IgnoredLink[];
  /** What the user should know besides. */
  readonly notes: readonly string[];
}

/**
 * Chooses the trusted files of a tree: every regular file under its real name, links to files under their own names,
 * and what lies behind directory links through mounts or listed once more. Throws a `not-found` error for a path to
 * trust that the image does not have.
 */
export function selectTrustedFiles(tree: FileTree, options: SelectOptions): TrustedSelection {
  const exclude = (options.exclude ?? []).map((path) => ({ path, name: nameOf(tree, path) }));
  const policy = new TrustPolicy({
    trust: (options.trust ?? []).flatMap((path) => placesOf(tree, path, options.subject)),
    exclude: exclude.flatMap(({ name }) => (name === undefined ? [] : [name])),
  });
  const names = sortOutNames(tree, policy);
  const linked = reachThroughLinks(names);
  const trusted = [...names.trusted, ...linked.names];
  if (linked.names.length > 0) trusted.sort(compareKeys);
  const unmatched = exclude.filter(({ name }) => name === undefined).map(({ path }) => path);
  return {
    trusted: trusted.map(({ key: _, ...file }) => file),
    mounts: linked.mounts,
    excluded: names.excluded,
    exclusions: countExclusions(names.excluded),
    ignoredLinks: names.ignoredLinks,
    notes: notesOf(unmatched, linked.omittedCount),
  };
}

/** The real name of what a path names, its own last link not followed. */
function nameOf(tree: FileTree, path: ImagePath): ImagePath | undefined {
  const found = resolvePath(tree, path, { followLast: false });
  return found.kind === 'found' ? found.path : undefined;
}

function placesOf(tree: FileTree, path: ImagePath, subject: string): readonly ImagePath[] {
  const target = resolvePath(tree, path);
  if (target.kind === 'found') return [...new Set([nameOf(tree, path) ?? path, target.path])];
  throw new GscError({
    code: 'not-found',
    subject,
    message: `${showBytes(path)} is to be trusted, but ${showBytes(showFailure(target))}`,
    hint: 'give a path that the image has, or leave the option out',
  });
}

function countExclusions(excluded: readonly ExcludedFile[]): readonly ExclusionCount[] {
  const counts = new Map<ByteString, ExclusionCount>();
  for (const { rule, reason, sizeBytes } of excluded) {
    const sum = counts.get(rule) ?? { rule, reason, count: 0, sizeBytes: 0 };
    counts.set(rule, { ...sum, count: sum.count + 1, sizeBytes: sum.sizeBytes + sizeBytes });
  }
  return [...counts.values()];
}

function notesOf(unmatched: readonly ImagePath[], omittedCount: number): readonly string[] {
  const notes = unmatched.map(
    (path) => `${showBytes(path)} is to be left out, but the image does not have it`,
  );
  if (omittedCount > 0) {
    notes.push(
      `${omittedCount} directories can be reached through several links and are trusted under shorter names only`,
    );
  }
  return notes;
}
