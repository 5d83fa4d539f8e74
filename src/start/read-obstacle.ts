import { childOf, componentsOf, type ImagePath, rootPath, showBytes } from '../base/image-path.ts';
import type { Ownership } from '../tree/entry.ts';
import type { FileTree, TreeNode } from '../tree/file-tree.ts';
import type { ContainerUser } from './container-user.ts';

/**
 * Why the container's user cannot read a file, in words; undefined if nothing is in the way. `path` is real. Root reads
 * everything: engines leave it CAP_DAC_OVERRIDE. path_resolution(7).
 */
export function readObstacle(tree: FileTree, path: ImagePath, user: ContainerUser): string | undefined {
  if (user.uid === 0) return undefined;
  let [at, node]: [ImagePath, TreeNode | undefined] = [rootPath, tree.root];
  for (const name of componentsOf(path)) {
    if (node?.kind !== 'directory') return undefined;
    if (!isPermitted(node, user, searchBit)) return refusal('enter', at, node, user);
    at = childOf(at, name);
    node = node.children.get(name);
  }
  return node && !isPermitted(node, user, readBit) ? refusal('read', at, node, user) : undefined;
}

const readBit = 0o4;
const searchBit = 0o1;

/** The first class that fits decides: owner, group, others. */
function isPermitted({ mode, uid, gid }: Ownership, user: ContainerUser, bit: number): boolean {
  if (uid === user.uid) return (mode & (bit << 6)) !== 0;
  const isMember = gid === user.gid || user.supplementaryGroups.some((group) => group.gid === gid);
  return (mode & (isMember ? bit << 3 : bit)) !== 0;
}

function refusal(verb: string, at: ImagePath, { mode, uid, gid }: Ownership, user: ContainerUser): string {
  const permission = (mode & 0o7777).toString(8).padStart(4, '0');
  return `uid ${user.uid} may not ${verb} ${showBytes(at)} (mode ${permission} of ${uid}:${gid})`;
}
