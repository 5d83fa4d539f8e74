import { type ByteString, type ImagePath, parentOf } from '../base/image-path.ts';
import { elfNeedsOf, ownDirectories } from '../elf/elf-needs.ts';
import { type ReadFiles, realFileAt } from '../runtime/tree-source.ts';
import type { FileTree } from '../tree/file-tree.ts';

export interface ClosureParts {
  readonly tree: FileTree;
  readonly readFiles: ReadFiles;
  /** Where libraries lie when the files themselves do not say, in the order of the search. */
  readonly libraryDirectories: readonly ImagePath[];
}

/** Read together: reading from an image may mean to unpack its layers again, and contents are held in memory. */
const batchBytes = 128 << 20;

/**
 * What the ELF files and scripts among `files` (real paths) need, directly or through others: ELF interpreters, shared objects,
 * interpreters of `#!` lines. Real paths, without `files` themselves. What the image lacks and what is not an intact ELF file for
 * x86-64 is skipped: it could not be loaded either.
 */
export async function closureOf(
  files: Iterable<ImagePath>,
  parts: ClosureParts,
): Promise<ReadonlySet<ImagePath>> {
  const seen = new Set(files);
  const found = new Set<ImagePath>();
  let pending = [...seen];
  while (pending.length > 0) {
    const needed = await neededBy(pending, parts);
    pending = [...needed].filter((path) => !seen.has(path));
    for (const path of pending) {
      seen.add(path);
      found.add(path);
    }
  }
  return found;
}

async function neededBy(files: readonly ImagePath[], parts: ClosureParts): Promise<ReadonlySet<ImagePath>> {
  const { tree, readFiles } = parts;
  const needed = new Set<ImagePath>();
  const add = (name: ByteString, from: ImagePath) => {
    const file = realFileAt(tree, name, parentOf(from));
    if (file) needed.add(file.path);
    return file !== undefined;
  };
  const elves: { readonly path: ImagePath; readonly sizeBytes: number }[] = [];
  for (const path of files) {
    const node = realFileAt(tree, path)?.node;
    if (node?.program?.kind === 'script') add(node.program.interpreter, path);
    if (node?.program?.kind === 'elf') elves.push({ path, sizeBytes: node.sizeBytes });
  }
  for (const batch of batches(elves)) {
    for (const [path, content] of await readFiles(batch)) {
      for (const names of namesIn(content, path, parts)) names.some((name) => add(name, path));
    }
  }
  return needed;
}

function* batches(
  files: readonly { readonly path: ImagePath; readonly sizeBytes: number }[],
): Generator<readonly ImagePath[]> {
  let [batch, sizeBytes] = [[] as ImagePath[], 0];
  for (const file of files) {
    if (batch.length > 0 && sizeBytes + file.sizeBytes > batchBytes) {
      yield batch;
      [batch, sizeBytes] = [[], 0];
    }
    batch.push(file.path);
    sizeBytes += file.sizeBytes;
  }
  if (batch.length > 0) yield batch;
}

/** For each file that is needed, the places where it may lie, best first. ld.so(8), without what loaders hand down. */
function namesIn(
  content: Buffer,
  path: ImagePath,
  { libraryDirectories }: ClosureParts,
): readonly (readonly ByteString[])[] {
  const needs = elfNeedsOf(content);
  if (needs === undefined) return [];
  const directories = [...ownDirectories(needs, path), ...libraryDirectories];
  const libraries = needs.needed.map((name) =>
    name.includes('/') ? [name] : directories.map((directory) => `${directory}/${name}`),
  );
  return needs.interpreter === undefined ? libraries : [[needs.interpreter], ...libraries];
}
