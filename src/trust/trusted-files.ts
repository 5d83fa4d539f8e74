import { type ByteString, type ImagePath, showBytes } from '../base/image-path.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { classifyPaths, type ExcludedFile, type IgnoredLink, type TrustedName } from './classify-paths.ts';
import { type DirectoryMount, expandDirectoryLinks, type LinkedNames } from './directory-links.ts';
import { compareKeys } from './path-order.ts';
import { leanRulesFor, type TrustLevel } from './trust-level.ts';
import { TrustPolicy } from './trust-policy.ts';
import { excludedPatterns, trustedPatterns } from './user-patterns.ts';

export interface SelectOptions {
  /** How messages call the image. */
  readonly subject: string;
  /** Patterns (`Glob`) of what to trust although a rule leaves it out; the links of a path without wildcards are followed. */
  readonly trust?: readonly ByteString[];
  /** Patterns of what to leave out; a link in the last component is the name that goes, not its target. */
  readonly exclude?: readonly ByteString[];
  /** `full` by default. */
  readonly level?: TrustLevel;
  /** True by default: the translations of messages stay at the level `lean` too. */
  readonly usesTranslations?: boolean;
  /** Real paths that are trusted whatever the rules say: without them nothing would start. */
  readonly required?: readonly ImagePath[];
  /** Directories, by their real paths, that should be seen at other places too. */
  readonly toShow?: readonly DirectoryMount[];
}

/** A name that the enclave may open, with the content that it must have. */
export type TrustedFile = Omit<TrustedName, 'key'>;

/** How much one rule left out. */
export interface ExclusionCount {
  readonly rule: string;
  readonly reason: string;
  readonly origin: ExcludedFile['origin'];
  readonly count: number;
  readonly sizeBytes: number;
}

export interface TrustedSelection {
  /** In walk order: by components, in byte order. */
  readonly trusted: readonly TrustedFile[];
  /** In walk order, so a mount comes before those inside of it. */
  readonly mounts: readonly DirectoryMount[];
  /** What is seen of the directories `toShow`, and of the links in them, likewise. */
  readonly shown: readonly DirectoryMount[];
  readonly excluded: readonly ExcludedFile[];
  /** Per rule that left something out, in the order of the rule's first file. */
  readonly exclusions: readonly ExclusionCount[];
  /** Links that lead nowhere, into an excluded place (`/run`, `/proc/self/fd`) or are in one. */
  readonly ignoredLinks: readonly IgnoredLink[];
  /** What the user should know besides. */
  readonly notes: readonly string[];
}

/**
 * Chooses the trusted files of a tree: every regular file under its real name, links to files under their own names,
 * and what directory links lead to through mounts or listed once more. Throws a `not-found` error for a path or
 * pattern to trust that stands for nothing in the image.
 */
export function selectTrustedFiles(tree: FileTree, options: SelectOptions): TrustedSelection {
  const excluded = excludedPatterns(tree, options.exclude ?? []);
  const policy = new TrustPolicy({
    trust: trustedPatterns(tree, options.trust ?? [], options.subject),
    exclude: excluded.globs,
    level: options.level === 'lean' ? leanRulesFor(options.usesTranslations ?? true) : [],
    required: options.required ?? [],
  });
  const names = classifyPaths(tree, policy);
  const linked = expandDirectoryLinks(names, options.toShow);
  const trusted = [...names.trusted, ...linked.names];
  if (linked.names.length > 0) trusted.sort(compareKeys);
  return {
    trusted: trusted.map(({ key: _, ...file }) => file),
    mounts: linked.mounts,
    shown: linked.shown,
    excluded: names.excluded,
    exclusions: countExclusions(names.excluded),
    ignoredLinks: names.ignoredLinks,
    notes: [...excluded.notes, ...policy.overruled().map(overruledNote), ...omissionNotes(linked)],
  };
}

function countExclusions(excluded: readonly ExcludedFile[]): readonly ExclusionCount[] {
  const counts = new Map<ByteString, ExclusionCount>();
  for (const { rule, reason, origin, sizeBytes } of excluded) {
    const key = `${origin} ${rule}`;
    const sum = counts.get(key) ?? { rule, reason, origin, count: 0, sizeBytes: 0 };
    counts.set(key, { ...sum, count: sum.count + 1, sizeBytes: sum.sizeBytes + sizeBytes });
  }
  return [...counts.values()];
}

function overruledNote(path: ImagePath): string {
  return `--exclude ${showBytes(path)} ignored: the program cannot start without it`;
}

function omissionNotes({ omittedCount, isOmittedCountExact }: LinkedNames): readonly string[] {
  if (omittedCount === 0) return [];
  return [
    `${omittedCount}${isOmittedCountExact ? '' : ' and more'} directories can be reached through several links and are trusted under shorter names only`,
  ];
}
