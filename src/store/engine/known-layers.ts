import type { Digest } from '../../base/digest.ts';
import { isDigest } from '../../base/digest.ts';
import { inParallel } from '../../base/in-parallel.ts';
import type { Engine } from './engine.ts';
import { inspectEngineImage, listImages } from './image-facts.ts';

/** The layers of the images that an Engine has: of each image its diffIds, lowest first. */
export type LayerChains = readonly (readonly Digest[])[];

/** Questions at a time. */
const concurrency = 8;

/** An Engine with more images is not asked for each; what it has is sent again then. */
const maximalImages = 500;

/**
 * Asks for the layers of all images, or of the newest ones if there are very many. An image that goes away meanwhile is
 * left out. Throws an `engine` error.
 */
export async function findChains(engine: Engine): Promise<LayerChains> {
  const ids = (await listImages(engine)).map(({ id }) => id).filter((id): id is Digest => isDigest(id));
  const chains: (readonly Digest[])[] = [];
  await inParallel([...new Set(ids)].slice(0, maximalImages), concurrency, async (digest) => {
    const facts = await inspectEngineImage(engine, { kind: 'id', digest });
    if (facts) chains.push(facts.diffIds);
  });
  return chains;
}

/** How many layers, from the lowest, one of the images has in common. A layer counts only on top of the same ones. */
export function commonDepth(diffIds: readonly Digest[], chains: LayerChains): number {
  const depths = chains.map((chain) => {
    const end = diffIds.findIndex((diffId, i) => chain[i] !== diffId);
    return end < 0 ? diffIds.length : end;
  });
  return Math.max(0, ...depths);
}
