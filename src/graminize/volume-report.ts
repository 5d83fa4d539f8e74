import { bytesOfText, type ImagePath, imagePath, showBytes } from '../base/image-path.ts';
import { type PlaceIndex, placesOf } from '../base/place-index.ts';
import type { ImageConfig } from '../image/config.ts';
import { allowedPaths } from '../manifest/files/allow-behind-mounts.ts';
import { listedMounts } from '../manifest/files/mounts.ts';
import type { Volume } from '../manifest/option-manifest.ts';
import type { TomlTable } from '../manifest/toml/toml.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';

/** The paths of the image's VOLUMEs, sorted. */
export function declaredVolumes(config: ImageConfig): readonly ImagePath[] {
  return Object.keys(config.config?.Volumes ?? {})
    .map((path) => imagePath(bytesOfText(path)))
    .sort();
}

/**
 * What to report about volumes: each VOLUME for which neither the user's manifest nor an option nor a tmpfs decides what
 * the enclave does with it, and each `--volume` that does not lie where the image has it.
 */
export function volumeNotes(
  volumes: { readonly declared: readonly ImagePath[]; readonly chosen: readonly Volume[] },
  manifest: TomlTable,
  tree: FileTree,
): readonly string[] {
  const decided = placesOf(decidedPlaces(manifest));
  const undecided = volumes.declared.filter((path) => !decided.holds(path));
  return [
    ...undecided.map(undecidedNote),
    ...volumes.chosen.flatMap((volume) => placeNotes(volume, { tree, decided })),
  ];
}

function undecidedNote(path: ImagePath): string {
  const shown = showBytes(path);
  return `VOLUME ${shown}: programs inside can write nothing there, and read only trusted files; decide with --volume ${shown}=encrypted[:KEYNAME], =tmpfs or =allowed`;
}

/** Where storage of the enclave's own is mounted, or the host's files are let in. */
function decidedPlaces(manifest: TomlTable): readonly ImagePath[] {
  const own = listedMounts(manifest).filter(({ type }) => type !== 'chroot');
  return [...own.map(({ at }) => at), ...allowedPaths(manifest)];
}

function placeNotes(
  { path, use }: Volume,
  { tree, decided }: { readonly tree: FileTree; readonly decided: PlaceIndex<ImagePath> },
): readonly string[] {
  if (use.kind === 'tmpfs') return [];
  const found = resolvePath(tree, path);
  if (found.kind !== 'found') {
    return [
      `--volume ${showBytes(path)}: the image has nothing there; mount a volume or directory there when you run it`,
    ];
  }
  if (found.path === path || decided.holds(found.path)) return [];
  return [
    `--volume ${showBytes(path)}: this is a link to ${showBytes(found.path)}, for which no --volume is set; set one there too if programs use that name`,
  ];
}
