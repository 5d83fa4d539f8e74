import { digestOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { componentsOf, type ImagePath, parentOf, showBytes } from '../base/image-path.ts';
import type { AddedLayer } from '../image/append.ts';
import { mediaTypes } from '../image/media-type.ts';
import { type TarInput, tarBytes } from '../tar/write-tar.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { lookup } from '../tree/resolve-path.ts';

/** A file that gsc adds to an image; it belongs to root. */
export interface AddedFile {
  readonly path: ImagePath;
  readonly mode: number;
  readonly content: Buffer;
}

export interface AddedLayerOptions {
  /** What `docker history` shows. */
  readonly comment: string;
  /** Directories to make besides the parents of the files. */
  readonly directories?: readonly ImagePath[];
  /** Is this directory in the image already? Such a directory gets no entry, so that it stays as it is. */
  readonly hasDirectory: (path: ImagePath) => boolean;
  /** Modification time of all entries, seconds since 1970. */
  readonly mtimeSeconds: number;
  /** Docker's media type instead of OCI's. */
  readonly isDocker: boolean;
}

/** A layer with the given files and the directories that they need: sorted, owned by root, uncompressed. Pure. */
export function addedLayer(files: readonly AddedFile[], options: AddedLayerOptions): AddedLayer {
  const bytes = tarBytes(entriesOf(files, options));
  const digest = digestOf(bytes);
  const mediaType = options.isDocker ? mediaTypes.dockerLayer : mediaTypes.ociLayer;
  return {
    comment: options.comment,
    layer: {
      descriptor: { mediaType, digest, sizeBytes: bytes.length },
      diffId: digest,
      async *open() {
        yield bytes;
      },
    },
  };
}

/**
 * Checks that files can be added at these paths without touching what the image has: no file there yet, no link or file
 * among the parents. Throws a `state` error that names the path.
 */
export function checkRoomFor(tree: FileTree, paths: readonly ImagePath[]): void {
  for (const path of paths) {
    if (lookup(tree, path) !== undefined) throw occupied(path, 'the image has this already');
    for (let above = parentOf(path); above !== '/'; above = parentOf(above)) {
      const node = lookup(tree, above);
      if (node !== undefined && node.kind !== 'directory')
        throw occupied(above, `the image has a ${node.kind} here, where a directory is needed`);
    }
  }
}

function occupied(path: ImagePath, message: string): GscError {
  return new GscError({
    code: 'state',
    subject: showBytes(path),
    message: `${message}, and an added layer does not change what is there`,
    hint: 'add the file under another path; for /gramine: start from the image that this one was made from',
  });
}

function entriesOf(files: readonly AddedFile[], options: AddedLayerOptions): readonly TarInput[] {
  const common = { uid: 0, gid: 0, mtimeSeconds: options.mtimeSeconds };
  const directories = neededDirectories(files, options).map(
    (path): TarInput => ({ ...common, kind: 'directory', name: path.slice(1), mode: 0o755 }),
  );
  const contents = files.map(
    ({ path, mode, content }): TarInput => ({ ...common, kind: 'file', name: path.slice(1), mode, content }),
  );
  return [...directories, ...contents].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function neededDirectories(files: readonly AddedFile[], options: AddedLayerOptions): readonly ImagePath[] {
  const needed = new Set<ImagePath>();
  for (const path of [...files.map((file) => parentOf(file.path)), ...(options.directories ?? [])]) {
    for (let at = path; componentsOf(at).length > 0; at = parentOf(at)) needed.add(at);
  }
  return [...needed].filter((path) => !options.hasDirectory(path));
}
