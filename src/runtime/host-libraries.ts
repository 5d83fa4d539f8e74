import { parseElf, startsAsElf } from '../base/elf.ts';
import { type DynamicLinks, dynamicLinksOf, interpreterOf } from '../base/elf-dynamic.ts';
import { GscError } from '../base/error.ts';
import {
  type ByteString,
  baseNameOf,
  type ImagePath,
  imagePath,
  parentOf,
  showBytes,
} from '../base/image-path.ts';
import { runtimePaths } from './launch.ts';
import { libraryDirectories } from './library-directories.ts';
import { contentIn, readOne, realFileAt, type TreeSource } from './tree-source.ts';

/** A file that the SGX loader's process maps before it starts: the ELF interpreter or a shared object. */
export interface HostFile {
  /** Its name in `/gramine/host`: the one that is asked for at run time. */
  readonly name: ByteString;
  /** Where it was found. */
  readonly origin: ImagePath;
  readonly content: Buffer;
}

/**
 * The ELF interpreter (as `ld.so`) and all shared objects that a loader needs, found as the interpreter would find them
 * in this tree; none for a static loader. In the order of loading. Throws a `runtime` error that names a missing library
 * and who needs it. `loader` is a real path.
 */
export async function findHostFiles(source: TreeSource, loader: ImagePath): Promise<readonly HostFile[]> {
  const elf = parseElf(await readOne(source, loader), showBytes(loader));
  const name = interpreterOf(elf)?.path;
  if (name === undefined) return [];
  const path = realFileAt(source.tree, name)?.path;
  if (path === undefined) throw missingError(name, loader, []);
  const directories = await interpreterDirectories(source, name);
  const program: LoadedObject = { path: loader, links: dynamicLinksOf(elf), loadedBy: undefined };
  const wanted = searchFor(source, [program], directories);
  await source.readFiles([path, ...wanted.flatMap(({ candidates }) => candidates)]);
  const interpreter = describeInterpreter(path, await readOne(source, path));
  return [interpreter.file, ...(await closeOverNeeded(source, program, { interpreter, directories }))];
}

interface LoadedObject {
  readonly path: ImagePath;
  readonly links: DynamicLinks;
  readonly loadedBy: LoadedObject | undefined;
}

interface Interpreter {
  readonly file: HostFile;
  readonly soname: ByteString | undefined;
  readonly isMusl: boolean;
}

interface Surroundings {
  readonly interpreter: Interpreter;
  /** Where the interpreter looks for libraries when the objects themselves do not say. */
  readonly directories: readonly ImagePath[];
}

/** A library that an object needs, and the files that could be it, best first. */
interface WantedLibrary {
  readonly name: ByteString;
  readonly neededBy: LoadedObject;
  readonly directories: readonly ImagePath[];
  readonly candidates: readonly ImagePath[];
}

function describeInterpreter(origin: ImagePath, content: Buffer): Interpreter {
  const { soname } = dynamicLinksOf(parseElf(content, showBytes(origin)));
  const isMusl = soname?.startsWith('libc.') ?? isMuslName(origin);
  return { file: { name: baseNameOf(runtimePaths.hostInterpreter), origin, content }, soname, isMusl };
}

async function interpreterDirectories(source: TreeSource, name: ByteString): Promise<readonly ImagePath[]> {
  const directories = await libraryDirectories(source, isMuslName(name) ? 'musl' : 'glibc');
  // An image that gsc made has the loader redirected, and the libraries beside its interpreter.
  return name === runtimePaths.hostInterpreter ? [runtimePaths.hostDirectory, ...directories] : directories;
}

function isMuslName(path: ByteString): boolean {
  return path.slice(path.lastIndexOf('/') + 1).startsWith('ld-musl-');
}

/** Breadth first, each name once, as ld.so loads them; the files of one level are read together. */
async function closeOverNeeded(
  source: TreeSource,
  program: LoadedObject,
  { interpreter, directories }: Surroundings,
): Promise<readonly HostFile[]> {
  const files = new Map<ByteString, HostFile>();
  let level: readonly LoadedObject[] = [program];
  while (level.length > 0) {
    const wanted = searchFor(source, level, directories).filter(
      ({ name }) => !files.has(name) && !isInterpreter(interpreter, name),
    );
    const contents = await source.readFiles(wanted.flatMap(({ candidates }) => candidates));
    level = wanted.flatMap((library) => {
      if (files.has(library.name)) return [];
      const file = chooseLibrary(library, contents);
      files.set(library.name, file);
      const links = dynamicLinksOf(parseElf(file.content, showBytes(file.origin)));
      return [{ path: file.origin, links, loadedBy: library.neededBy }];
    });
  }
  return [...files.values()];
}

/** The interpreter stands for its own soname; musl's stands for every part of the C library (ldso/dynlink.c). */
function isInterpreter({ soname, isMusl }: Interpreter, name: ByteString): boolean {
  return name === soname || (isMusl && /^lib(c|pthread|rt|m|dl|util|xnet)\./.test(name));
}

function searchFor(
  source: TreeSource,
  objects: readonly LoadedObject[],
  defaults: readonly ImagePath[],
): readonly WantedLibrary[] {
  return objects.flatMap((neededBy) =>
    neededBy.links.needed.map((name) => {
      if (name.includes('/')) throw pathError(name, neededBy.path);
      const directories = searchPath(neededBy, defaults);
      const candidates = directories.flatMap(
        (directory) => realFileAt(source.tree, `${directory}/${name}`)?.path ?? [],
      );
      return { name, neededBy, directories, candidates };
    }),
  );
}

function chooseLibrary(
  { name, neededBy, directories, candidates }: WantedLibrary,
  contents: ReadonlyMap<ImagePath, Buffer>,
): HostFile {
  for (const origin of candidates) {
    const content = contentIn(contents, origin);
    if (isForThisMachine(content)) return { name, origin, content };
  }
  throw missingError(name, neededBy.path, directories);
}

/** ld.so(8): DT_RPATH of the object and of those that loaded it (unless it has a DT_RUNPATH), DT_RUNPATH, the rest. */
function searchPath(object: LoadedObject, defaults: readonly ImagePath[]): readonly ImagePath[] {
  const inherited: ImagePath[] = [];
  if (object.links.runpath.length === 0) {
    for (let by: LoadedObject | undefined = object; by !== undefined; by = by.loadedBy) {
      if (by.links.runpath.length === 0) inherited.push(...expand(by.links.rpath, by.path));
    }
  }
  return [...inherited, ...expand(object.links.runpath, object.path), ...defaults];
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

function missingError(name: ByteString, neededBy: ImagePath, directories: readonly ImagePath[]): GscError {
  const where =
    directories.length === 0 ? '' : `; looked in ${[...new Set(directories)].map(showBytes).join(', ')}`;
  return new GscError({
    code: 'runtime',
    subject: showBytes(neededBy),
    message: `needs ${showBytes(name)}, which the runtime's own tree does not have${where}`,
    hint: 'give an image or a root directory in which Gramine is installed with its dependencies, not Gramine alone',
  });
}

function pathError(name: ByteString, neededBy: ImagePath): GscError {
  return new GscError({
    code: 'runtime',
    subject: showBytes(neededBy),
    message: `needs a library by its path, ${showBytes(name)}, so it cannot run from another place`,
    hint: 'link it against the library by name',
  });
}
