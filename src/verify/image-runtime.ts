import { type ImagePath, imagePath, isWithin, parentOf } from '../base/image-path.ts';
import { foldDirectories } from '../graminize/build-record.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import { labels, patchesOf } from '../image/labels.ts';
import { type CLibraryName, cLibraryNames } from '../runtime/package-directory.ts';
import type { RuntimePlaces } from '../runtime/places.ts';
import { type Runtime, type RuntimeFile, runtimeFile } from '../runtime/runtime.ts';
import type { RuntimeVersion } from '../runtime/version.ts';
import { readFiles } from '../scan/read-files.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { walkTree } from '../tree/walk-tree.ts';
import type { GraminizedImage } from './graminized-image.ts';

/**
 * The files of the runtime in an image, as they lie there, sorted by path, without `gramine-ratls`: that is beside the runtime
 * that the digest in the label is of, in images that start by it.
 */
export function runtimeFilesIn({ tree, places }: GraminizedImage): readonly FoundFile[] {
  const files = places.directories.flatMap((place) => filesBelow(tree, place));
  return files
    .filter(({ path }) => path !== graminizedPaths.raTls)
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A file of a runtime, or a directory with the digest of all that is in it. */
export interface ListedRuntimeFile {
  readonly path: ImagePath;
  /** 64 hex digits; of a directory what `launchDigest` gives. */
  readonly sha256: string;
  /** Of a directory: how many files it stands for. */
  readonly fileCount?: number;
}

/** The files of the runtime in an image, few enough to be compared by a person: one line for Python's library. Sorted by path. */
export function listRuntimeFiles(image: GraminizedImage): readonly ListedRuntimeFile[] {
  const files = runtimeFilesIn(image);
  const single = new Set(files.map(({ path }) => path));
  return Object.entries(foldDirectories(files, image.places.hostDirectory))
    .map(([text, sha256]): ListedRuntimeFile => {
      const path = imagePath(text);
      if (single.has(path)) return { path, sha256 };
      return { path, sha256, fileCount: files.filter((file) => isWithin(file.path, path)).length };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** `gramine-ratls`, of images that start by it. */
export function raTlsIn({ tree }: GraminizedImage): FoundFile | undefined {
  return filesBelow(tree, graminizedPaths.raTls)[0];
}

type FoundFile = Omit<RuntimeFile, 'content'>;

function filesBelow(tree: FileTree, place: ImagePath): readonly FoundFile[] {
  return [...walkTree(tree, place)].flatMap(({ path, node }) =>
    node.kind === 'file' ? [{ path, mode: node.mode, sha256: node.sha256 }] : [],
  );
}

/** The runtime of an image, read out of its layers, as a build takes one. Throws what reading them throws. */
export async function runtimeInImage(image: GraminizedImage, version: RuntimeVersion): Promise<Runtime> {
  const { tree, labels: found, places } = image;
  const { packageDirectory } = places;
  const raTls = raTlsIn(image)?.path;
  const paths = runtimeFilesIn(image).map(({ path }) => path);
  const contents = await readFiles(image.image, tree, raTls === undefined ? paths : [...paths, raTls]);
  const fileOf = (path: ImagePath) => runtimeFile(path, contents.get(path) ?? Buffer.alloc(0));
  const files = paths.map(fileOf);
  return {
    subject: `${image.image.name}: ${packageDirectory}`,
    version,
    patches: patchesOf(found),
    isStandIn: found[labels.standIn] === 'true',
    origin: packageDirectory,
    cLibraries: cLibrariesAmong(paths, places),
    files,
    ...(raTls !== undefined && { raTls: fileOf(raTls) }),
    sizeBytes: files.reduce((sum, { content }) => sum + content.length, 0),
    warnings: [],
  };
}

/** One for each directory: where they share one, there is the first only. */
function cLibrariesAmong(
  paths: readonly ImagePath[],
  { cLibraryDirectory }: RuntimePlaces,
): readonly CLibraryName[] {
  const directories = new Set(paths.map(parentOf));
  return cLibraryNames.filter((name) => directories.delete(cLibraryDirectory(name)));
}
