import { GscError } from '../base/error.ts';
import { baseNameOf, type ImagePath, imagePath, parentOf, showBytes } from '../base/image-path.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { walkTree } from '../tree/walk-tree.ts';
import { realFileAt } from './tree-source.ts';

/** The C libraries that Gramine patches; a build has one or both. meson_options.txt of Gramine, `libc`. */
export const cLibraryNames = ['glibc', 'musl'] as const;
export type CLibraryName = (typeof cLibraryNames)[number];

/** What a package directory must have, besides a C library. Gramine 1.4 to master install these names. */
export const requiredParts = [
  'libsysdb.so',
  'sgx/loader',
  'sgx/libpal.so',
  'direct/loader',
  'direct/libpal.so',
] as const;

/** Gramine's package directory, `<prefix>/<libdir>/gramine`. */
export interface PackageDirectory {
  /** Its real path. */
  readonly path: ImagePath;
  readonly cLibraries: readonly CLibraryName[];
}

/** The chosen package directory, and the complete ones that were there as well. */
export interface PackageSearch {
  readonly chosen: PackageDirectory;
  readonly others: readonly ImagePath[];
}

/**
 * Where installations put the package directory, best first: distribution packages, our own images, builds by hand, the
 * prefix that the Python GSC uses.
 */
const knownPlaces: readonly ImagePath[] = [
  '/usr/lib/x86_64-linux-gnu/gramine',
  '/usr/lib64/gramine',
  graminizedPaths.packageDirectory,
  '/usr/local/lib/x86_64-linux-gnu/gramine',
  '/usr/local/lib64/gramine',
  '/usr/local/lib/gramine',
  '/gramine/meson_build_output/lib/x86_64-linux-gnu/gramine',
  '/gramine/meson_build_output/lib64/gramine',
  '/opt/gramine/lib/x86_64-linux-gnu/gramine',
  '/opt/gramine/lib64/gramine',
].map(imagePath);

/** Files that only legacy Graphene installations have. */
const grapheneNames = new Set(['libpal-Linux-SGX.so', 'pal-Linux-SGX', 'libpal-Linux.so', 'graphene-sgx']);

/**
 * Finds the runtime's package directory anywhere in a tree, the root itself included. Throws a `runtime` error that says
 * what was looked for and what came nearest.
 */
export function findPackageDirectory(tree: FileTree, subject: string): PackageSearch {
  const survey = surveyTree(tree);
  const [chosen, ...others] = survey.candidates
    .filter(({ missing }) => missing.length === 0)
    .sort(byRank(rankOfPlaces(tree)));
  if (chosen === undefined) throw notFound(subject, survey);
  return { chosen, others: others.map(({ path }) => path) };
}

/** True if a tree has a complete package directory. */
export function hasPackageDirectory(tree: FileTree): boolean {
  return surveyTree(tree).candidates.some(({ missing }) => missing.length === 0);
}

interface Candidate extends PackageDirectory {
  readonly missing: readonly string[];
}

interface Survey {
  readonly candidates: readonly Candidate[];
  readonly grapheneFile: ImagePath | undefined;
}

function surveyTree(tree: FileTree): Survey {
  const directories = new Set<ImagePath>();
  let grapheneFile: ImagePath | undefined;
  for (const { path, node } of walkTree(tree)) {
    if (node.kind === 'directory') continue;
    const name = baseNameOf(path);
    const directory = parentOf(path);
    if (grapheneNames.has(name)) grapheneFile ??= path;
    else if (name === 'libsysdb.so') directories.add(directory);
    else if (name === 'loader' && ['sgx', 'direct'].includes(baseNameOf(directory))) {
      directories.add(parentOf(directory));
    }
  }
  const isGraphene = (path: ImagePath) => baseNameOf(path) === 'graphene';
  const [graphene] = [...directories].filter(isGraphene);
  const candidates = [...directories].filter((path) => !isGraphene(path)).map((path) => examine(tree, path));
  return { candidates, grapheneFile: grapheneFile ?? graphene };
}

function examine(tree: FileTree, path: ImagePath): Candidate {
  const cLibraries = cLibraryNames.filter((name) =>
    hasSharedObjects(tree, imagePath(`${path}/runtime/${name}`)),
  );
  const missing: string[] = requiredParts.filter((part) => realFileAt(tree, `${path}/${part}`) === undefined);
  if (cLibraries.length === 0) missing.push('runtime/glibc or runtime/musl');
  return { path, cLibraries, missing };
}

function hasSharedObjects(tree: FileTree, directory: ImagePath): boolean {
  const resolution = resolvePath(tree, directory);
  if (resolution.kind !== 'found' || resolution.node.kind !== 'directory') return false;
  return [...resolution.node.children.keys()].some(isSharedObjectName);
}

/** True for the file names of shared objects: `libc.so.6`, `ld-musl-x86_64.so.1`, `libc.so`. */
export function isSharedObjectName(name: string): boolean {
  return /\.so(\.\d+)*$/.test(name);
}

/** Known places may be reached through directory links (`/usr/lib64 -> lib`): their real paths count. */
function rankOfPlaces(tree: FileTree): ReadonlyMap<ImagePath, number> {
  const ranks = new Map<ImagePath, number>();
  for (const [rank, place] of knownPlaces.entries()) {
    const resolution = resolvePath(tree, place);
    if (resolution.kind === 'found' && !ranks.has(resolution.path)) ranks.set(resolution.path, rank);
  }
  return ranks;
}

/** Known places first, then the shorter path, then byte order. */
function byRank(ranks: ReadonlyMap<ImagePath, number>): (a: Candidate, b: Candidate) => number {
  const rankOf = ({ path }: Candidate) => ranks.get(path) ?? knownPlaces.length;
  return (a, b) => rankOf(a) - rankOf(b) || a.path.length - b.path.length || (a.path < b.path ? -1 : 1);
}

function notFound(subject: string, { candidates, grapheneFile }: Survey): GscError {
  const [nearest] = [...candidates].sort(
    (a, b) => a.missing.length - b.missing.length || (a.path < b.path ? -1 : 1),
  );
  if (nearest === undefined && grapheneFile !== undefined) {
    return new GscError({
      code: 'runtime',
      subject,
      message: `expected a Gramine runtime, got a Graphene (${showBytes(grapheneFile)})`,
      hint: 'leave --runtime-version out, or name one of Graphene: graphene-1.1, graphene-1.2-rc1, graphene-f51aafddf',
    });
  }
  const lookedFor = `${requiredParts.join(', ')} and runtime/glibc or runtime/musl in one directory`;
  const found =
    nearest === undefined
      ? 'nothing similar is there'
      : `the nearest is ${showBytes(nearest.path)}, which lacks ${nearest.missing.join(', ')}`;
  return new GscError({
    code: 'runtime',
    subject,
    message: `no Gramine runtime found: looked for ${lookedFor}; ${found}`,
    hint: 'give an image or a directory with an installed Gramine that has both its direct and its sgx part',
  });
}
