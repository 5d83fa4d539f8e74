import { GscError } from '../base/error.ts';
import {
  baseNameOf,
  bytesOfText,
  childOf,
  type ImagePath,
  imagePath,
  parentOf,
  showBytes,
} from '../base/image-path.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath, showFailure } from '../tree/resolve-path.ts';

/** Where the application starts. */
export interface WorkingDirectory {
  /** As the image's config has it, made absolute and clean. */
  readonly path: ImagePath;
  /** With all links followed; of a directory that does not exist, the links above it. */
  readonly realPath: ImagePath;
  /** False if no layer has it: engines make it when they start the container. */
  readonly exists: boolean;
}

/**
 * Reads `WorkingDir`: `/` by default. Throws an `entrypoint` error if something that is not a directory stands in the way,
 * and for a relative one, with which no container starts (runc: "Cwd must be an absolute path").
 */
export function findWorkingDirectory(
  text: string | null | undefined,
  tree: FileTree,
  subject: string,
): WorkingDirectory {
  if (text && !text.startsWith('/')) throw relativeDirectory(text, subject);
  const path = imagePath(bytesOfText(text ?? ''));
  const found = resolvePath(tree, path);
  if (found.kind === 'found' && found.node.kind === 'directory') {
    return { path, realPath: found.path, exists: true };
  }
  const place = found.kind === 'missing' ? placeToMake(tree, path) : undefined;
  if (place !== undefined) return { path, realPath: place, exists: false };
  throw new GscError({
    code: 'entrypoint',
    subject,
    message: `WORKDIR ${showBytes(path)} is not a directory: ${
      found.kind === 'found' ? `it is a ${found.node.kind}` : showBytes(showFailure(found))
    }`,
    hint: 'build the image with another WORKDIR',
  });
}

/** The real path of a directory that should be made; undefined where a link that leads to nothing is in the way. */
function placeToMake(tree: FileTree, path: ImagePath): ImagePath | undefined {
  const last = resolvePath(tree, path, { followLast: false });
  if (last.kind === 'found') return undefined;
  const parent = resolvePath(tree, parentOf(path));
  const above = parent.kind === 'found' ? parent.path : placeToMake(tree, parentOf(path));
  return above && childOf(above, baseNameOf(path));
}

function relativeDirectory(text: string, subject: string): GscError {
  return new GscError({
    code: 'entrypoint',
    subject,
    message: `the working directory ${JSON.stringify(text)} is not absolute: no container starts there`,
    hint: 'build the image with a WORKDIR that begins with /',
  });
}
