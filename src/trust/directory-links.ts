import { type ImagePath, imagePath, isWithin, textOfBytes } from '../base/image-path.ts';
import type { ClassifiedPaths, DirectoryLink, TrustedName } from './classify-paths.ts';
import { compareKeys, countBelow, itemsBelow, keyOf } from './path-order.ts';

/** A directory shown at a second place: what is below `path` is opened under the names below `target`. */
export interface DirectoryMount {
  /** A link, or a place that the image does not have; never `/`. */
  readonly path: ImagePath;
  /** The real directory that it leads to; may be `/`. */
  readonly target: ImagePath;
}

/** What makes the files in linked directories reachable under the links' names. */
export interface LinkedNames {
  readonly mounts: readonly DirectoryMount[];
  /** The directories that were asked to be shown, as far as they hold trusted files, and the links in them. */
  readonly shown: readonly DirectoryMount[];
  /** Names through links that are listed one by one. */
  readonly names: readonly TrustedName[];
  /** How many names of directories, each through two links or more, were left out because there are too many. */
  readonly omittedCount: number;
  /** False if there are more of them than were counted. */
  readonly isOmittedCountExact: boolean;
}

/**
 * Up to so many files are listed instead of mounted. A mount is three keys of the manifest against two of a trusted
 * file, and one more place for the library OS to open at each start, in each process: together about what eight
 * entries cost in a list of a few thousand (0.1 ms each). Nothing else changes for the application.
 */
export const listedBelowLink = 8;

/**
 * A bound for links among links, which can multiply without end. A real image has some dozens of such names; those
 * beyond the bound are only reachable under their shorter names.
 */
const maximumNestedNames = 500;

/** So many names of linked directories are looked at; what is beyond is not even counted. */
const maximumExaminedNames = 50_000;

/** A directory as reached through links. */
interface View {
  readonly path: ImagePath;
  readonly target: ImagePath;
  /** True at a place that the host does not have: a name there leads to a file only through a mount. */
  readonly isShown: boolean;
  /** The real places of the links followed and of what they led to: a link back to one of them begins a cycle. */
  readonly passed: readonly ImagePath[];
}

/**
 * Gives the names through all directory links, also of links inside of what a link leads to: Gramine compares names as
 * text, so `/a/b/c` with links `a` and `b` needs its own mount. A link to one of its own parents is one mount, and
 * is not followed further. The directories of `toShow` are reached as if `path` were a link to `target`.
 */
export function expandDirectoryLinks(
  tree: ClassifiedPaths,
  toShow: readonly DirectoryMount[] = [],
): LinkedNames {
  const mounts: DirectoryMount[] = [];
  const shown: DirectoryMount[] = [];
  const names: TrustedName[] = [];
  let [omittedCount, examinedCount] = [0, 0];
  const views: View[] = [
    ...tree.directoryLinks.map(({ path, target }) => ({ path, target, passed: [path], isShown: false })),
    ...toShow.map(({ path, target }) => ({ path, target, passed: [path], isShown: true })),
  ];
  const limit = views.length + maximumNestedNames;
  for (let next = 0; next < views.length; next++) {
    const view = views[next] as View;
    const { path, target } = view;
    const count = countBelow(tree.trusted, target);
    if (view.isShown && count > 0) shown.push({ path, target });
    else if (count > listedBelowLink) mounts.push({ path, target });
    else names.push(...itemsBelow(tree.trusted, target).map((name) => nameThrough(view, name)));
    const left = maximumExaminedNames - examinedCount;
    const candidates = left > 0 ? linksBehind(view, tree).slice(0, left) : [];
    examinedCount += candidates.length;
    for (const link of candidates) {
      const nested = nestedView(view, link);
      if (nested === undefined) continue;
      if (views.length < limit) views.push(nested);
      else omittedCount += 1;
    }
  }
  return {
    mounts: mounts.sort(compareMounts),
    shown: shown.sort(compareMounts),
    names: names.sort(compareKeys),
    omittedCount,
    isOmittedCountExact: examinedCount < maximumExaminedNames,
  };
}

/** The links in what a view shows; none where it shows what leads to itself. */
function linksBehind(view: View, tree: ClassifiedPaths): readonly DirectoryLink[] {
  const isCycle = view.passed.some((place) => isWithin(place, view.target));
  return isCycle ? [] : itemsBelow(tree.directoryLinks, view.target);
}

/** What a link shows that is itself reached through links; undefined for a cycle, and for a name that no manifest holds. */
function nestedView(view: View, link: DirectoryLink): View | undefined {
  const passed = [...view.passed, view.target];
  if (passed.some((place) => isWithin(place, link.target))) return undefined;
  const path = pathThrough(view, link);
  if (textOfBytes(path) === undefined) return undefined;
  return { path, target: link.target, passed: [...passed, link.path], isShown: view.isShown };
}

function nameThrough(view: View, name: TrustedName): TrustedName {
  const path = pathThrough(view, name);
  const { sha256, sizeBytes } = name;
  return { path, key: keyOf(path), sha256, sizeBytes, via: name.via ?? name.path };
}

function pathThrough(view: View, below: TrustedName | DirectoryLink): ImagePath {
  return imagePath(`${view.path}/${below.path.slice(view.target.length)}`);
}

function compareMounts(a: DirectoryMount, b: DirectoryMount): number {
  return compareKeys({ key: keyOf(a.path) }, { key: keyOf(b.path) });
}
