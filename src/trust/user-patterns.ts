import { GscError } from '../base/error.ts';
import { type ByteString, type ImagePath, imagePath, showBytes } from '../base/image-path.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath, showFailure } from '../tree/resolve-path.ts';
import { walkTree } from '../tree/walk-tree.ts';
import { type Glob, globOf, matchGlob, parseGlob, rebaseGlob } from './glob.ts';

/** The patterns of `--exclude` under real names, and a note for each that stands for nothing. */
export interface ExcludedPatterns {
  readonly globs: readonly Glob[];
  readonly notes: readonly string[];
}

/** Looks up what the user wants left out. Links on the way are followed, one in the last component is meant itself. */
export function excludedPatterns(tree: FileTree, patterns: readonly ByteString[]): ExcludedPatterns {
  const found = patterns.map((pattern) => ({ pattern, glob: excludedGlob(tree, parseGlob(pattern)) }));
  return {
    globs: found.flatMap(({ glob }) => (glob ? [glob] : [])),
    notes: found
      .filter(({ glob }) => glob === undefined)
      .map(({ pattern }) => `--exclude ${showBytes(pattern)}: the image does not have it`),
  };
}

/**
 * Looks up what the user wants to trust. A path without wildcards means itself and what its links lead to; a pattern means
 * the real names that it matches. Throws a `not-found` error for one that stands for nothing.
 */
export function trustedPatterns(
  tree: FileTree,
  patterns: readonly ByteString[],
  subject: string,
): readonly Glob[] {
  return patterns.flatMap((pattern) => {
    const glob = parseGlob(pattern);
    if (!glob.hasWildcards) return placesOf(tree, glob.base, subject).map(globOf);
    const real = realGlob(tree, glob);
    if (real !== undefined) return [real];
    throw matchesNothing(tree, glob, subject);
  });
}

function excludedGlob(tree: FileTree, glob: Glob): Glob | undefined {
  if (glob.hasWildcards) return realGlob(tree, glob);
  const name = nameOf(tree, glob.base);
  return name === undefined ? undefined : globOf(name);
}

/** A pattern with the directories before its first wildcard under their real names; undefined if it matches nothing. */
function realGlob(tree: FileTree, glob: Glob): Glob | undefined {
  const base = resolvePath(tree, glob.base);
  if (base.kind !== 'found') return undefined;
  const real = rebaseGlob(glob, base.path);
  for (const { path } of walkTree(tree, base.path)) {
    if (matchGlob(real, path) !== undefined) return real;
  }
  return undefined;
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
    message: `--trust ${showBytes(path)}: ${showBytes(showFailure(target))}`,
    hint: 'give a path that the image has, or remove the option',
  });
}

function matchesNothing(tree: FileTree, glob: Glob, subject: string): GscError {
  const isMeantLiterally = nameOf(tree, imagePath(glob.pattern)) !== undefined;
  return new GscError({
    code: 'not-found',
    subject,
    message: `--trust ${showBytes(glob.pattern)}: it matches nothing in the image`,
    hint: isMeantLiterally
      ? 'there is a file of just that name: write a backslash before each of the characters * ? ['
      : 'give a pattern that matches something, or remove the option',
  });
}
