import { GscError } from '../base/error.ts';
import { bytesOfText, type ImagePath, imagePath, rootPath, showBytes } from '../base/image-path.ts';
import { hostPathOf, type Mount, mountOf } from '../manifest/files/mounts.ts';
import { type KeyPath, showPath, type TomlDocument, valueAt } from '../manifest/toml/toml.ts';
import { type ContainerProcess, startFiles } from '../start/container-process.ts';
import { hintAbout, obstacleOf } from '../start/executable.ts';
import { readObstacle } from '../start/read-obstacle.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { lookup, resolvePath, showFailure } from '../tree/resolve-path.ts';
import type { GraminizeContext } from './graminize-context.ts';

/** What a build's start is checked against. */
interface StartParts extends GraminizeContext {
  /** True for what the host may put there later: the manifest allows it. */
  readonly isAllowed: (path: ImagePath) => boolean;
}

/**
 * Makes sure that what the start needs is there when the library OS looks for it: the program with its interpreters and
 * its loader, and the working directory. Throws an `entrypoint` error for a program that the image does not have or that
 * the container's user cannot read, and for what is in a tmpfs, which is empty then.
 */
export function checkStart(parts: StartParts, mounts: readonly Mount[]): void {
  checkDirectory(parts, mounts);
  const given = givenProgram(parts.user, parts.start);
  if (given === undefined) checkProgram(parts, mounts);
  else checkGivenProgram(parts, mounts, given);
}

/** The program that the user's manifest names, absolute; a relative one is relative to the start directory. */
export function givenProgram(user: TomlDocument | undefined, start: ContainerProcess): ImagePath | undefined {
  const given = givenText(user, ['libos', 'entrypoint']);
  if (given === undefined) return undefined;
  if (given.startsWith('/')) return imagePath(given);
  return imagePath(`${givenText(user, ['fs', 'start_dir']) ?? start.workingDirectory.realPath}/${given}`);
}

/** What has to be there, under these names, when the program starts: the program itself, its working directory, its loader. */
export function neededPaths(parts: Pick<GraminizeContext, 'user' | 'start' | 'libc'>): readonly ImagePath[] {
  const program = givenProgram(parts.user, parts.start);
  return [startDirectory(parts), ...(program === undefined ? neededFiles(parts) : [program])];
}

/** Gramine's C library has its own loader, which is taken by its name. */
function neededFiles({ start, libc }: Pick<GraminizeContext, 'start' | 'libc'>): readonly ImagePath[] {
  const { steps } = start.chain;
  const isRuntimes = libc === 'runtime' && start.libraries.libc === 'glibc';
  return isRuntimes ? steps.map(({ path }) => path) : startFiles(start);
}

function startDirectory({ user, start }: Pick<GraminizeContext, 'user' | 'start'>): ImagePath {
  const given = givenText(user, ['fs', 'start_dir']);
  return given === undefined ? start.workingDirectory.realPath : imagePath(given);
}

function checkProgram(parts: StartParts, mounts: readonly Mount[]): void {
  for (const path of neededFiles(parts)) {
    const problem = problemWith(path, parts, mounts);
    if (problem === undefined) continue;
    const [message, hint] = problem;
    const subject = parts.appName;
    throw new GscError({
      code: 'entrypoint',
      subject,
      message: `${showBytes(path)} is needed for the start, but ${message}`,
      hint,
    });
  }
}

/** Outside, the kernel executes programs that their user may not read; the library OS has to read them, as that user. */
function problemWith(
  path: ImagePath,
  { start, tree, isAllowed }: StartParts,
  mounts: readonly Mount[],
): readonly [message: string, hint: string] | undefined {
  const mount = mountOf(path, mounts);
  if (mount?.type === 'tmpfs') {
    return [
      'is in a tmpfs, which is empty at the start',
      'keep the program in another place, or mount something else there in your manifest',
    ];
  }
  const shown = mount && hostPathOf(path, mount);
  if (shown !== undefined && !isAllowed(shown) && resolvePath(tree, shown).kind !== 'found') {
    return [
      `what is mounted at ${showBytes(mount?.at ?? rootPath)} shows ${showBytes(shown)} there, which the image does not have`,
      'mount what the image has, or allow what will be there in sgx.allowed_files',
    ];
  }
  const obstacle = readObstacle(tree, path, start.user);
  if (obstacle === undefined) return undefined;
  return [obstacle, 'make it readable for all users (chmod a+rX), or build the image with another USER'];
}

function checkGivenProgram(parts: StartParts, mounts: readonly Mount[], path: ImagePath): void {
  const key = ['libos', 'entrypoint'];
  if (mountOf(path, mounts)?.type === 'tmpfs')
    throw notThere(parts, key, 'it is in a tmpfs, which is empty at the start');
  if (!isOfImage(path, parts.tree, mounts) || parts.isAllowed(path)) return;
  const found = resolvePath(parts.tree, path);
  const obstacle = obstacleOf(found, path);
  if (obstacle !== undefined) throw notThere(parts, key, obstacle, hintAbout(found));
}

function checkDirectory(parts: StartParts, mounts: readonly Mount[]): void {
  const key = ['fs', 'start_dir'];
  const given = givenText(parts.user, key);
  const path = startDirectory(parts);
  const mount = mountOf(path, mounts);
  if (mount?.type === 'tmpfs' && mount.at !== path) {
    const problem = `it is in a tmpfs at ${showBytes(mount.at)}, which is empty at the start`;
    if (given !== undefined) throw notThere(parts, key, problem);
    throw new GscError({
      code: 'entrypoint',
      subject: parts.appName,
      message: `the working directory ${showBytes(path)} does not exist: ${problem}`,
      hint: 'set fs.start_dir in your manifest, or mount something else there',
    });
  }
  if (given === undefined || path === parts.start.workingDirectory.realPath) return;
  if (!isOfImage(path, parts.tree, mounts) || parts.isAllowed(path)) return;
  const found = resolvePath(parts.tree, path);
  if (found.kind !== 'found') throw notThere(parts, key, showFailure(found));
  if (found.node.kind !== 'directory') throw notThere(parts, key, `it is a ${found.node.kind}`);
}

/** True if the library OS finds there what the image has: on the root, or on a mount in place of a directory link. */
function isOfImage(path: ImagePath, tree: FileTree, mounts: readonly Mount[]): boolean {
  const mount = mountOf(path, mounts);
  if (mount === undefined || mount.at === rootPath) return mount?.shows === rootPath;
  return lookup(tree, mount.at)?.kind === 'symlink';
}

function givenText(user: TomlDocument | undefined, key: KeyPath): string | undefined {
  const value = user && valueAt(user.root, key);
  return typeof value === 'string' ? bytesOfText(value) : undefined;
}

function notThere(
  { user, appName }: StartParts,
  key: KeyPath,
  problem: string,
  hint = `use a path that the image has, or remove ${showPath(key)}`,
): GscError {
  const { line, column } = user?.locate(key) ?? { line: 1, column: 1 };
  const value = user && valueAt(user.root, key);
  return new GscError({
    code: 'entrypoint',
    subject: `${user?.subject}:${line}:${column}`,
    message: `${showPath(key)}: the program cannot start with ${JSON.stringify(value)} in ${appName}: ${showBytes(problem)}`,
    hint,
  });
}
