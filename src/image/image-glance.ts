import type { ImagePath } from '../base/image-path.ts';
import type { Layer } from './image.ts';
import type { Labels } from './labels.ts';

/** What a place of images tells of one without giving its config and its layers. */
export interface ImageGlance {
  /** How messages call it. */
  readonly name: string;
  /** How messages call the place where it is. */
  readonly place: string;
  readonly labels: Labels;
  /** Lowest first; their tars where they are at hand. */
  readonly layers: readonly Pick<Layer, 'diffId' | 'tar'>[];
  /**
   * Single files as a container of the image has them; those that are not there are left out. Nothing proves them: whoever takes
   * them holds them against something that does.
   */
  readFiles(paths: readonly ImagePath[]): Promise<ReadonlyMap<ImagePath, Buffer>>;
}
