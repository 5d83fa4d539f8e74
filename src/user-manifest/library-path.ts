import { bytesOfText, type ImagePath, imagePath, isWithin, showBytes } from '../base/image-path.ts';
import { joinPaths } from '../manifest/merge.ts';
import { variableIn, withVariable } from '../manifest/schema/variable.ts';
import { type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import { installedPlace } from '../runtime/installed-places.ts';
import { runtimePlacesOf } from '../runtime/places.ts';
import { type Runtime, runtimeFacts } from '../runtime/runtime.ts';
import { familyName } from '../runtime/version.ts';
import type { ContainerProcess } from '../start/container-process.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';

export interface LibraryPathParts {
  readonly tree: FileTree;
  readonly runtime: Runtime;
  readonly start: ContainerProcess;
  /** Which C library the application gets. */
  readonly libc: 'runtime' | 'image';
  /** Of the program that starts the application, which has the runtime's C library in any case. */
  readonly starterLibraries?: ImagePath;
}

/** A manifest with the library path that goes with the choice of the C library. */
export interface SettledLibraryPath {
  readonly manifest: TomlTable;
  readonly notes: readonly string[];
}

const name = 'LD_LIBRARY_PATH';

/** Where the library OS looks for ELF interpreters without the variable. LibOS, `find_interp`. */
export const defaultDirectories = ['/lib', '/lib64'].map(imagePath);

/**
 * Puts the directory of Gramine's C library first in `LD_LIBRARY_PATH`, or takes it out where the image's own is chosen:
 * library OS and dynamic loader take the first C library that they find. Directories of an installed Gramine that the
 * image does not have become those of the runtime.
 */
export function settleLibraryPath(merged: TomlTable, parts: LibraryPathParts): SettledLibraryPath {
  const { runtime, start, libc, starterLibraries: starter } = parts;
  const directory = runtimeFacts(runtime).cLibraryDirectories.glibc;
  const isUnset = valueAt(merged, ['loader', 'env', name]) === undefined;
  // What the library OS does without the variable, for programs that a static one starts.
  const text = starter && isUnset ? [starter, ...defaultDirectories].join(':') : variableIn(merged, name);
  if (text === undefined) return { manifest: merged, notes: hostNotes(merged, parts, directory) };
  const own = installedParts(text, parts);
  const isDynamic = start.libraries.libc !== 'static';
  const isLeftOut = (part: string) =>
    isDynamic &&
    libc === 'image' &&
    isWithin(toPath(part), runtimePlacesOf(runtime.version).packageDirectory);
  const left = own.filter(isLeftOut);
  const kept = own.filter((part) => !isLeftOut(part)).join(':');
  const isRuntimes = start.libraries.libc === 'glibc' && libc === 'runtime' && directory !== undefined;
  const fitting = isRuntimes ? joinPaths(showBytes(directory), kept) : kept;
  const settled = starter ? joinPaths(fitting, showBytes(starter)) : fitting;
  return {
    manifest: settled === text && !isUnset ? merged : withVariable(merged, name, settled),
    notes: left.map((part) => `${name}: ${part} is left out: the application gets the image's own C library`),
  };
}

function installedParts(text: string, { tree, runtime }: LibraryPathParts): readonly string[] {
  return text.split(':').map((part) => {
    if (!part.startsWith('/') || resolvePath(tree, toPath(part)).kind === 'found') return part;
    const place = installedPlace(runtime, toPath(part));
    return place === undefined ? part : showBytes(place);
  });
}

function hostNotes(
  merged: TomlTable,
  { libc, runtime }: LibraryPathParts,
  directory: ImagePath | undefined,
): readonly string[] {
  if (valueAt(merged, ['loader', 'env', name]) === undefined || libc === 'image') return [];
  return [
    `${name} comes from the host, so the host decides which C library is loaded; ${familyName(runtime.version)}'s is in ${showBytes(directory ?? runtimePlacesOf(runtime.version).packageDirectory)}`,
  ];
}

function toPath(part: string): ImagePath {
  return imagePath(bytesOfText(part));
}
