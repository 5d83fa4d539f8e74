import { GscError } from '../base/error.ts';
import { type ByteString, type ImagePath, showBytes } from '../base/image-path.ts';
import type { FileNode, FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';

/** Reads whole files of a tree by their real paths (no links in them). The map has every path that was asked for. */
export type ReadFiles = (paths: readonly ImagePath[]) => Promise<ReadonlyMap<ImagePath, Buffer>>;

/** A file tree that can be read from: an image, a directory or an archive alike. */
export interface TreeSource {
  readonly tree: FileTree;
  readonly readFiles: ReadFiles;
}

/** A regular file under its real path. */
export interface RealFile {
  readonly path: ImagePath;
  readonly node: FileNode;
}

/** The regular file that a path leads to, links followed inside the tree; undefined if it leads to none. */
export function realFileAt(tree: FileTree, path: ByteString, from?: ImagePath): RealFile | undefined {
  const resolution = resolvePath(tree, path, from === undefined ? {} : { from });
  if (resolution.kind !== 'found' || resolution.node.kind !== 'file') return undefined;
  return { path: resolution.path, node: resolution.node };
}

/** No file of a runtime comes near this; contents are held in memory. */
const maximumFileBytes = 256_000_000;

/**
 * A source that reads each file once, and not at all if the tree has its content: to read from an image may mean to
 * unpack its layers again. Files beyond 256 MB are a `runtime` error.
 */
export function rememberContents({ tree, readFiles }: TreeSource): TreeSource {
  const known = new Map<ImagePath, Buffer>();
  const readUnknown = async (paths: readonly ImagePath[]) => {
    const wanted: ImagePath[] = [];
    for (const path of new Set(paths)) {
      if (known.has(path)) continue;
      const node = realFileAt(tree, path)?.node;
      refuseLarge(path, node?.sizeBytes ?? 0);
      if (node?.content === undefined) wanted.push(path);
      else known.set(path, node.content);
    }
    if (wanted.length > 0) for (const [path, content] of await readFiles(wanted)) known.set(path, content);
    return new Map(paths.map((path) => [path, contentIn(known, path)]));
  };
  return { tree, readFiles: readUnknown };
}

/** Reads one file. Throws an `unreadable` error if the source does not give it. */
export async function readOne(source: TreeSource, path: ImagePath): Promise<Buffer> {
  return contentIn(await source.readFiles([path]), path);
}

/** The content of `path` among files that were read. Throws an `unreadable` error if it is not there. */
export function contentIn(contents: ReadonlyMap<ImagePath, Buffer>, path: ImagePath): Buffer {
  const content = contents.get(path);
  if (content !== undefined) return content;
  throw new GscError({
    code: 'unreadable',
    subject: showBytes(path),
    message: 'the file is listed, but its content could not be read',
    hint: 'make sure that nothing changes the runtime while it is read',
  });
}

function refuseLarge(path: ImagePath, sizeBytes: number): void {
  if (sizeBytes <= maximumFileBytes) return;
  throw new GscError({
    code: 'runtime',
    subject: showBytes(path),
    message: `expected at most ${maximumFileBytes} bytes, got ${sizeBytes}`,
    hint: 'not a file that a runtime has: check that the right image or directory was given',
  });
}
