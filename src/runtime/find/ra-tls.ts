import { GscError } from '../../base/error.ts';
import { type ImagePath, showBytes } from '../../base/image-path.ts';
import { startsAsElf } from '../../elf/elf.ts';
import { graminizedPaths } from '../../image/graminized-paths.ts';
import type { FileTree } from '../../tree/file-tree.ts';
import { type RuntimeFile, runtimeFile } from '../runtime.ts';
import { readOne, realFileAt, type TreeSource } from '../tree-source.ts';
import { prefixOf } from './version-files.ts';

/**
 * Where `gramine-ratls` of the installation lies that a package directory belongs to: among its programs, or beside the
 * library OS, as in graminized images. Undefined if it has none.
 */
export function findRaTls(tree: FileTree, packageDirectory: ImagePath): ImagePath | undefined {
  const places = [`${prefixOf(packageDirectory)}/bin/gramine-ratls`, `${packageDirectory}/gramine-ratls`];
  return places.flatMap((place) => realFileAt(tree, place) ?? [])[0]?.path;
}

/** Reads it for the runtime layer. Throws a `runtime` error for what is not an ELF file. */
export async function readRaTls(source: TreeSource, place: ImagePath): Promise<RuntimeFile> {
  const content = await readOne(source, place);
  if (startsAsElf(content)) return runtimeFile(graminizedPaths.raTls, content);
  throw new GscError({
    code: 'runtime',
    subject: showBytes(place),
    message: 'expected an ELF file',
    hint: 'this part of the runtime is damaged: install Gramine again',
  });
}
