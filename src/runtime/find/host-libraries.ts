import {
  type ByteString,
  baseNameOf,
  type ImagePath,
  imagePath,
  parentOf,
  showBytes,
} from '../../base/image-path.ts';
import { parseElf } from '../../elf/elf.ts';
import { dynamicLinksOf, interpreterOf } from '../../elf/elf-dynamic.ts';
import { graminizedPaths } from '../../image/graminized-paths.ts';
import { libraryDirectories } from '../library-directories.ts';
import { readOne, realFileAt, type TreeSource } from '../tree-source.ts';
import { firstCandidates, missingLibrary, type NeededFile, neededFiles } from './needed-libraries.ts';

/**
 * The ELF interpreter (as `ld.so`) and all shared objects that a loader needs, found as the interpreter would find them
 * in this tree; none for a static loader. In the order of loading. Throws a `runtime` error that names a missing library
 * and who needs it. `loader` is a real path.
 */
export async function findHostFiles(source: TreeSource, loader: ImagePath): Promise<readonly NeededFile[]> {
  const elf = parseElf(await readOne(source, loader), showBytes(loader));
  const name = interpreterOf(elf)?.path;
  if (name === undefined) return [];
  const path = realFileAt(source.tree, name)?.path;
  if (path === undefined) throw missingLibrary(name, loader, []);
  const directories = await interpreterDirectories(source, name);
  const program = { path: loader, links: dynamicLinksOf(elf) };
  await source.readFiles([path, ...firstCandidates(source, program, { directories })]);
  const interpreter = describeInterpreter(path, await readOne(source, path));
  const needed = await neededFiles(source, program, {
    directories,
    isPassedOver: (library) => isInterpreter(interpreter, library),
    ifMissing: 'fail',
  });
  return [interpreter.file, ...needed];
}

interface Interpreter {
  readonly file: NeededFile;
  readonly soname: ByteString | undefined;
  readonly isMusl: boolean;
}

function describeInterpreter(origin: ImagePath, content: Buffer): Interpreter {
  const { soname } = dynamicLinksOf(parseElf(content, showBytes(origin)));
  const isMusl = soname?.startsWith('libc.') ?? isMuslName(origin);
  return { file: { name: baseNameOf(graminizedPaths.hostInterpreter), origin, content }, soname, isMusl };
}

async function interpreterDirectories(source: TreeSource, name: ByteString): Promise<readonly ImagePath[]> {
  const directories = await libraryDirectories(source, isMuslName(name) ? 'musl' : 'glibc');
  // An image that gsc made has the loader redirected, and the libraries beside its interpreter.
  return baseNameOf(imagePath(name)) === baseNameOf(graminizedPaths.hostInterpreter)
    ? [parentOf(imagePath(name)), ...directories]
    : directories;
}

function isMuslName(path: ByteString): boolean {
  return path.slice(path.lastIndexOf('/') + 1).startsWith('ld-musl-');
}

/** The interpreter stands for its own soname; musl's stands for every part of the C library (ldso/dynlink.c). */
function isInterpreter({ soname, isMusl }: Interpreter, name: ByteString): boolean {
  return name === soname || (isMusl && /^lib(c|pthread|rt|m|dl|util|xnet)\./.test(name));
}
