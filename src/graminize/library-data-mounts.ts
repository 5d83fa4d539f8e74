import { type ImagePath, imagePath, isWithin } from '../base/image-path.ts';
import {
  type LibraryDataKind,
  type LibraryDataPlaces,
  libraryDataKinds,
  libraryDataPlaces,
} from '../elf/library-data.ts';
import { type Runtime, runtimeFacts } from '../runtime/runtime.ts';
import { realFileAt } from '../runtime/tree-source.ts';
import { variableOf } from '../start/environment.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import type { TrustedSelection } from '../trust/trusted-files.ts';
import type { GraminizeContext, LibraryDataMount } from './graminize-context.ts';

type LibraryDataParts = Pick<GraminizeContext, 'start' | 'tree' | 'runtime'>;

/**
 * What the image has at the places of its own glibc, where Gramine's looks elsewhere: Gramine builds its glibc with
 * the prefix of its own installation, so that it would find neither time zones nor locales nor character sets.
 */
export function findLibraryData(parts: LibraryDataParts): readonly LibraryDataMount[] {
  const { tree } = parts;
  const [wanted, own] = [placesOfRuntime(parts.runtime), placesOfImage(parts)];
  return libraryDataKinds.flatMap((kind) => {
    const path = wanted[kind];
    const places = own[kind] === undefined ? usualPlaces[kind].map(imagePath) : [own[kind]];
    const target = places.flatMap((place) => realPlace(tree, place, kind) ?? [])[0];
    if (path === undefined || target === undefined || isThereAlready(tree, path, target)) return [];
    return [{ kind, path, target }];
  });
}

/**
 * Where distributions have the data, for programs whose glibc is not found or does not say it: Debian, Fedora and openSUSE,
 * Arch.
 */
const usualPlaces: Readonly<Record<LibraryDataKind, readonly string[]>> = {
  'time zones': ['/usr/share/zoneinfo'],
  'local time': ['/etc/localtime'],
  locales: ['/usr/lib/locale'],
  'character sets': ['/usr/lib/x86_64-linux-gnu/gconv', '/usr/lib64/gconv', '/usr/lib/gconv'],
  messages: ['/usr/share/locale'],
};

/** Of the data, what the selection lets in: the directories with their links, and the local time if it is trusted. */
export function openedLibraryData(
  data: readonly LibraryDataMount[],
  { shown, trusted }: TrustedSelection,
): readonly LibraryDataMount[] {
  return data.flatMap((mount): readonly LibraryDataMount[] => {
    if (isFile(mount.kind)) return trusted.some(({ path }) => path === mount.target) ? [mount] : [];
    return shown
      .filter(({ path }) => isWithin(path, mount.path))
      .map(({ path, target }) => ({ kind: mount.kind, path, target }));
  });
}

/** True of the kinds that are one file and no directory. */
export function isFile(kind: LibraryDataKind): boolean {
  return kind === 'local time';
}

function placesOfRuntime(runtime: Runtime): LibraryDataPlaces {
  const directory = runtimeFacts(runtime).cLibraryDirectories.glibc;
  const library = runtime.files.find(({ path }) => path === `${directory}/libc.so.6`);
  return library === undefined ? {} : libraryDataPlaces(library.content);
}

/** Those of the C library that the program would load outside. */
function placesOfImage({ start, tree }: LibraryDataParts): LibraryDataPlaces {
  const preferred = (variableOf(start.environment, 'LD_LIBRARY_PATH') ?? '').split(':');
  const directories = [...preferred.filter((entry) => entry.startsWith('/')), ...start.libraries.directories];
  for (const directory of directories) {
    const program = realFileAt(tree, `${directory}/libc.so.6`)?.node.program;
    if (program?.kind === 'elf' && program.libraryData) return program.libraryData;
  }
  return {};
}

/** A link that is the local time keeps its name: by that it is trusted, or allowed. */
function realPlace(tree: FileTree, place: ImagePath, kind: LibraryDataKind): ImagePath | undefined {
  const wanted = isFile(kind) ? 'file' : 'directory';
  const found = resolvePath(tree, place);
  if (found.kind !== 'found' || found.node.kind !== wanted) return undefined;
  const named = isFile(kind) ? resolvePath(tree, place, { followLast: false }) : found;
  return named.kind === 'found' ? named.path : undefined;
}

/** Also where a file stands in the way of the directory: nothing can be mounted below it. */
function isThereAlready(tree: FileTree, path: ImagePath, target: ImagePath): boolean {
  const found = resolvePath(tree, path);
  if (found.kind !== 'found') return found.kind !== 'missing';
  const shown = resolvePath(tree, target);
  return shown.kind === 'found' && shown.path === found.path;
}
