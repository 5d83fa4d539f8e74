import { type ImagePath, showBytes } from '../base/image-path.ts';
import { pathOfUri } from '../manifest/schema/file-uri.ts';
import { type Finding, locateFindings, type ManifestProblem } from '../manifest/schema/problem.ts';
import {
  isArray,
  isTable,
  type KeyPath,
  type TomlDocument,
  type TomlValue,
  valueAt,
} from '../manifest/toml/toml.ts';
import { realFileAt } from '../runtime/tree-source.ts';
import type { FileTree } from '../tree/file-tree.ts';

export interface HashSurroundings {
  readonly tree: FileTree;
  /** True where a container will have another content than the image: a hash there is one of that. */
  readonly isReplaced: (path: ImagePath) => boolean;
}

const key: KeyPath = ['sgx', 'trusted_files'];

/**
 * Trusted files of a manifest with a SHA-256 that is not that of the image's file: the enclave would refuse to open them. What
 * the image does not have may come with any hash.
 */
export function findWrongHashes(
  document: TomlDocument,
  around: HashSurroundings,
): readonly ManifestProblem[] {
  const list = valueAt(document.root, key);
  const findings = (isArray(list) ? list : []).flatMap((entry, index) =>
    findWrongHash(entry, [...key, index], around),
  );
  return locateFindings(document, findings);
}

function findWrongHash(
  entry: TomlValue,
  path: KeyPath,
  { tree, isReplaced }: HashSurroundings,
): readonly Finding[] {
  const given = isTable(entry) ? entry.get('sha256') : undefined;
  const place = pathOfUri(entry);
  if (typeof given !== 'string' || place === undefined) return [];
  const sha256 = realFileAt(tree, place)?.node.sha256;
  if (sha256 === undefined || given.toLowerCase() === sha256 || isReplaced(place)) return [];
  return [
    {
      path: [...path, 'sha256'],
      message: `expected the SHA-256 of the image's ${showBytes(place)}, ${sha256}, got ${given}`,
      hint: 'remove the sha256, and gsc fills it in; or build from the image that has the file of this hash',
    },
  ];
}
