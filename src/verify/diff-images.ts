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
  const lowerLayers = sharedLayers(before, after);
  const first = await readGraminizedImage(before, { ...options, lowerLayers });
  const below = first.lower && { below: first.lower };
  const second = await readGraminizedImage(after, { ...options, ...below, seen: first });
  return diffFacts(factsOf(first, second), factsOf(second, first));
}

/** How many of the lowest layers they have in common. */
function sharedLayers(before: Image, after: Image): number {
  const differing = before.layers.findIndex(({ diffId }, layer) => after.layers[layer]?.diffId !== diffId);
  return differing < 0 ? before.layers.length : differing;
}
