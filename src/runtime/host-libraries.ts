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
import { readOne, realFileAt, type TreeSource } from './tree-source.ts';

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
  const interpreterPath = interpreterOf(elf)?.path;
  if (interpreterPath === undefined) return [];
  const interpreter = await readInterpreter(source, interpreterPath, loader);
  const program: LoadedObject = { path: loader, links: dynamicLinksOf(elf), loadedBy: undefined };
  return [interpreter.file, ...(await closeOverNeeded(source, program, interpreter))];
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
  /** Where it looks for libraries when the objects themselves do not say. */
  readonly directories: readonly ImagePath[];
}

async function readInterpreter(
  source: TreeSource,
  path: ByteString,
  loader: ImagePath,
): Promise<Interpreter> {
  const found = realFileAt(source.tree, path);
  if (found === undefined) throw missingError(path, loader, []);
  const content = await readOne(source, found.path);
  const { soname } = dynamicLinksOf(parseElf(content, showBytes(found.path)));
  const isMusl =
    (soname ?? baseNameOf(found.path)).startsWith('libc.') || /^ld-musl-/.test(baseNameOf(found.path));
  const directories = await libraryDirectories(source, isMusl ? 'musl' : 'glibc');
  // An image that gsc made has the loader redirected, and the libraries beside its interpreter.
  const isOurs = path === runtimePaths.hostInterpreter;
  return {
    file: { name: baseNameOf(runtimePaths.hostInterpreter), origin: found.path, content },
    soname,
    isMusl,
    directories: isOurs ? [runtimePaths.hostDirectory, ...directories] : directories,
  };
}

/** Breadth first, each name once, as ld.so loads them. */
async function closeOverNeeded(
  source: TreeSource,
  program: LoadedObject,
  interpreter: Interpreter,
): Promise<readonly HostFile[]> {
  const files = new Map<ByteString, HostFile>();
  const queue: LoadedObject[] = [program];
  for (let object = queue.shift(); object !== undefined; object = queue.shift()) {
    for (const name of object.links.needed) {
      if (files.has(name) || isInterpreter(interpreter, name)) continue;
      const file = await findLibrary(source, name, object, interpreter);
      files.set(name, file);
      const links = dynamicLinksOf(parseElf(file.content, showBytes(file.origin)));
      queue.push({ path: file.origin, links, loadedBy: object });
    }
  }
  return [...files.values()];
}

/** The interpreter stands for its own soname; musl's stands for every part of the C library (ldso/dynlink.c). */
function isInterpreter({ soname, isMusl }: Interpreter, name: ByteString): boolean {
  return name === soname || (isMusl && /^lib(c|pthread|rt|m|dl|util|xnet)\./.test(name));
}

async function findLibrary(
  source: TreeSource,
  name: ByteString,
  neededBy: LoadedObject,
  interpreter: Interpreter,
): Promise<HostFile> {
  if (name.includes('/')) throw pathError(name, neededBy.path);
  const directories = searchPath(neededBy, interpreter);
  const candidates = directories.flatMap((directory) => {
    const found = realFileAt(source.tree, `${directory}/${name}`);
    return found === undefined ? [] : [found.path];
  });
  for (const origin of new Set(candidates)) {
    const content = await readOne(source, origin);
    if (isForThisMachine(content)) return { name, origin, content };
  }
  throw missingError(name, neededBy.path, directories);
}

/** ld.so(8): DT_RPATH of the object and of those that loaded it (unless it has a DT_RUNPATH), DT_RUNPATH, the rest. */
function searchPath(object: LoadedObject, interpreter: Interpreter): readonly ImagePath[] {
  const inherited: ImagePath[] = [];
  if (object.links.runpath.length === 0) {
    for (let by: LoadedObject | undefined = object; by !== undefined; by = by.loadedBy) {
      if (by.links.runpath.length === 0) inherited.push(...expand(by.links.rpath, by.path));
    }
  }
  return [...inherited, ...expand(object.links.runpath, object.path), ...interpreter.directories];
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
