import { GscError } from '../base/error.ts';
import { bytesOfText, type ImagePath, imagePath, showBytes } from '../base/image-path.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath, showFailure } from '../tree/resolve-path.ts';

/** Where the application starts. */
export interface WorkingDirectory {
  /** As the image's config has it, made absolute and clean. */
  readonly path: ImagePath;
  /** With all links followed; of a directory that does not exist, the same as `path`. */
  readonly realPath: ImagePath;
  /** False if no layer has it: engines make it when they start the container. */
  readonly exists: boolean;
}

/**
 * Reads `WorkingDir`: `/` by default, a relative one counts from `/`. Throws an `entrypoint` error if something that
 * is no directory stands in the way.
 */
export function findWorkingDirectory(
  text: string | null | undefined,
  tree: FileTree,
  subject: string,
): WorkingDirectory {
  const path = imagePath(bytesOfText(text ?? ''));
  const found = resolvePath(tree, path);
  if (found.kind === 'found' && found.node.kind === 'directory') {
    return { path, realPath: found.path, exists: true };
  }
  if (found.kind === 'missing') return { path, realPath: path, exists: false };
  throw new GscError({
    code: 'entrypoint',
    subject,
    message: `the working directory ${showBytes(path)} is none: ${
      found.kind === 'found' ? `it is a ${found.node.kind}` : showBytes(showFailure(found))
    }`,
    hint: 'build the image with another WORKDIR',
  });
}
