import { type ByteString, childOf, type ImagePath, imagePath, isWithin } from '../base/image-path.ts';
import { type LibraryDataKind, libraryDataKinds } from '../elf/library-data.ts';
import { type Mount, mountOf } from '../manifest/files/mounts.ts';
import { runtimePlaces } from '../runtime/places.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { lookup } from '../tree/resolve-path.ts';

/** What a path is to Gramine's C library. */
export interface LibraryDataRole {
  readonly kind: LibraryDataKind;
  /** Where the C library finds it; the path itself if that is the place that it looks at. */
  readonly foundAt: ImagePath;
}

/** Of each family; an image has one of them. */
const libraries = runtimePlaces.map(({ cLibraryDirectory }) =>
  childOf(cLibraryDirectory('glibc'), 'libc.so.6'),
);

/** Says for a name in a graminized image, and what it is on the host, whether the runtime's C library looks for data there. */
export function libraryDataRole(
  tree: FileTree,
  mounts: readonly Mount[],
  { path, hostPath }: { readonly path: ImagePath; readonly hostPath: ByteString },
): LibraryDataRole | undefined {
  const node = libraries.map((library) => lookup(tree, library)).find((found) => found !== undefined);
  const program = node?.kind === 'file' ? node.program : undefined;
  const places = program?.kind === 'elf' ? (program.libraryData ?? {}) : {};
  for (const kind of libraryDataKinds) {
    const place = places[kind];
    if (place === undefined) continue;
    const names = isWithin(path, place) ? [path] : namesBelow(place, mounts, hostPath);
    // A mount below another one hides what that shows there.
    const [foundAt] = names.filter((name) => mountOf(name, mounts)?.type === 'chroot');
    if (foundAt !== undefined) return { kind, foundAt };
  }
  return undefined;
}

function namesBelow(place: ImagePath, mounts: readonly Mount[], hostPath: ByteString): readonly ImagePath[] {
  return mounts.flatMap(({ at, shows }) => {
    if (shows === undefined || !isWithin(at, place) || !isWithin(imagePath(hostPath), shows)) return [];
    return [imagePath(`${at}/${hostPath.slice(shows.length)}`)];
  });
}
