import { GscError } from '../base/error.ts';
import { type ByteString, componentsOf, type ImagePath, showBytes } from '../base/image-path.ts';
import { ownDirectoryOf } from '../image/graminized-paths.ts';
import { type AddedFile, addedLayer, checkRoomFor } from '../layer/added-layer.ts';
import { scanLayer } from '../scan/scan-layer.ts';
import type { LayerEntry } from '../tree/entry.ts';
import type { DirectoryNode, FileTree, TreeNode } from '../tree/file-tree.ts';

type FileEntry = Extract<LayerEntry, { readonly kind: 'file' }>;

/**
 * The tree with files that gsc adds to the image, listed as every layer's files are, in directories of root where there
 * are none yet. Throws a `state` error if a path is not free and a `usage` error for one of gsc's own. `layer` is the number of the layer that will hold them.
 */
export async function addFiles(
  tree: FileTree,
  files: readonly AddedFile[],
  layer: number,
): Promise<FileTree> {
  if (files.length === 0) return tree;
  for (const { path } of files) {
    const own = ownDirectoryOf(path);
    if (own !== undefined) throw reservedPath(path, own);
  }
  const added = addedLayer(files, {
    comment: '',
    hasDirectory: () => true,
    mtimeSeconds: 0,
    isDocker: false,
  });
  const { entries } = await scanLayer(added.layer, { subject: 'added files' });
  let grown = tree;
  for (const entry of entries) {
    if (entry.kind !== 'file') continue;
    checkRoomFor(grown, [entry.path]);
    grown = { ...grown, root: withFile(grown.root, componentsOf(entry.path), { entry, layer }) };
  }
  return grown;
}

function reservedPath(path: ImagePath, own: ImagePath): GscError {
  return new GscError({
    code: 'usage',
    subject: showBytes(path),
    message: `files cannot be added below ${own}, where gsc puts its own`,
    hint: 'add the file under another path',
  });
}

interface NewFile {
  readonly entry: FileEntry;
  readonly layer: number;
}

function withFile(directory: DirectoryNode, names: readonly ByteString[], file: NewFile): DirectoryNode {
  const [name = '', ...rest] = names;
  const given = directory.children.get(name);
  const below = given?.kind === 'directory' ? given : emptyDirectory(file.layer);
  const node: TreeNode = rest.length > 0 ? withFile(below, rest, file) : fileNode(file);
  return { ...directory, children: new Map([...directory.children, [name, node]]) };
}

function emptyDirectory(layer: number): DirectoryNode {
  return { kind: 'directory', mode: 0o755, uid: 0, gid: 0, layer, children: new Map() };
}

function fileNode({ entry, layer }: NewFile): TreeNode {
  const { path: _, ...facts } = entry;
  return { ...facts, layer };
}
