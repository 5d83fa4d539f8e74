import { bytesOfText, type ImagePath, imagePath, isWithin, textOfBytes } from '../../base/image-path.ts';
import { isAtLeast } from '../../runtime/version.ts';
import { readMounts } from '../files/reachable-files.ts';
import { isArray, isTable, type TomlTable, type TomlValue } from '../toml/toml.ts';
import { type Draft, peek, put, take } from './migration-draft.ts';

/** Tables `fs.mount.ID` became the array `fs.mounts`; its paths are absolute, and the root has none. */
export function migrateMounts(draft: Draft): void {
  const old = take(draft, ['fs', 'mount']);
  if (isTable(old)) {
    for (const [id, mount] of old) {
      addMount(draft, mount);
      draft.report(['fs', 'mount', id], 'became an element of fs.mounts');
    }
  }
  if (take(draft, ['fs', 'root', 'path']) !== undefined)
    draft.report(['fs', 'root', 'path'], 'removed: the root is always at /');
  if (isAtLeast(draft.release, '1.5')) makeAbsolute(draft);
}

function makeAbsolute(draft: Draft): void {
  const mounts = peek(draft, ['fs', 'mounts']);
  if (!isArray(mounts)) return;
  const absolute = mounts.map((mount, index) => {
    const path = isTable(mount) ? mount.get('path') : undefined;
    if (!isTable(mount) || typeof path !== 'string' || path === '' || path.startsWith('/')) return mount;
    draft.report(['fs', 'mounts', index, 'path'], `"${path}" became "/${path}"`);
    return new Map([...mount, ['path', `/${path}`] as const]);
  });
  put(draft, ['fs', 'mounts'], absolute);
}

const protectedLists: readonly (readonly [key: string, keyName: string | undefined])[] = [
  ['protected_files', undefined],
  ['protected_mrenclave_files', '_sgx_mrenclave'],
  ['protected_mrsigner_files', '_sgx_mrsigner'],
];

/** Protected files became mounts of type `encrypted`. */
export function migrateProtectedFiles(draft: Draft): void {
  for (const [key, keyName] of protectedLists) {
    const list = peek(draft, ['sgx', key]);
    if (!isArray(list)) continue;
    const places = list.map((uri) => insidePath(draft, uri));
    if (places.some((path) => path === undefined || !path.startsWith('/'))) continue;
    take(draft, ['sgx', key]);
    for (const [index, uri] of list.entries()) {
      const mount: readonly (readonly [string, TomlValue])[] = [
        ['type', 'encrypted'],
        ['path', places[index] ?? ''],
        ['uri', uri],
      ];
      addMount(draft, new Map(keyName === undefined ? mount : [...mount, ['key_name', keyName]]));
    }
    draft.report(['sgx', key], 'became mounts of type "encrypted" in fs.mounts');
  }
}

/**
 * Where a `file:` URI of the host is inside: through the mount that shows it, else, for absolute ones, at the same place.
 * A relative URI outside of all mounts stays a relative path. Undefined for what is no `file:` URI.
 */
export function insidePath(draft: Draft, uri: TomlValue): string | undefined {
  if (typeof uri !== 'string' || !uri.startsWith('file:')) return undefined;
  const path = uri.slice('file:'.length);
  if (!path.startsWith('/')) return path;
  const host = imagePath(bytesOfText(path));
  const mounts = readMounts(draft.root as TomlTable);
  const window = mounts.findLast(
    ({ at, shows }) => at !== '/' && shows !== undefined && shows !== '/' && isWithin(host, shows),
  );
  return textOfBytes(window?.shows === undefined ? host : moved(host, window.shows, window.at));
}

function moved(path: ImagePath, from: ImagePath, to: ImagePath): ImagePath {
  return imagePath(`${to}/${path.slice(from === '/' ? 0 : from.length)}`);
}

function addMount(draft: Draft, mount: TomlValue): void {
  const mounts = peek(draft, ['fs', 'mounts']);
  put(draft, ['fs', 'mounts'], [...(isArray(mounts) ? mounts : []), mount]);
}
