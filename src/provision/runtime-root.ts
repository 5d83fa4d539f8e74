import { readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { GscError } from '../base/error.ts';
import { type ImagePath, imagePath } from '../base/image-path.ts';
import { readError, readUserFile } from '../base/read-file.ts';
import type { Image } from '../image/image.ts';
import { patchesOf } from '../image/labels.ts';
import { collectBytes } from '../image/verified-stream.ts';
import { parseReference } from '../reference/image-reference.ts';
import { readDebianPackage, startsAsDebianPackage } from '../runtime/package/debian-package.ts';
import type { PackageContent } from '../runtime/package/package-content.ts';
import { readRpmPackage, startsAsRpmPackage } from '../runtime/package/rpm-package.ts';
import { realFileAt, type TreeSource } from '../runtime/tree-source.ts';
import { labelledVersion, type RuntimeVersion } from '../runtime/version.ts';
import { directoryStatus } from '../scan/directory-status.ts';
import { readFiles } from '../scan/read-files.ts';
import { scanReporting } from '../scan/scan-reporting.ts';
import { scanRootDirectory } from '../scan/scan-root-directory.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { mergeLayers } from '../tree/merge-layers.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** A tree that holds a runtime, or a part of one. */
export interface RuntimeRoot extends TreeSource {
  /** What the label of an image that gsc made says. */
  readonly version?: RuntimeVersion;
  /** What its label says about patches. */
  readonly patches?: readonly string[];
  /** The version of the package `gramine`, if the tree is that package's. */
  readonly packageVersion?: string;
}

/** Gramine's own package; `gramine-dcap` and the like hold parts of it. */
const gramineName = /^gramine(?:-dcap)?$/;
const packageFile = /\.(?:deb|rpm)$/;

/** Where a runtime, or a part of one, was found. */
export interface RuntimePlace {
  /** What decides which files these are, as a plain value, where that is known before they are read: the digests of the image. */
  readonly identity?: unknown;
  /** As long as this plain value is the same the files are the same, but not the other way round: the state of a directory. */
  readonly state?: unknown;
  /** Nothing is read that the cache has. */
  roots(): Promise<readonly RuntimeRoot[]>;
}

/**
 * Finds what a word of the user names: a directory (a root, an install prefix, a package directory, or one with package
 * files in it), a `.deb` or `.rpm` file, or an image. Paths are relative to `base`; what is there as a directory or a file goes
 * before images of that name.
 */
export async function findRuntimePlace(
  workspace: Workspace,
  source: string,
  base: string,
): Promise<RuntimePlace> {
  const path = resolve(base, source);
  const status = await stat(path).catch(() => undefined);
  if (status?.isDirectory())
    return {
      ...((await hasLinkedPackage(path)) ? {} : await stateOnDisk(workspace, path)),
      roots: () => rootsInDirectory(path, source),
    };
  if (packageFile.test(source) || status?.isFile()) {
    return {
      ...(await stateOnDisk(workspace, path)),
      roots: async () => [await rootOfPackage(path, source)],
    };
  }
  if (isPath(source)) throw notThere(source);
  const { image } = await workspace.images.open(parseReference(source));
  return placeInImage(workspace, image);
}

/** As {@link findRuntimePlace}, of an image that is open. */
export function placeInImage(workspace: Workspace, image: Image): RuntimePlace {
  const { name, manifest, configDescriptor } = image;
  return {
    identity: [name, manifest.digest, configDescriptor.digest],
    roots: async () => [await rootOfImage(workspace, image)],
  };
}

/** Nothing if there is nothing kept that it could be compared with. */
async function stateOnDisk({ cache, host }: Workspace, path: string): Promise<Pick<RuntimePlace, 'state'>> {
  // The name that the user gave may be a link, whose own state says nothing.
  const real = cache.builds && (await realpath(path).catch(() => undefined));
  const status = real && (await directoryStatus(real, host.today()));
  return status === undefined ? {} : { state: [path, real, status] };
}

/** A package behind a link is read: the state of the directory does not show that it was changed. */
async function hasLinkedPackage(path: string): Promise<boolean> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.some((entry) => packageFile.test(entry.name) && !entry.isFile());
}

async function rootsInDirectory(path: string, source: string): Promise<readonly RuntimeRoot[]> {
  const packages = await packagesIn(path, source);
  return packages.length > 0 ? packages : [await rootOfDirectory(path)];
}

/** The package files directly in a directory. One that has gone before it is read was never there. */
async function packagesIn(path: string, source: string): Promise<readonly RuntimeRoot[]> {
  const names = (await namesIn(path)).filter((name) => packageFile.test(name)).sort();
  const roots = names.map((name) =>
    rootOfPackage(join(path, name), join(source, name)).catch((error: unknown) => {
      if (error instanceof GscError && error.code === 'not-found') return undefined;
      throw error;
    }),
  );
  return (await Promise.all(roots)).filter((root) => root !== undefined);
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    throw readError(directory, 'directory of the runtime', error);
  }
}

/** The tree of an image. */
export async function rootOfImage(
  { host, cache, reporter }: Pick<Workspace, 'host' | 'cache' | 'reporter'>,
  image: Image,
): Promise<RuntimeRoot> {
  const { tree } = await scanReporting(image, reporter, { ...cache.forScan, signal: host.signal });
  const found = image.config.config?.Labels ?? {};
  const version = labelledVersion(found);
  return {
    tree,
    readFiles: (paths) => readFiles(image, tree, paths, cache.forFiles),
    patches: patchesOf(found),
    ...(version && { version }),
  };
}

async function rootOfDirectory(directory: string): Promise<RuntimeRoot> {
  const root = await scanRootDirectory(directory);
  const tree = mergeLayers([root.entries]);
  const read = (path: ImagePath) => collectBytes(root.open(realPath(tree, path)));
  return { tree, readFiles: (paths) => readEach(paths, read) };
}

async function rootOfPackage(path: string, subject: string): Promise<RuntimeRoot> {
  const bytes = await readUserFile(path, 'package');
  const { name, version, entries, contents } = await readPackage(bytes, subject);
  const tree = mergeLayers([entries]);
  return {
    tree,
    readFiles: (paths) =>
      readEach(paths, async (wanted) => contentOf(contents, realPath(tree, wanted), subject)),
    ...(gramineName.test(name) && { packageVersion: version }),
  };
}

function readPackage(bytes: Buffer, subject: string): Promise<PackageContent> {
  if (startsAsDebianPackage(bytes)) return readDebianPackage(bytes, subject);
  if (startsAsRpmPackage(bytes)) return readRpmPackage(bytes, subject);
  throw new GscError({
    code: 'archive',
    subject,
    message: 'expected a Debian or rpm package',
    hint: 'an image in a file is named oci-archive:FILE or docker-archive:FILE',
  });
}

async function readEach(
  paths: readonly ImagePath[],
  read: (path: ImagePath) => Promise<Buffer>,
): Promise<ReadonlyMap<ImagePath, Buffer>> {
  const contents = new Map<ImagePath, Buffer>();
  for (const path of paths) contents.set(path, await read(path));
  return contents;
}

/** The first name of a file that has several is the one that the source has it under. */
function realPath(tree: FileTree, path: ImagePath): ImagePath {
  return realFileAt(tree, path)?.path ?? imagePath(path);
}

function contentOf(contents: ReadonlyMap<ImagePath, Buffer>, path: ImagePath, subject: string): Buffer {
  const content = contents.get(path);
  if (content !== undefined) return content;
  throw new GscError({ code: 'unreadable', subject, message: `the package does not provide ${path}` });
}

/** As a shell user writes paths; everything else may be the name of an image. */
function isPath(source: string): boolean {
  return /^\.{0,2}\//.test(source);
}

function notThere(source: string): GscError {
  return new GscError({
    code: 'not-found',
    subject: source,
    message: 'the runtime cannot be read: there is no such file or directory',
    hint: 'check the path; an image in a file is named oci-archive:FILE or docker-archive:FILE',
  });
}
