import type { ImagePath } from '../../base/image-path.ts';
import type { DirectoryMount } from '../../trust/directory-links.ts';
import { fileUri, pathOfUri } from '../schema/file-uri.ts';
import { select } from '../schema/runtime-values.ts';
import { isArray, isTable, type TomlTable, valueAt } from '../toml/toml.ts';
import { hostPathOf, mountOf, readMounts } from './mounts.ts';

/**
 * Adds to `sgx.allowed_files` the names that its entries get through gsc's mounts in place of directory links: Gramine
 * compares names once mounts have replaced their beginning, so with `/data` mounted from `/srv/data` an entry for
 * `/data` alone matches nothing.
 */
export function allowBehindMounts(manifest: TomlTable, links: readonly DirectoryMount[]): TomlTable {
  const allowed = valueAt(manifest, ['sgx', 'allowed_files']);
  const sgx = manifest.get('sgx');
  if (!isArray(allowed) || !isTable(sgx) || links.length === 0) return manifest;
  const mounts = readMounts(manifest);
  const targets = new Map(links.map(({ path, target }) => [path, target]));
  const known = new Set(allowed.map(pathOfUri));
  const added = new Set<string>();
  for (const path of known) {
    const mount = path && mountOf(path, mounts);
    if (!mount || mount.shows === undefined || targets.get(mount.at) !== mount.shows) continue;
    const real = hostPathOf(path, mount);
    const uri = real && fileUri(real);
    if (uri !== undefined && !known.has(real)) added.add(uri);
  }
  if (added.size === 0) return manifest;
  return new Map([...manifest, ['sgx', new Map([...sgx, ['allowed_files', [...allowed, ...added]]])]]);
}

/** The files and directories that a manifest allows, by their absolute paths. */
export function allowedPaths(manifest: TomlTable): readonly ImagePath[] {
  return [...select(manifest, 'sgx.allowed_files.*')].flatMap(([, uri]) => pathOfUri(uri) ?? []);
}
