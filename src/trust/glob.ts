import {
  type ComponentPattern,
  literalCount,
  matchesComponent,
  parseComponent,
} from '../base/component-pattern.ts';
import {
  type ByteString,
  componentsOf,
  type ImagePath,
  imagePath,
  isWithin,
  showBytes,
  textOfBytes,
} from '../base/image-path.ts';

/**
 * A pattern of paths. It stands for every path that it matches, and for all below such a path.
 *
 * | in a pattern | stands for |
 * |---|---|
 * | `*` | any characters of one component, none as well, a leading dot too |
 * | `?` | one character of a component |
 * | `[abc]`, `[a-z]` | one of these characters |
 * | `[!abc]`, `[^abc]` | one character that is none of these |
 * | `**` as a whole component | any number of components: none as well, but at the end of a pattern at least one |
 * | `\x` | the character x itself; in brackets a backslash is itself |
 *
 * A `[` that is never closed stands for itself. Characters are those of UTF-8; in names that are not UTF-8, bytes.
 */
export interface Glob {
  /** As given, cleaned like a path. */
  readonly pattern: ByteString;
  /** True if it can stand for more than one path and what is below. */
  readonly hasWildcards: boolean;
  /** The components before the first wildcard, without backslashes; without wildcards the whole path. */
  readonly base: ImagePath;
  /** The components from the first wildcard on, as given. */
  readonly rest: ByteString;
  /** How many characters of the pattern stand for themselves: the more, the more exact it is. */
  readonly literalCount: number;
  /** For paths that are UTF-8; undefined if the pattern is not. */
  readonly text: readonly ComponentPattern[] | undefined;
  /** For paths that are not UTF-8. */
  readonly bytes: readonly ComponentPattern[];
}

/** Reads a pattern; relative ones are relative to `/`. Throws a `usage` error for a range that runs backwards. */
export function parseGlob(pattern: ByteString): Glob {
  const clean = imagePath(pattern);
  const components = componentsOf(clean);
  const bytes = parseComponents(clean, showBytes(clean));
  const text = textOfBytes(clean);
  const firstWild = bytes.findIndex(({ kind }) => kind !== 'literal');
  const plain = firstWild < 0 ? bytes : bytes.slice(0, firstWild);
  return {
    pattern: clean,
    hasWildcards: firstWild >= 0,
    base: imagePath(`/${plain.map((part) => (part.kind === 'literal' ? part.name : '')).join('/')}`),
    rest: firstWild < 0 ? '' : components.slice(firstWild).join('/'),
    literalCount: bytes.reduce((sum, part) => sum + literalCount(part), 0),
    bytes,
    text: text === undefined ? undefined : text === clean ? bytes : parseComponents(text, text),
  };
}

function parseComponents(pattern: string, subject: string): readonly ComponentPattern[] {
  return componentsOf(imagePath(pattern)).map((part) => parseComponent(part, subject));
}

/** The pattern for one path and all below it. */
export function globOf(path: ImagePath): Glob {
  return parseGlob(escapeGlob(path));
}

/** The same pattern below another directory. */
export function rebaseGlob(glob: Glob, base: ImagePath): Glob {
  return parseGlob(`${escapeGlob(base)}/${glob.rest}`);
}

/** The path with a backslash before each character that patterns give a meaning. */
export function escapeGlob(path: ImagePath): ByteString {
  return path.replace(/[\\*?[]/g, '\\$&');
}

/**
 * How many components the shortest beginning of `path` has that the pattern matches: 0 for `/`. Undefined if the pattern
 * matches neither the path nor a directory above it.
 */
export function matchGlob(glob: Glob, path: ImagePath): number | undefined {
  if (!isWithin(path, glob.base)) return undefined;
  if (!glob.hasWildcards) return glob.bytes.length;
  const text = textOfBytes(path);
  if (text === undefined) return matchBeginning(glob.bytes, componentsOf(path));
  return glob.text && matchBeginning(glob.text, componentsOf(imagePath(text)));
}

/** Each run of components between two `**` is taken where it first fits: no later place makes the whole shorter. */
function matchBeginning(pattern: readonly ComponentPattern[], names: readonly string[]): number | undefined {
  let [at, used] = [0, 0];
  let retry: { readonly at: number; used: number } | undefined;
  for (;;) {
    const part = pattern[at];
    if (part === undefined) return used;
    const name = names[used];
    if (part.kind === 'deep') {
      at += 1;
      if (at === pattern.length) return name === undefined ? undefined : used + 1;
      retry = { at, used };
    } else if (name === undefined) {
      return undefined;
    } else if (matchesComponent(part, name)) {
      [at, used] = [at + 1, used + 1];
    } else {
      if (retry === undefined) return undefined;
      retry.used += 1;
      [at, used] = [retry.at, retry.used];
    }
  }
}
