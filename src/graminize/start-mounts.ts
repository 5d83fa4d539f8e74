import { type ImagePath, isWithin, showBytes } from '../base/image-path.ts';
import { type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import { type ContainerProcess, startFiles } from '../start/container-process.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { walkTree } from '../tree/walk-tree.ts';

/** What the start needs below a scratch place, which is a tmpfs and empty then: it gets a mount of its own on top. */
export interface StartMount {
  readonly path: ImagePath;
  /** `chroot` shows what the image has there, trusted and not to be written; `tmpfs` is an empty directory. */
  readonly type: 'chroot' | 'tmpfs';
}

export interface KeptPlacesParts {
  readonly tree: FileTree;
  readonly start: ContainerProcess;
  readonly scratchPlaces: readonly ImagePath[];
  /** Where the user's manifest and options mount something: there they decide. */
  readonly takenPlaces: readonly ImagePath[];
  /** The user's manifest: it may name another program and another directory. */
  readonly user: TomlTable;
}

/** Finds the program, its interpreters, its loader and the working directory where they lie below a scratch place. */
export function findStartMounts(parts: KeptPlacesParts): readonly StartMount[] {
  const { tree, start, scratchPlaces, takenPlaces, user } = parts;
  const isLost = (path: ImagePath) =>
    scratchPlaces.some((place) => path !== place && isWithin(path, place)) &&
    !takenPlaces.some((place) => isWithin(path, place));
  const directory = start.workingDirectory.realPath;
  const kept: StartMount[] = [];
  if (valueAt(user, ['fs', 'start_dir']) === undefined && isLost(directory)) {
    kept.push({ path: directory, type: hasContent(tree, start) ? 'chroot' : 'tmpfs' });
  }
  for (const path of valueAt(user, ['libos', 'entrypoint']) === undefined ? startFiles(start) : []) {
    const isShown = kept.some((place) => place.type === 'chroot' && isWithin(path, place.path));
    if (isLost(path) && !isShown) kept.push({ path, type: 'chroot' });
  }
  return kept;
}

/** What is otherwise than outside, a sentence each. */
export function startMountNotes(kept: readonly StartMount[]): readonly string[] {
  return kept.map(({ path, type }) => {
    const shown = showBytes(path);
    return type === 'tmpfs'
      ? `the working directory ${shown} lies in a tmpfs and is one of its own, empty at the start`
      : `${shown} lies in a tmpfs and is needed for the start: it is mounted on top, as the image has it, and cannot be written`;
  });
}

function hasContent(tree: FileTree, { workingDirectory: { realPath, exists } }: ContainerProcess): boolean {
  if (!exists) return false;
  for (const { node } of walkTree(tree, realPath)) if (node.kind !== 'directory') return true;
  return false;
}
