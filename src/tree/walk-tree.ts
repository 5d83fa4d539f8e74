import { type ByteString, childOf, type ImagePath, rootPath } from '../base/image-path.ts';
import type { DirectoryNode, FileTree, TreeNode } from './file-tree.ts';
import { resolvePath } from './resolve-path.ts';

/** A name in the tree and what it names. */
export interface NamedNode {
  readonly path: ImagePath;
  readonly node: TreeNode;
}

/**
 * Every name at and below `from`, depth first, the children of a directory in byte order: the order of whole paths
 * compared component by component. Links are named, not followed; nothing if `from` does not exist.
 */
export function* walkTree(tree: FileTree, from: ImagePath = rootPath): Generator<NamedNode, void, undefined> {
  const start = resolvePath(tree, from, { followLast: false });
  if (start.kind !== 'found') return;
  yield { path: start.path, node: start.node };
  if (start.node.kind === 'directory') yield* walkDirectory(start.path, start.node);
}

/** What {@link walkTree} gives of a tree, without what another tree has of it: nodes that are the very same. */
export function* walkDifferent(tree: FileTree, other: FileTree): Generator<NamedNode, void, undefined> {
  if (tree.root === other.root) return;
  yield { path: rootPath, node: tree.root };
  yield* walkDirectory(rootPath, tree.root, other.root);
}

/** The names of a directory's children in byte order. */
export function sortedNames(directory: DirectoryNode): readonly ByteString[] {
  return [...directory.children.keys()].sort();
}

/** A stack of directories instead of nested generators, whose cost per name grows with the depth. */
function* walkDirectory(
  top: ImagePath,
  root: DirectoryNode,
  otherRoot?: DirectoryNode,
): Generator<NamedNode, void, undefined> {
  const open = [{ path: top, directory: root, other: otherRoot, names: sortedNames(root), next: 0 }];
  for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
    const name = level.names[level.next];
    level.next += 1;
    const node = name === undefined ? undefined : level.directory.children.get(name);
    if (name === undefined || node === undefined) {
      open.pop();
      continue;
    }
    const same = level.other?.children.get(name);
    if (same === node) continue;
    const path = childOf(level.path, name);
    yield { path, node };
    if (node.kind !== 'directory') continue;
    const other = same?.kind === 'directory' ? same : undefined;
    open.push({ path, directory: node, other, names: sortedNames(node), next: 0 });
  }
}
