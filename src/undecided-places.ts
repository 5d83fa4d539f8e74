import type { ImagePath } from './base/image-path.ts';
import { placesOf } from './base/place-index.ts';
import { readManifestNames, treatName } from './manifest/name-treatment.ts';
import type { TomlTable } from './manifest/toml.ts';
import { type ApplicationData, findApplicationData } from './scan/application-data.ts';
import type { Start } from './scan/find-start.ts';
import { itemsWithin, keyOf } from './scan/path-order.ts';
import type { TrustedSelection } from './scan/trusted-files.ts';
import { findWritePlaces, type WritePlace } from './scan/write-places.ts';
import type { FileTree } from './tree/file-tree.ts';

/** What the image's programs probably want, and neither the manifest nor an option has decided. */
export interface UndecidedPlaces {
  /** Directories to write to, for `--volume`. */
  readonly writePlaces: readonly WritePlace[];
  /** Content that is left out, for `--trust`. */
  readonly applicationData: readonly ApplicationData[];
}

export interface UndecidedPlacesParts {
  readonly tree: FileTree;
  readonly start: Start;
  readonly selection: TrustedSelection;
  /** Complete. */
  readonly manifest: TomlTable;
  /** The image's VOLUMEs, about which there are reports of their own. */
  readonly volumes: readonly ImagePath[];
}

/** Finds the places about which the user should decide something, by what the image looks like. */
export function findUndecidedPlaces(parts: UndecidedPlacesParts): UndecidedPlaces {
  const { tree, start, selection, manifest, volumes } = parts;
  const names = readManifestNames(manifest);
  const trusted = new Set(selection.trusted.map(({ path }) => path));
  const declared = placesOf(volumes);
  const excluded = selection.excluded.map(({ path }) => ({ path, key: keyOf(path) }));
  const isUndecided = (path: ImagePath) => ['refused', 'trusted'].includes(treatName(names, path).kind);
  const isRefused = (path: ImagePath) => treatName(names, path).kind === 'refused';
  return {
    writePlaces: findWritePlaces({ tree, user: start.user, trusted }).filter(
      ({ path }) => isUndecided(path) && !declared.holds(path),
    ),
    applicationData: findApplicationData({ tree, start, selection }).filter(({ place, signs }) =>
      signs.some(({ kind }) => kind === 'target')
        ? isRefused(place)
        : itemsWithin(excluded, place).some(({ path }) => isRefused(path)),
    ),
  };
}
