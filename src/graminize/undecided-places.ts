import { type ImagePath, isWithin } from '../base/image-path.ts';
import { readManifestNames, treatName } from '../manifest/files/name-treatment.ts';
import type { TomlTable } from '../manifest/toml/toml.ts';
import type { Start } from '../start/find-start.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { type ApplicationData, findApplicationData } from '../trust/application-data.ts';
import type { TrustedSelection } from '../trust/trusted-files.ts';
import { findWritePlaces, type WritePlace } from '../trust/write-places.ts';

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
  const isUndecided = (path: ImagePath) => ['refused', 'trusted'].includes(treatName(names, path).kind);
  return {
    writePlaces: findWritePlaces({ tree, user: start.user, trusted }).filter(
      ({ path }) => isUndecided(path) && !volumes.some((volume) => isWithin(path, volume)),
    ),
    applicationData: findApplicationData({ tree, start, selection }).filter(({ place, signs }) =>
      signs.some(({ kind }) => kind === 'target')
        ? treatName(names, place).kind === 'refused'
        : selection.excluded.some(
            ({ path }) => isWithin(path, place) && treatName(names, path).kind === 'refused',
          ),
    ),
  };
}
