import { type ImagePath, imagePath, isWithin } from '../base/image-path.ts';

/**
 * Directories that hide what an image has there: engines mount their own file systems on them (OCI runtime-spec,
 * config-linux.md, "Default Filesystems"), and Gramine emulates them.
 */
export const emulatedPlaces: readonly ImagePath[] = ['/proc', '/dev', '/sys'].map(imagePath);

/** The one of them that a path is in; undefined if it is in none. */
export function emulatedPlaceOf(path: ImagePath): ImagePath | undefined {
  return emulatedPlaces.find((place) => isWithin(path, place));
}
