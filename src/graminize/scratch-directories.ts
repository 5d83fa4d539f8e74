import { type ImagePath, imagePath, isWithin, textOfBytes } from '../base/image-path.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { walkTree } from '../tree/walk-tree.ts';

/** Where programs expect to write scratch data; inside the enclave these are tmpfs. Filesystem Hierarchy Standard 3.0. */
export const usualScratchPlaces: readonly ImagePath[] = ['/tmp', '/var/tmp', '/run'].map(imagePath);

/** The scratch places, and the names of links that lead to or into them: each becomes its own tmpfs. */
export function scratchDirectories(tree: FileTree): readonly ImagePath[] {
  const places = new Set<ImagePath>(usualScratchPlaces);
  for (const { path, node } of walkTree(tree)) {
    if (node.kind !== 'symlink') continue;
    const found = resolvePath(tree, path);
    const target = found.kind === 'found' && found.node.kind === 'directory' ? found.path : undefined;
    if (target && usualScratchPlaces.some((place) => isWithin(target, place))) places.add(path);
  }
  return [...places].filter((path) => textOfBytes(path) !== undefined).sort();
}
