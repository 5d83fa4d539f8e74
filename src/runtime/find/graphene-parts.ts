import { baseNameOf, childOf, type ImagePath, imagePath, parentOf } from '../../base/image-path.ts';
import type { FileTree } from '../../tree/file-tree.ts';
import { resolvePath } from '../../tree/resolve-path.ts';
import { walkTree } from '../../tree/walk-tree.ts';
import { isSharedObjectName } from '../package-directory.ts';
import { realFileAt } from '../tree-source.ts';
import type { PackageFile } from './package-files.ts';

/** A part of Graphene: its name in `Runtime/`, which a build with make has, and its place in an installation by Meson. */
interface Part {
  readonly name: string;
  readonly installed: string;
  readonly isRequired: boolean;
}

/** Graphene v1.1 and v1.2-rc1, Makefiles and meson.build of Pal and LibOS. */
const parts: readonly Part[] = [
  { name: 'libsysdb.so', installed: 'libsysdb.so', isRequired: true },
  { name: 'libpal-Linux-SGX.so', installed: 'sgx/libpal.so', isRequired: true },
  { name: 'pal-Linux-SGX', installed: 'sgx/loader', isRequired: true },
  { name: 'libpal-Linux.so', installed: 'direct/libpal.so', isRequired: false },
  { name: 'pal-Linux', installed: 'direct/loader', isRequired: false },
];

/** A directory that a Graphene was built or installed to. */
export interface GrapheneDirectory {
  readonly path: ImagePath;
  /** What it lacks to be complete. */
  readonly missing: readonly string[];
}

/** Every directory that has parts of a Graphene, complete ones first, then by their paths. */
export function findGrapheneDirectories(tree: FileTree): readonly GrapheneDirectory[] {
  const found = new Set<ImagePath>();
  for (const { path, node } of walkTree(tree)) {
    if (node.kind === 'directory') continue;
    const name = baseNameOf(path);
    if (name === 'libpal-Linux-SGX.so' || name === 'pal-Linux-SGX') found.add(parentOf(path));
    const isInstalled = name === 'libsysdb.so' && baseNameOf(parentOf(path)) === 'graphene';
    if (isInstalled) found.add(parentOf(path));
  }
  return [...found]
    .map((path) => ({ path, missing: missingIn(tree, path) }))
    .sort(
      (a, b) =>
        a.missing.length - b.missing.length || a.path.length - b.path.length || (a.path < b.path ? -1 : 1),
    );
}

function missingIn(tree: FileTree, directory: ImagePath): readonly string[] {
  const lacking = parts.filter((part) => part.isRequired && partAt(tree, directory, part) === undefined);
  const hasLibraries = librariesIn(tree, directory).some(({ name }) => name === 'libc.so.6');
  return [...lacking.map(({ name }) => name), ...(hasLibraries ? [] : ['libc.so.6'])];
}

/** What a graminized image takes of it, by the names in `Runtime/`: the parts, and the shared objects of its C library. */
export function listGrapheneFiles(tree: FileTree, directory: ImagePath): readonly PackageFile[] {
  const own = parts.flatMap((part) => partAt(tree, directory, part) ?? []);
  const known = new Set(own.map(({ name }) => name));
  return [...own, ...librariesIn(tree, directory).filter(({ name }) => !known.has(name))];
}

function partAt(tree: FileTree, directory: ImagePath, { name, installed }: Part): PackageFile | undefined {
  const found = realFileAt(tree, `${directory}/${name}`) ?? realFileAt(tree, `${directory}/${installed}`);
  return found && { name, real: found.path, sizeBytes: found.node.sizeBytes };
}

/** A build with make has the libraries in the same directory, an installation in `runtime/glibc`. */
function librariesIn(tree: FileTree, directory: ImagePath): readonly PackageFile[] {
  return [directory, imagePath(`${directory}/runtime/glibc`)].flatMap((place) => {
    const found = resolvePath(tree, place);
    if (found.kind !== 'found' || found.node.kind !== 'directory') return [];
    return [...found.node.children.keys()].sort().flatMap((name): PackageFile[] => {
      const file = isSharedObjectName(name) ? realFileAt(tree, childOf(found.path, name)) : undefined;
      return file ? [{ name, real: file.path, sizeBytes: file.node.sizeBytes }] : [];
    });
  });
}
