import { GscError } from '../base/error.ts';
import { type ImagePath, showBytes } from '../base/image-path.ts';
import { pathOfUri, uriOf } from '../manifest/schema/file-uri.ts';
import { isArray, showPath, type TomlDocument, type TomlValue, valueAt } from '../manifest/toml/toml.ts';
import { resolvePath, showFailure } from '../tree/resolve-path.ts';
import type { TrustedFile } from '../trust/trusted-files.ts';
import type { GraminizeContext } from './graminize-context.ts';

const keys = [
  ['loader', 'argv_src_file'],
  ['loader', 'env_src_file'],
] as const;

/**
 * The files that the user's manifest takes arguments and variables from, to be trusted wherever they lie: Gramine reads
 * them before it mounts anything. Without those that the manifest lists or allows itself, and those of relative URIs, which
 * are relative to where the container starts. Throws an `entrypoint` error for one that the image does not have.
 */
export function sourceFiles(
  { appName, tree, user }: GraminizeContext,
  isAllowed: (path: ImagePath) => boolean,
): readonly TrustedFile[] {
  if (user === undefined) return [];
  return keys.flatMap((key) => {
    const uri = valueAt(user.root, key);
    const path = pathOfUri(uri);
    if (path === undefined || isListed(user, uri) || isAllowed(path)) return [];
    const found = resolvePath(tree, path);
    if (found.kind === 'found' && found.node.kind === 'file') {
      const { sha256, sizeBytes } = found.node;
      return [{ path, sha256, sizeBytes }];
    }
    const { line, column } = user.locate(key);
    const problem = found.kind === 'found' ? `it is a ${found.node.kind}` : showBytes(showFailure(found));
    throw new GscError({
      code: 'entrypoint',
      subject: `${user.subject}:${line}:${column}`,
      message: `${showPath(key)}: expected a file of ${appName}, got ${JSON.stringify(uri)}: ${problem}`,
      hint: 'add it with --file, or allow what will be there in sgx.allowed_files',
    });
  });
}

function isListed(user: TomlDocument, uri: TomlValue | undefined): boolean {
  const listed = valueAt(user.root, ['sgx', 'trusted_files']);
  return isArray(listed) && listed.some((entry) => uriOf(entry) === uri);
}
