import { type ImagePath, isWithin } from '../base/image-path.ts';
import type { CompleteManifest } from '../manifest/complete-manifest.ts';
import { decideAccess } from '../manifest/files/access-decision.ts';
import { type ApplicationData, findApplicationData } from '../trust/application-data.ts';
import { likelyWrittenDirectories, type WritePlace } from '../trust/likely-written-directories.ts';
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
  const isUndecided = (path: ImagePath) => ['refused', 'trusted'].includes(decideAccess(names, path).kind);
  return {
    writePlaces: likelyWrittenDirectories({ tree, user: start.user, trusted }).filter(
      ({ path }) => isUndecided(path) && !volumes.some((volume) => isWithin(path, volume)),
    ),
    applicationData: findApplicationData({ tree, start, selection }).filter(({ place, signs }) =>
      signs.some(({ kind }) => kind === 'target')
        ? decideAccess(names, place).kind === 'refused'
        : selection.excluded.some(
            ({ path }) => isWithin(path, place) && decideAccess(names, path).kind === 'refused',
          ),
    ),
  };
}
