import {
  type ByteString,
  baseNameOf,
  bytesOfText,
  childOf,
  type ImagePath,
  isWithin,
  parentOf,
  showBytes,
} from '../base/image-path.ts';
import { isArray, type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import { type ContainerProcess, startFiles } from '../start/container-process.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { sortedNames, walkTree } from '../tree/walk-tree.ts';
import { pathsIn } from '../trust/application-data.ts';
import type { TrustedSelection } from '../trust/trusted-files.ts';
import type { GraminizeContext } from './graminize-context.ts';

/** What the start needs below a scratch place, which is a tmpfs and empty then: it gets its own mount on top. */
export interface StartMount {
  readonly path: ImagePath;
  /** `chroot` shows what the image has there, trusted and not to be written; `tmpfs` is an empty directory. */
  readonly type: 'chroot' | 'tmpfs';
  /** What the image has beside a file directly in the scratch place, and the enclave has not. */
  readonly lost?: readonly ByteString[];
  /** How many files below it are not trusted, because a rule of gsc's own leaves them out. */
  readonly leftOutCount?: number;
}

/** Where the user's manifest, its trusted files looked up, and the options decide. */
export interface Decided {
  /** The user's manifest: it may name another program, other arguments and another directory. */
  readonly user: TomlTable;
  /** Where the user's manifest and options mount something. */
  readonly takenPlaces: readonly ImagePath[];
}

type KeptPlacesParts = Omit<GraminizeContext, 'user'> & Decided;

/**
 * Finds the working directory, the program with its interpreters and its loader, and the files that its arguments name,
 * where they are below a scratch place. A file is kept with the directory that it is in, as it may need its neighbours.
 */
export function findStartMounts(context: GraminizeContext, decided: Decided): readonly StartMount[] {
  const parts = { ...context, ...decided };
  const { tree, start, user } = parts;
  const directory = start.workingDirectory.realPath;
  const isGiven = valueAt(user, ['fs', 'start_dir']) !== undefined;
  const places: StartMount[] = [];
  if (!isGiven && scratchPlaceOf(directory, parts) !== undefined) {
    places.push({ path: directory, type: hasContent(tree, start) ? 'chroot' : 'tmpfs' });
  }
  const program = valueAt(user, ['libos', 'entrypoint']) === undefined ? startFiles(start) : [];
  for (const path of [...program, ...argumentFiles(parts)]) {
    const scratch = scratchPlaceOf(path, parts);
    if (scratch !== undefined) places.push(placeAround(path, scratch, tree));
  }
  const byPath = new Map(places.map((place) => [place.path, place]));
  const isShown = ({ path }: StartMount) =>
    [...byPath.values()].some(
      (other) => other.type === 'chroot' && other.path !== path && isWithin(path, other.path),
    );
  const kept = [...byPath.values()].filter((place) => place.type === 'tmpfs' || !isShown(place));
  // A mount hides those below it that come before it.
  return kept
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map((place) => ({ ...withoutKept(place, kept), leftOutCount: leftOutBelow(place, parts.selection) }));
}

function leftOutBelow({ path }: StartMount, { excluded }: TrustedSelection): number {
  return excluded.filter((file) => file.origin === 'built-in' && isWithin(file.path, path)).length;
}

/** What is different from outside, a sentence each. */
export function startMountNotes(kept: readonly StartMount[]): readonly string[] {
  return kept.flatMap(({ path, type, lost = [], leftOutCount = 0 }) => {
    const shown = showBytes(path);
    if (type === 'tmpfs')
      return [`the working directory ${shown} is in a tmpfs and gets its own tmpfs, empty at the start`];
    const notes = [
      `${shown} is in a tmpfs and is needed for the start: it is mounted on top, as the image has it, and is read-only`,
    ];
    if (lost.length > 0) notes.push(lostNote(path, lost));
    if (leftOutCount > 0)
      notes.push(`${shown}: files there that are not trusted: ${leftOutCount}; --trust ${shown} trusts them`);
    return notes;
  });
}

/** How many names a note lists. */
const mostNames = 5;

function lostNote(path: ImagePath, lost: readonly ByteString[]): string {
  const names = lost.slice(0, mostNames).map(showBytes).join(', ');
  const more = lost.length > mostNames ? ` and ${lost.length - mostNames} more` : '';
  return `${showBytes(parentOf(path))} is a tmpfs, which hides what the image has next to ${showBytes(baseNameOf(path))}: ${names}${more}; if the program needs it, keep both in a separate directory`;
}

/** The scratch place that empties a path; undefined if none does, or the user decides there. */
function scratchPlaceOf(
  path: ImagePath,
  { scratchPlaces, takenPlaces }: KeptPlacesParts,
): ImagePath | undefined {
  if (takenPlaces.some((place) => isWithin(path, place))) return undefined;
  const above = scratchPlaces.filter((place) => path !== place && isWithin(path, place));
  return above.sort((a, b) => b.length - a.length)[0];
}

/** The directory in the scratch place that a file is in, at any depth; the file alone if it is there directly. */
function placeAround(path: ImagePath, scratch: ImagePath, tree: FileTree): StartMount {
  let top = path;
  while (parentOf(top) !== scratch) top = parentOf(top);
  if (top !== path) return { path: top, type: 'chroot' };
  const found = resolvePath(tree, scratch);
  const beside = found.kind === 'found' && found.node.kind === 'directory' ? sortedNames(found.node) : [];
  const lost = beside.filter((name) => name !== baseNameOf(path) && hasFiles(tree, childOf(scratch, name)));
  return { path, type: 'chroot', lost };
}

function withoutKept({ lost, ...place }: StartMount, kept: readonly StartMount[]): StartMount {
  if (lost === undefined) return place;
  const names = new Set(
    kept.filter(({ path }) => parentOf(path) === parentOf(place.path)).map(({ path }) => baseNameOf(path)),
  );
  return { ...place, lost: lost.filter((name) => !names.has(name)) };
}

/** Files that the words after the program name: `python3 /tmp/app/main.py`, `sh -c '/tmp/run.sh'`. */
function argumentFiles({ tree, start, user }: KeptPlacesParts): readonly ImagePath[] {
  const given = valueAt(user, ['loader', 'argv']);
  const argv = isArray(given) ? given.filter((word) => typeof word === 'string') : start.argv;
  const from = start.workingDirectory.realPath;
  return argv.slice(1).flatMap((word) =>
    [...new Set([word, ...pathsIn(word)])].flatMap((path) => {
      const found = resolvePath(tree, bytesOfText(path), { from });
      return found.kind === 'found' && found.node.kind === 'file' ? [found.path] : [];
    }),
  );
}

function hasContent(tree: FileTree, { workingDirectory: { realPath, exists } }: ContainerProcess): boolean {
  return exists && hasFiles(tree, realPath);
}

function hasFiles(tree: FileTree, path: ImagePath): boolean {
  for (const { node } of walkTree(tree, path)) if (node.kind !== 'directory') return true;
  return false;
}
