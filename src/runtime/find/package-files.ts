import { type ByteString, baseNameOf, type ImagePath, showBytes } from '../../base/image-path.ts';
import type { FileTree } from '../../tree/file-tree.ts';
import { resolvePath } from '../../tree/resolve-path.ts';
import { walkTree } from '../../tree/walk-tree.ts';
import { isSharedObjectName, type PackageDirectory, requiredParts } from '../package-directory.ts';
import { realFileAt } from '../tree-source.ts';

/** A file of the package directory that is taken: its name below it, and where its content is in the tree. */
export interface PackageFile {
  readonly name: ByteString;
  readonly real: ImagePath;
  readonly sizeBytes: number;
}

export interface PackageListing {
  readonly files: readonly PackageFile[];
  /** What looks like a part of the runtime but cannot be taken, and why. */
  readonly warnings: readonly string[];
}

/**
 * Lists what a runtime is made of: the loaders, the PALs, the library OS, and all shared objects of its C libraries
 * (links followed, so that libraries for attestation that are elsewhere come along). Left out: headers, static
 * archives, start files, debug files, GDB scripts, Python, and links in a C library's directory that only linkers use.
 */
export function listPackageFiles(tree: FileTree, directory: PackageDirectory): PackageListing {
  const parts = requiredParts.flatMap((name) => packageFile(tree, directory.path, name) ?? []);
  const names = directory.cLibraries.flatMap((library) =>
    sharedObjectsBelow(tree, directory.path, `runtime/${library}`),
  );
  const files = [...parts];
  const warnings: string[] = [];
  for (const name of names) {
    const file = packageFile(tree, directory.path, name);
    if (file) files.push(file);
    else warnings.push(`${showBytes(name)} is a link to nothing in the runtime's tree; it is left out`);
  }
  return { files, warnings };
}

function packageFile(tree: FileTree, directory: ImagePath, name: ByteString): PackageFile | undefined {
  const found = realFileAt(tree, `${directory}/${name}`);
  return found && { name, real: found.path, sizeBytes: found.node.sizeBytes };
}

/** Names relative to the package directory. The directory itself may be a link. */
function sharedObjectsBelow(tree: FileTree, directory: ImagePath, below: ByteString): readonly ByteString[] {
  const top = resolvePath(tree, `${directory}/${below}`);
  if (top.kind !== 'found') return [];
  return [...walkTree(tree, top.path)]
    .filter(({ path, node }) => node.kind !== 'directory' && isWanted(tree, path))
    .map(({ path }) => below + path.slice(top.path === '/' ? 0 : top.path.length));
}

function isWanted(tree: FileTree, path: ImagePath): boolean {
  return isSharedObjectName(baseNameOf(path)) && !path.includes('/.debug/') && !isLinkerName(tree, path);
}

/**
 * `libm.so -> libm.so.6`, beside it: compilers use such names, programs ask for the longer one. Interpreters (`ld-…`,
 * `ld.so`) are asked for by either name.
 */
function isLinkerName(tree: FileTree, path: ImagePath): boolean {
  const name = baseNameOf(path);
  const link = resolvePath(tree, path, { followLast: false });
  if (link.kind !== 'found' || link.node.kind !== 'symlink' || /^ld[-.]/.test(name)) return false;
  const { target } = link.node;
  return target.startsWith(`${name}.`) && !target.includes('/');
}
