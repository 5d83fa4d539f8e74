import type { ImagePath } from '../base/image-path.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { walkTree } from '../tree/walk-tree.ts';
import { escapeGlob, type Glob, matchGlob, parseGlob, rebaseGlob } from '../trust/glob.ts';

/**
 * The real paths of the regular files that a pattern stands for. Links before its first wildcard are followed, and so are links
 * to files among what it matches; links to directories are not entered. A path may come several times.
 */
export function* filesMatching(tree: FileTree, pattern: Glob): Generator<ImagePath, void, undefined> {
  const base = resolvePath(tree, pattern.base);
  if (base.kind !== 'found') return;
  const glob = pattern.hasWildcards ? rebaseGlob(pattern, base.path) : parseGlob(escapeGlob(base.path));
  for (const { path, node } of walkTree(tree, base.path)) {
    if (node.kind === 'directory' || matchGlob(glob, path) === undefined) continue;
    if (node.kind === 'file') yield path;
    else {
      const found = resolvePath(tree, path);
      if (found.kind === 'found' && found.node.kind === 'file') yield found.path;
    }
  }
}
