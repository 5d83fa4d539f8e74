import { bytesOfText, type ImagePath, imagePath, isWithin, rootPath } from '../base/image-path.ts';
import { isArray, isTable, type TomlTable, type TomlValue, valueAt } from './toml.ts';

interface Mount {
  readonly at: ImagePath;
  /** The place on the host that it shows; undefined for storage of its own, which shows no file of the host as it is. */
  readonly shows: ImagePath | undefined;
}

/**
 * Says of files on the host whether a program inside can open them as they are: through the root or a `chroot` mount that no
 * later mount covers there. What lies below a tmpfs or an encrypted mount is out of reach.
 */
export function reachThroughMounts(manifest: TomlTable): (path: ImagePath) => boolean {
  const listed = valueAt(manifest, ['fs', 'mounts']);
  const root = readMount(valueAt(manifest, ['fs', 'root']) ?? new Map(), rootPath);
  const mounts = [...root, ...(isArray(listed) ? listed : []).flatMap((value) => readMount(value))];
  const latestFirst = [...mounts].reverse();
  return (path) =>
    mounts.some((mount) => {
      const { at, shows } = mount;
      if (shows === undefined || !isWithin(path, shows)) return false;
      const inside = imagePath(`${at}/${path.slice(shows === rootPath ? 0 : shows.length)}`);
      return latestFirst.find((each) => isWithin(inside, each.at)) === mount;
    });
}

/** Gramine mounts in order: of the mounts that cover a path the last one counts. A relative URI is taken for the root. */
function readMount(value: TomlValue, at?: ImagePath): readonly Mount[] {
  if (!isTable(value)) return [];
  const [type, path, uri] = [value.get('type') ?? 'chroot', value.get('path'), value.get('uri')];
  const place = at ?? (typeof path === 'string' ? imagePath(bytesOfText(path)) : undefined);
  if (place === undefined) return [];
  if (type !== 'chroot') return [{ at: place, shows: undefined }];
  const isAbsolute = typeof uri === 'string' && uri.startsWith('file:/');
  return [{ at: place, shows: isAbsolute ? imagePath(bytesOfText(uri.slice('file:'.length))) : rootPath }];
}
