import type { Image } from '../image/image.ts';
import { diffFacts, type ImageDifference } from './diff-facts.ts';
import { type ReadingOptions, readGraminizedImage } from './graminized-image.ts';
import { factsOf } from './image-facts.ts';

/**
 * What changed from one graminized image to another, signed or not: files, keys of the manifest, environment, runtime,
 * signature and how it starts. Layers that both have are read once. Throws a `state` error for an image that is not graminized, and
 * what reading throws.
 */
export async function diffImages(
  before: Image,
  after: Image,
  options: ReadingOptions = {},
): Promise<ImageDifference> {
  const first = await readGraminizedImage(before, options);
  const second = await readGraminizedImage(after, { ...options, seen: first });
  return diffFacts(factsOf(first), factsOf(second));
}
