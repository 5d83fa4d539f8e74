import { GscError } from '../../base/error.ts';
import { bytesOfText, childOf, imagePath, showBytes, textOfBytes } from '../../base/image-path.ts';
import type { FileTree, TreeNode } from '../../tree/file-tree.ts';
import { resolvePath, showFailure } from '../../tree/resolve-path.ts';
import { sortedNames } from '../../tree/walk-tree.ts';
import type { FileAccess, FoundFile, ListedFile } from './file-access.ts';

/**
 * The files of an image's merged tree, for the trusted files that a user's manifest names: as the genuine tool sees them
 * with a chroot, but with all links followed inside the image. Children whose names are not UTF-8 are not listed, since
 * no manifest can name them. `hostPath` is the real path in the image.
 */
export function treeFiles(tree: FileTree, imageName: string): FileAccess {
  return {
    find: async (path) => findInTree(tree, imageName, path),
    list: async (directory) => listInTree(tree, directory),
    hash: async (file) => hashInTree(tree, imageName, file),
  };
}

function findInTree(tree: FileTree, imageName: string, path: string): FoundFile {
  if (!path.startsWith('/')) {
    throw new GscError({
      code: 'manifest',
      subject: `file:${path}`,
      message: 'expected an absolute path in the image, got a relative one',
      hint: `write file:/${path}`,
    });
  }
  const found = resolvePath(tree, imagePath(bytesOfText(path)));
  if (found.kind === 'found') {
    const real = textOfBytes(found.path) ?? path;
    return { kind: kindOf(found.node), hostPath: real, listedAs: real };
  }
  if (found.kind === 'missing') {
    return { kind: 'missing', hostPath: `${path} in ${imageName}`, listedAs: path };
  }
  throw new GscError({
    code: 'not-found',
    subject: `${imageName}: ${path}`,
    message: showBytes(showFailure(found)),
  });
}

function listInTree(tree: FileTree, directory: FoundFile): readonly ListedFile[] {
  const at = imagePath(bytesOfText(directory.listedAs));
  const found = resolvePath(tree, at);
  if (found.kind !== 'found' || found.node.kind !== 'directory') return [];
  const { node, path } = found;
  return sortedNames(node).flatMap((bytes): ListedFile[] => {
    const name = textOfBytes(bytes);
    const child = resolvePath(tree, childOf(path, bytes));
    if (name === undefined || child.kind !== 'found') return [];
    const kind = kindOf(child.node);
    const isLink = node.children.get(bytes)?.kind === 'symlink';
    if ((kind !== 'file' && kind !== 'directory') || (isLink && kind === 'directory')) return [];
    const listedAs = textOfBytes(childOf(path, bytes)) ?? name;
    return [{ name, kind, isLink, hostPath: listedAs, listedAs }];
  });
}

function hashInTree(tree: FileTree, imageName: string, file: FoundFile): string {
  const found = resolvePath(tree, imagePath(bytesOfText(file.hostPath)));
  if (found.kind === 'found' && found.node.kind === 'file') return found.node.sha256;
  throw new GscError({
    code: 'not-found',
    subject: `${imageName}: ${file.hostPath}`,
    message: 'expected a regular file in the image',
  });
}

function kindOf(node: TreeNode): FoundFile['kind'] {
  return node.kind === 'file' || node.kind === 'directory' ? node.kind : 'other';
}
