import { childOf, type ImagePath, parentOf, rootPath } from '../base/image-path.ts';
import { ownDirectoryOf } from '../image/graminized-paths.ts';
import {
  decideAccess,
  type FileAccessDecision,
  type ManifestNames,
} from '../manifest/files/access-decision.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { walkTree } from '../tree/walk-tree.ts';

/**
 * What the enclave makes of a file: it checks it, or lets it through as the host has it; it belongs to Gramine, which reads it
 * itself; or it is left out, so that no program opens it.
 */
export const fileStates = ['trusted', 'runtime', 'host', 'left-out'] as const;
export type FileState = (typeof fileStates)[number];

/** Regular files, each counted under every name that it has. */
export interface FileSum {
  readonly count: number;
  readonly sizeBytes: number;
}

export type StateSums = Readonly<Record<FileState, FileSum>>;

/** A file of an image, and what the manifest says about its name. */
export interface MappedFile extends Pick<FileSum, 'sizeBytes'> {
  readonly path: ImagePath;
  readonly state: FileState;
  readonly access: FileAccessDecision;
}

/** Files of one directory with all below it; with `isRest` only those that no other place has. */
export interface MappedPlace {
  readonly path: ImagePath;
  readonly isRest: boolean;
  readonly sums: StateSums;
}

/** Every regular file of an image in the order of the tree. */
export function mapFiles(tree: FileTree, names: ManifestNames): readonly MappedFile[] {
  const files: MappedFile[] = [];
  for (const { path, node } of walkTree(tree)) {
    if (node.kind !== 'file') continue;
    const access = decideAccess(names, path);
    files.push({ path, sizeBytes: node.sizeBytes, access, state: stateOf(path, access) });
  }
  return files;
}

function stateOf(path: ImagePath, { kind }: FileAccessDecision): FileState {
  if (kind === 'trusted') return 'trusted';
  if (kind === 'allowed' || kind === 'unchecked') return 'host';
  return ownDirectoryOf(path) === undefined ? 'left-out' : 'runtime';
}

export function sumFiles(files: readonly MappedFile[]): StateSums {
  const sums = emptySums();
  for (const file of files) addFile(sums, file);
  return sums;
}

type MutableSums = Record<FileState, { count: number; sizeBytes: number }>;

interface Directory {
  readonly path: ImagePath;
  /** Of all below it. */
  readonly sums: MutableSums;
  readonly children: Directory[];
}

/** More places than that would be too small to be seen, and too many to be read. */
const mostPlaces = 30;
/** Of all bytes: a place that has less is shown together with its neighbours. */
const leastShare = 0.006;

/**
 * The places that hold an image's files, few enough to look at: the largest directory is replaced by what is in it until there are
 * enough of them. Each file is in exactly one. In the order of their paths.
 */
export function placesOf(files: readonly MappedFile[]): readonly MappedPlace[] {
  const root = directoriesOf(files);
  const least = Math.max(1, bytesIn(root.sums) * leastShare);
  let places: readonly Candidate[] = [{ path: rootPath, isRest: false, sums: root.sums, directory: root }];
  for (;;) {
    const largest = places.reduce<Candidate | undefined>(largerToOpen, undefined);
    if (largest?.directory === undefined) break;
    const opened = openPlace(largest.directory, least);
    if (places.length - 1 + opened.length > mostPlaces && places.length > 1) break;
    places = places.flatMap((place) => (place === largest ? opened : [place]));
  }
  const kept = foldSmallRests(places, least);
  return kept.map(({ path, isRest, sums }) => ({ path, isRest, sums })).sort(byPath);
}

/** The rest of a directory that is too small to be seen goes to that of the directory above it. */
function foldSmallRests(places: readonly MappedPlace[], least: number): readonly MappedPlace[] {
  const kept = new Map(places.map((place) => [`${place.isRest} ${place.path}`, place]));
  const rests = places.filter(({ isRest }) => isRest);
  for (const { path } of rests.sort((a, b) => b.path.length - a.path.length)) {
    const small = kept.get(`true ${path}`);
    const above = ancestorsOf(path).find((directory) => kept.has(`true ${directory}`));
    const rest = above && kept.get(`true ${above}`);
    if (!small || !rest || bytesIn(small.sums) >= least) continue;
    kept.delete(`true ${path}`);
    kept.set(`true ${above}`, { ...rest, sums: addSums(rest.sums, small.sums) });
  }
  return [...kept.values()];
}

function ancestorsOf(path: ImagePath): readonly ImagePath[] {
  return path === rootPath ? [] : [parentOf(path), ...ancestorsOf(parentOf(path))];
}

function addSums(one: StateSums, other: StateSums): StateSums {
  const sums = emptySums();
  for (const state of fileStates) {
    sums[state].count = one[state].count + other[state].count;
    sums[state].sizeBytes = one[state].sizeBytes + other[state].sizeBytes;
  }
  return sums;
}

interface Candidate extends MappedPlace {
  /** Undefined for what cannot be opened any further. */
  readonly directory?: Directory;
}

function largerToOpen(best: Candidate | undefined, place: Candidate): Candidate | undefined {
  if (place.directory === undefined) return best;
  return best === undefined || bytesIn(place.sums) > bytesIn(best.sums) ? place : best;
}

/** Its larger directories, and all else in it as one place. */
function openPlace({ path, sums, children }: Directory, least: number): readonly Candidate[] {
  const large = children.filter((child) => bytesIn(child.sums) >= least);
  const rest = emptySums();
  for (const state of fileStates) {
    rest[state].count = sums[state].count - sumOf(large, state, 'count');
    rest[state].sizeBytes = sums[state].sizeBytes - sumOf(large, state, 'sizeBytes');
  }
  const places = large.map((directory): Candidate => {
    const place = { path: directory.path, isRest: false, sums: directory.sums };
    return directory.children.length > 0 ? { ...place, directory } : place;
  });
  const isEmpty = fileStates.every((state) => rest[state].count === 0);
  return isEmpty ? places : [...places, { path, isRest: large.length > 0, sums: rest }];
}

function sumOf(directories: readonly Directory[], state: FileState, what: keyof FileSum): number {
  return directories.reduce((sum, directory) => sum + directory.sums[state][what], 0);
}

function directoriesOf(files: readonly MappedFile[]): Directory {
  const root: Directory = { path: rootPath, sums: emptySums(), children: [] };
  const known = new Map<ImagePath, Directory>([[rootPath, root]]);
  const at = (path: ImagePath): Directory => {
    const found = known.get(path);
    if (found) return found;
    const made: Directory = { path, sums: emptySums(), children: [] };
    known.set(path, made);
    at(parentOf(path)).children.push(made);
    return made;
  };
  for (const file of files) {
    for (let directory = at(parentOf(file.path)); ; directory = at(parentOf(directory.path))) {
      addFile(directory.sums, file);
      if (directory === root) break;
    }
  }
  return root;
}

function addFile(sums: MutableSums, { state, sizeBytes }: MappedFile): void {
  sums[state].count += 1;
  sums[state].sizeBytes += sizeBytes;
}

function emptySums(): MutableSums {
  const none = () => ({ count: 0, sizeBytes: 0 });
  return { trusted: none(), runtime: none(), host: none(), 'left-out': none() };
}

export function bytesIn(sums: StateSums): number {
  return fileStates.reduce((sum, state) => sum + sums[state].sizeBytes, 0);
}

/** The rest of a directory comes after what is taken out of it. */
function byPath(a: MappedPlace, b: MappedPlace): number {
  const [left, right] = [a, b].map(({ path, isRest }) => (isRest ? childOf(path, '\u{ff}') : path));
  if (left === right || left === undefined || right === undefined) return 0;
  return left < right ? -1 : 1;
}
