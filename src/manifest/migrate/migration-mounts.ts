import { bytesOfText, type ImagePath, imagePath, isWithin, textOfBytes } from '../../base/image-path.ts';
import { isAtLeast } from '../../runtime/version.ts';
import { readMounts } from '../files/mounts.ts';
import { textOfFileUri } from '../schema/file-uri.ts';
import { isArray, isTable, type KeyPath, type TomlTable, type TomlValue } from '../toml/toml.ts';
import { type Draft, peek, put, take } from './migration-draft.ts';

/** Tables `fs.mount.ID` became the array `fs.mounts`; its paths are absolute, and the root has none. */
export function migrateMounts(draft: Draft): void {
  const old = peek(draft, ['fs', 'mount']);
  if (isTable(old)) {
    take(draft, ['fs', 'mount']);
    for (const [id, mount] of old) {
      const place = addMount(draft, absoluteMount(draft, mount) ?? mount);
      draft.report(['fs', 'mount', id], 'became an element of fs.mounts', place);
    }
  }
  draft.drop(['fs', 'root', 'path'], 'the root is always at /');
}

/** Paths of mounts are absolute since 1.5. In a build a relative one is more likely a slip, which the check names. */
export function migrateMountPaths(draft: Draft): void {
  if (draft.purpose === 'build') return;
  const mounts = peek(draft, ['fs', 'mounts']);
  if (!isArray(mounts)) return;
  const absolute = mounts.map((mount, index) => {
    const changed = absoluteMount(draft, mount);
    if (changed === undefined) return mount;
    const path = changed.get('path');
    draft.report(['fs', 'mounts', index, 'path'], `"${String(path).slice(1)}" became "${String(path)}"`);
    return changed;
  });
  put(draft, ['fs', 'mounts'], absolute);
}

/** The mount with an absolute path; undefined if there is nothing to change. */
function absoluteMount(draft: Draft, mount: TomlValue): TomlTable | undefined {
  const path = isTable(mount) ? mount.get('path') : undefined;
  if (!isTable(mount) || typeof path !== 'string' || path === '' || path.startsWith('/')) return undefined;
  return isAtLeast(draft.release, '1.5') ? new Map([...mount, ['path', `/${path}`] as const]) : undefined;
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
      const named = new Map(keyName === undefined ? mount : [...mount, ['key_name', keyName]]);
      const place = addMount(draft, named);
      draft.report(['sgx', key, index], 'became a mount of type "encrypted" in fs.mounts', place);
    }
  }
}

/**
 * Where a `file:` URI of the host is inside: through the mount that shows it, else, for absolute ones, at the same place.
 * A relative URI outside of all mounts stays a relative path. Undefined for what is not a `file:` URI.
 */
export function insidePath(draft: Draft, uri: TomlValue): string | undefined {
  const path = textOfFileUri(uri);
  if (!path?.startsWith('/')) return path;
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

/** Appends a mount and gives its path. */
function addMount(draft: Draft, mount: TomlValue): KeyPath {
  const given = peek(draft, ['fs', 'mounts']);
  const mounts = isArray(given) ? given : [];
  put(draft, ['fs', 'mounts'], [...mounts, mount]);
  return ['fs', 'mounts', mounts.length];
}
