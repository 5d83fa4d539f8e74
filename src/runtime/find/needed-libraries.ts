import { GscError } from '../../base/error.ts';
import { type ByteString, type ImagePath, imagePath, parentOf, showBytes } from '../../base/image-path.ts';
import { parseElf, startsAsElf } from '../../elf/elf.ts';
import { type DynamicLinks, dynamicLinksOf } from '../../elf/elf-dynamic.ts';
import { contentIn, realFileAt, type TreeSource } from '../tree-source.ts';

/** A file that a process maps before its program starts: the ELF interpreter or a shared object. */
export interface NeededFile {
  /** The name that is asked for at run time. */
  readonly name: ByteString;
  /** Where it was found: its real path. */
  readonly origin: ImagePath;
  readonly content: Buffer;
}

/** An ELF file whose libraries are looked for. */
export interface LoadedObject {
  /** Its real path, for `$ORIGIN`. */
  readonly path: ImagePath;
  readonly links: DynamicLinks;
  /** Absent for the program itself. */
  readonly loadedBy?: LoadedObject;
}

/** Where libraries lie when the objects themselves do not say. ld.so(8). */
export interface LibrarySearch {
  /** `LD_LIBRARY_PATH`, which comes before DT_RUNPATH. */
  readonly preferred?: readonly ImagePath[];
  /** The configured and built-in directories. */
  readonly directories: readonly ImagePath[];
}

export interface NeededFilesOptions extends LibrarySearch {
  /** Libraries that are not looked for: what the interpreter stands for. */
  readonly isPassedOver: (name: ByteString) => boolean;
  /** `fail` throws a `runtime` error that names the library and who needs it, also where one is needed by its path. */
  readonly ifMissing: 'fail' | 'skip';
}

/**
 * The shared objects that a program needs, directly or through others, found as ld.so would: breadth first, each name
 * once. The files of one level are read together.
 */
export async function neededFiles(
  source: TreeSource,
  program: LoadedObject,
  options: NeededFilesOptions,
): Promise<readonly NeededFile[]> {
  const files = new Map<ByteString, NeededFile>();
  let level: readonly LoadedObject[] = [program];
  while (level.length > 0) {
    const wanted = searchFor(source, level, options).filter(
      ({ name }) => !files.has(name) && !options.isPassedOver(name),
    );
    if (options.ifMissing === 'fail') refusePaths(wanted);
    const contents = await source.readFiles(wanted.flatMap(({ candidates }) => candidates));
    level = wanted.flatMap((library) => {
      if (files.has(library.name)) return [];
      const file = chooseLibrary(library, contents);
      if (file === undefined && options.ifMissing === 'skip') return [];
      if (file === undefined) throw missingLibrary(library.name, library.neededBy.path, library.directories);
      files.set(library.name, file);
      const links = dynamicLinksOf(parseElf(file.content, showBytes(file.origin)));
      return [{ path: file.origin, links, loadedBy: library.neededBy }];
    });
  }
  return [...files.values()];
}

/** The files that a program's own libraries could be, so that a caller may read them together with others. */
export function firstCandidates(
  source: TreeSource,
  program: LoadedObject,
  search: LibrarySearch,
): readonly ImagePath[] {
  return searchFor(source, [program], search).flatMap(({ candidates }) => candidates);
}

/** A library that an object needs, and the files that could be it, best first. */
interface WantedLibrary {
  readonly name: ByteString;
  readonly neededBy: LoadedObject;
  readonly directories: readonly ImagePath[];
  readonly candidates: readonly ImagePath[];
}

function searchFor(
  source: TreeSource,
  objects: readonly LoadedObject[],
  search: LibrarySearch,
): readonly WantedLibrary[] {
  return objects.flatMap((neededBy) =>
    neededBy.links.needed.map((name) => {
      if (name.includes('/'))
        return { name, neededBy, directories: [], candidates: candidatesAt(source, name) };
      const directories = searchPath(neededBy, search);
      const candidates = directories.flatMap((directory) => candidatesAt(source, `${directory}/${name}`));
      return { name, neededBy, directories, candidates };
    }),
  );
}

function candidatesAt(source: TreeSource, path: ByteString): readonly ImagePath[] {
  const file = realFileAt(source.tree, path);
  return file ? [file.path] : [];
}

function chooseLibrary(
  { name, candidates }: WantedLibrary,
  contents: ReadonlyMap<ImagePath, Buffer>,
): NeededFile | undefined {
  for (const origin of candidates) {
    const content = contentIn(contents, origin);
    if (isForThisMachine(content)) return { name, origin, content };
  }
  return undefined;
}

/** ld.so(8): DT_RPATH of the object and of those that loaded it (unless it has a DT_RUNPATH), LD_LIBRARY_PATH, DT_RUNPATH, the rest. */
function searchPath(
  object: LoadedObject,
  { preferred = [], directories }: LibrarySearch,
): readonly ImagePath[] {
  const inherited: ImagePath[] = [];
  if (object.links.runpath.length === 0) {
    for (let by: LoadedObject | undefined = object; by !== undefined; by = by.loadedBy) {
      if (by.links.runpath.length === 0) inherited.push(...expand(by.links.rpath, by.path));
    }
  }
  return [...inherited, ...preferred, ...expand(object.links.runpath, object.path), ...directories];
}

/** Replaces `$ORIGIN`; entries with other variables or relative ones are left out, as they name nothing here. */
function expand(entries: readonly ByteString[], path: ImagePath): readonly ImagePath[] {
  return entries
    .map((entry) => entry.replace(/\$(ORIGIN\b|\{ORIGIN\})/g, () => parentOf(path)))
    .filter((entry) => entry.startsWith('/') && !entry.includes('$'))
    .map(imagePath);
}

/** ld.so skips files of another class or machine: 32-bit libraries share directories with others. */
function isForThisMachine(content: Buffer): boolean {
  return startsAsElf(content) && content[4] === 2 && content[18] === 62;
}

/** The `runtime` error for a library that is nowhere. */
export function missingLibrary(
  name: ByteString,
  neededBy: ImagePath,
  directories: readonly ImagePath[],
): GscError {
  const where =
    directories.length === 0 ? '' : `; looked in ${[...new Set(directories)].map(showBytes).join(', ')}`;
  return new GscError({
    code: 'runtime',
    subject: showBytes(neededBy),
    message: `needs ${showBytes(name)}, which the runtime's own tree does not have${where}`,
    hint: 'give one more --runtime that has it: a package of the library, or an image or root directory of the distribution that the runtime was built for',
  });
}

/** What moves a program, as gsc does with the SGX loader, cannot keep libraries that are named by their paths. */
function refusePaths(wanted: readonly WantedLibrary[]): void {
  const byPath = wanted.find(({ name }) => name.includes('/'));
  if (byPath === undefined) return;
  throw new GscError({
    code: 'runtime',
    subject: showBytes(byPath.neededBy.path),
    message: `needs a library by its path, ${showBytes(byPath.name)}, so it cannot run from another place`,
    hint: 'link it against the library by name',
  });
}
