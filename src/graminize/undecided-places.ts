import type { ImagePath } from '../base/image-path.ts';
import { placesOf } from '../base/place-index.ts';
import type { CompleteManifest } from '../manifest/complete-manifest.ts';
import { decideAccess } from '../manifest/files/access-decision.ts';
import { type ApplicationData, findApplicationData } from '../trust/application-data.ts';
import { likelyWrittenDirectories, type WritePlace } from '../trust/likely-written-directories.ts';
import { itemsWithin, keyOf } from '../trust/path-order.ts';
import type { GraminizeContext } from './graminize-context.ts';

/** What the image's programs probably want, and neither the manifest nor an option has decided. */
export interface UndecidedPlaces {
  /** Directories to write to, for `--volume`. */
  readonly writePlaces: readonly WritePlace[];
  /** Content that is left out, for `--trust`. */
  readonly applicationData: readonly ApplicationData[];
}

/** Finds the places about which the user should decide something, by what the image looks like. */
export function findUndecidedPlaces(
  { tree, start, selection, volumes }: GraminizeContext,
  { names }: CompleteManifest,
): UndecidedPlaces {
  const trusted = new Set(selection.trusted.map(({ path }) => path));
  const declared = placesOf(volumes);
  const excluded = selection.excluded.map(({ path }) => ({ path, key: keyOf(path) }));
  const isUndecided = (path: ImagePath) =>
    !names.allowsCreation && ['refused', 'trusted'].includes(decideAccess(names, path).kind);
  const isRefused = (path: ImagePath) => decideAccess(names, path).kind === 'refused';
  return {
    writePlaces: likelyWrittenDirectories({ tree, user: start.user, trusted }).filter(
      ({ path }) => isUndecided(path) && !declared.holds(path),
    ),
    applicationData: findApplicationData({ tree, start, selection }).filter(({ place, signs }) =>
      signs.some(({ kind }) => kind === 'target')
        ? isRefused(place)
        : itemsWithin(excluded, place).some(({ path }) => isRefused(path)),
    ),
  };
}
