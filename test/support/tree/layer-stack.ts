import { createHash } from 'node:crypto';
import { imagePath } from '../../../src/base/image-path.ts';
import type { LayerEntry } from '../../../src/tree/entry.ts';
import type { FileTree, TreeNode } from '../../../src/tree/file-tree.ts';
import { walkTree } from '../../../src/tree/walk-tree.ts';

/** Short forms of layer entries, for tests. */
export function file(path: string, content = '', mode = 0o644): LayerEntry & { kind: 'file' } {
  const sha256 = createHash('sha256').update(content).digest('hex');
  return {
    kind: 'file',
    path: imagePath(path),
    mode,
    uid: 0,
    gid: 0,
    sizeBytes: Buffer.byteLength(content),
    sha256,
    content: Buffer.from(content),
  };
}

export function directory(path: string, mode = 0o755): LayerEntry {
  return { kind: 'directory', path: imagePath(path), mode, uid: 0, gid: 0 };
}

export function symlink(path: string, target: string): LayerEntry {
  return { kind: 'symlink', path: imagePath(path), mode: 0o777, uid: 0, gid: 0, target };
}

export function hardlink(path: string, target: string): LayerEntry {
  return { kind: 'hardlink', path: imagePath(path), target: imagePath(target) };
}

export function fifo(path: string): LayerEntry {
  return { kind: 'special', path: imagePath(path), mode: 0o600, uid: 0, gid: 0, type: 'fifo' };
}

export function whiteout(path: string): LayerEntry {
  return { kind: 'whiteout', path: imagePath(path) };
}

export function opaque(path: string): LayerEntry {
  return { kind: 'opaque', path: imagePath(path) };
}

/** The tree as lines that compare easily: `/a/ 755`, `/a/b = content`, `/l -> target`, `/f fifo`. */
export function linesOf(tree: FileTree): readonly string[] {
  return [...walkTree(tree)].map(({ path, node }) => lineOf(path, node));
}

function lineOf(path: string, node: TreeNode): string {
  switch (node.kind) {
    case 'directory':
      return path === '/' ? '/' : `${path}/ ${node.mode.toString(8)}`;
    case 'file':
      return `${path} = ${node.content?.toString() ?? node.sha256}`;
    case 'symlink':
      return `${path} -> ${node.target}`;
    case 'special':
      return `${path} ${node.type}`;
  }
}
