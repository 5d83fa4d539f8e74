import { bytesOfText, type ImagePath, imagePath, rootPath } from '../../base/image-path.ts';
import { PlaceIndex } from '../../base/place-index.ts';
import { pathOfUri } from '../schema/file-uri.ts';
import { isArray, isTable, type TomlTable, type TomlValue, valueAt } from '../toml/toml.ts';

/** One mount of a manifest. */
export interface Mount {
  readonly type: string;
  /** Where it is inside. */
  readonly at: ImagePath;
  /** The place on the host that it shows; undefined for its own storage, which shows no file of the host as it is. */
  readonly shows: ImagePath | undefined;
  /** As the manifest has it. */
  readonly uri?: string;
  /** Of an encrypted mount; absent where it is Gramine's default. */
  readonly keyName?: string;
}

/** The root and the mounts of a manifest, in order. A relative URI of the host is taken for the root. */
export function readMounts(manifest: TomlTable): readonly Mount[] {
  const root = readMount(valueAt(manifest, ['fs', 'root']) ?? new Map(), rootPath);
  return [...(root ? [root] : []), ...listedMounts(manifest)];
}

/** The mounts of `fs.mounts`, in order, without the root. */
export function listedMounts(manifest: TomlTable): readonly Mount[] {
  const listed = valueAt(manifest, ['fs', 'mounts']);
  return (isArray(listed) ? listed : []).flatMap((value) => readMount(value) ?? []);
}

/** The order of the mounts of a list, by their places; made at the first question about the list. */
const placesByList = new WeakMap<readonly Mount[], PlaceIndex<number>>();

/** The mount that a path inside belongs to: Gramine mounts in order, so of those that cover it the last one. */
export function mountOf(path: ImagePath, mounts: readonly Mount[]): Mount | undefined {
  let places = placesByList.get(mounts);
  if (places === undefined) {
    places = new PlaceIndex(mounts.map(({ at }, order) => [at, order]));
    placesByList.set(mounts, places);
  }
  return mounts[places.above(path).reduce((last, order) => Math.max(last, order), -1)];
}

/** The place on the host that a path below a mount is a name of; undefined where the mount shows none. */
export function hostPathOf(path: ImagePath, { at, shows }: Mount): ImagePath | undefined {
  return shows === undefined
    ? undefined
    : imagePath(`${shows}/${path.slice(at === rootPath ? 0 : at.length)}`);
}

/**
 * Says for files on the host whether a program inside can open them as they are: through the root or a `chroot` mount that no
 * later mount covers there. What is below a tmpfs or an encrypted mount is out of reach.
 */
export function reachThroughMounts(manifest: TomlTable): (path: ImagePath) => boolean {
  const mounts = readMounts(manifest);
  const showing = new Map<ImagePath, Mount[]>();
  for (const mount of mounts) {
    // What a later mount covers as a whole shows nothing.
    if (mount.shows === undefined || mountOf(mount.at, mounts) !== mount) continue;
    showing.set(mount.shows, [...(showing.get(mount.shows) ?? []), mount]);
  }
  const places = new PlaceIndex(showing);
  return (path) =>
    places.above(path).some((shown) =>
      shown.some((mount) => {
        const { at, shows = rootPath } = mount;
        const below = path.slice(shows === rootPath ? 0 : shows.length);
        return mountOf(imagePath(`${at}/${below}`), mounts) === mount;
      }),
    );
}

/** One mount; undefined for what is not the value of one. The root, which has no path, is at `at`. */
export function readMount(value: TomlValue, at?: ImagePath): Mount | undefined {
  if (!isTable(value)) return undefined;
  const [type, path, uri] = [value.get('type') ?? 'chroot', value.get('path'), value.get('uri')];
  const place = at ?? (typeof path === 'string' ? imagePath(bytesOfText(path)) : undefined);
  if (place === undefined || typeof type !== 'string') return undefined;
  const keyName = value.get('key_name');
  const more = { ...(typeof uri === 'string' && { uri }), ...(typeof keyName === 'string' && { keyName }) };
  if (type !== 'chroot') return { type, at: place, shows: undefined, ...more };
  return { type, at: place, shows: pathOfUri(uri) ?? rootPath, ...more };
}
