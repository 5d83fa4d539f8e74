import { GscError } from '../base/error.ts';
import { type ByteString, bytesOfText, type ImagePath, imagePath, showBytes } from '../base/image-path.ts';
import type { FileNode, FileTree } from '../tree/file-tree.ts';
import { type Resolution, resolvePath, showFailure } from '../tree/resolve-path.ts';
import { emulatedPlaceOf } from './emulated-places.ts';

/** A file that can be started. */
export interface Executable {
  /** Absolute and clean, as it was found: links in it are not followed. */
  readonly name: ImagePath;
  /** With all links followed. */
  readonly path: ImagePath;
  readonly node: FileNode;
}

export interface ExecutableSearch {
  readonly tree: FileTree;
  /** Where relative names and relative parts of PATH are relative to. */
  readonly from: ImagePath;
  /** `PATH` of the image, if it has one. */
  readonly searchPath: string | undefined;
  readonly subject: string;
}

/** What engines set `PATH` to where an image has none: moby, `oci.DefaultPathEnv` for Linux. */
export const defaultSearchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Finds the program that a command names, as runc does (Go's `exec.LookPath`): a name with a slash is relative to the
 * working directory, another one is looked for in the directories of `PATH`; a regular file with an executable bit it
 * must be. Throws an `entrypoint` error that says where it looked; also for one that `PATH` finds from the working
 * directory, which runc refuses to start (Go 1.19, `exec.ErrDot`).
 */
export function findExecutable(command: string, search: ExecutableSearch): Executable {
  const tried: string[] = [];
  let hint: string | undefined;
  let isHidden = false;
  for (const candidate of candidatesFor(bytesOfText(command), search)) {
    const found = resolvePath(search.tree, candidate, { from: search.from });
    const name = absoluteName(candidate, search.from);
    const obstacle = obstacleOf(found, name);
    isHidden ||= hidingPlace(found, name) !== undefined;
    if (found.kind === 'found' && found.node.kind === 'file' && obstacle === undefined) {
      if (!command.includes('/') && !candidate.startsWith('/'))
        throw relativeToHere(command, candidate, search);
      return {
        name: nameOf(search.tree, candidate, found.path, search.from),
        path: found.path,
        node: found.node,
      };
    }
    hint ??= hintAbout(found);
    tried.push(`${showBytes(candidate)} (${showBytes(obstacle ?? '')})`);
  }
  throw new GscError({
    code: 'entrypoint',
    subject: search.subject,
    message: `the program ${JSON.stringify(command)} was not found; looked at ${tried.join(', ') || 'nothing, as PATH is empty'}`,
    hint:
      hint ??
      (isHidden
        ? 'put the program into another directory of the image'
        : 'check ENTRYPOINT, CMD and PATH of the image'),
  });
}

/** Why a file cannot be started, or undefined if nothing is in the way. `name` is what was looked up. */
export function obstacleOf(found: Resolution, name?: ImagePath): string | undefined {
  if (found.kind !== 'found') return showFailure(found);
  const hiding = hidingPlace(found, name);
  if (hiding !== undefined) return `hidden: container engines and the library OS have their own ${hiding}`;
  if (found.node.kind !== 'file') return `a ${found.node.kind}`;
  return isExecutable(found.node) ? undefined : 'not executable';
}

/** What to do about a file that exists and is not executable; undefined for every other obstacle. */
export function hintAbout(found: Resolution): string | undefined {
  if (found.kind !== 'found' || found.node.kind !== 'file' || isExecutable(found.node)) return undefined;
  return `add to the Dockerfile: RUN chmod +x ${showBytes(found.path)}`;
}

function isExecutable({ mode }: FileNode): boolean {
  return (mode & 0o111) !== 0;
}

/** The emulated place that a name is in or leads to; undefined for all that containers see as the image has it. */
function hidingPlace(found: Resolution, name: ImagePath | undefined): ImagePath | undefined {
  const real = found.kind === 'found' ? emulatedPlaceOf(found.path) : undefined;
  return real ?? (found.kind === 'found' && name ? emulatedPlaceOf(name) : undefined);
}

/** The absolute name of what was found; its real path where `..` through a link means that no clean name leads there. */
export function nameOf(tree: FileTree, found: ByteString, real: ImagePath, from: ImagePath): ImagePath {
  const name = absoluteName(found, from);
  const check = resolvePath(tree, name);
  return check.kind === 'found' && check.path === real ? name : real;
}

function absoluteName(found: ByteString, from: ImagePath): ImagePath {
  return imagePath(found.startsWith('/') ? found : `${from}/${found}`);
}

function relativeToHere(
  command: string,
  candidate: ByteString,
  { subject, from }: ExecutableSearch,
): GscError {
  return new GscError({
    code: 'entrypoint',
    subject,
    message: `PATH finds the program ${JSON.stringify(command)} as ${showBytes(candidate)} in the working directory ${showBytes(from)}, which engines refuse to start`,
    hint: 'give PATH absolute directories only, or name the program with ./',
  });
}

function candidatesFor(command: ByteString, search: ExecutableSearch): readonly ByteString[] {
  if (command.includes('/')) return [command];
  const searchPath = search.searchPath ?? defaultSearchPath;
  const directories = searchPath === '' ? [] : bytesOfText(searchPath).split(':');
  return directories.map((directory) => `${directory === '' ? '.' : directory}/${command}`);
}
