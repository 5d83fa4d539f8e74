import { rm } from 'node:fs/promises';
import { cleanLeftovers, createTemporaryFile, ignoring } from '../local/temporary-file.ts';
import { cacheError, kindDirectories, listEntries } from './cache-directory.ts';

export interface PruneResult {
  readonly removedCount: number;
  readonly removedBytes: number;
  readonly leftCount: number;
  readonly leftBytes: number;
}

/**
 * Removes the entries that were not used for the longest time, until the rest holds at most `maxBytes` (0: all), and
 * what dead processes left behind. Other processes may use the cache meanwhile. Throws a `cache` error if the system
 * refuses.
 */
export async function pruneCache(root: string, maxBytes: number): Promise<PruneResult> {
  try {
    for (const { path } of await kindDirectories(root)) await cleanDirectory(path);
    return await removeUntil(root, maxBytes);
  } catch (error) {
    throw cacheError(root, 'cannot be pruned', error);
  }
}

async function removeUntil(root: string, maxBytes: number): Promise<PruneResult> {
  const entries = await listEntries(root);
  let leftBytes = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
  let [removedCount, removedBytes] = [0, 0];
  for (const { path, sizeBytes } of entries) {
    if (leftBytes <= maxBytes && maxBytes > 0) break;
    await rm(path, { force: true });
    leftBytes -= sizeBytes;
    removedBytes += sizeBytes;
    removedCount += 1;
  }
  return { removedCount, removedBytes, leftCount: entries.length - removedCount, leftBytes };
}

async function cleanDirectory(path: string): Promise<void> {
  const fresh = await createTemporaryFile(path, 0o600).catch(ignoring('ENOENT'));
  if (fresh === undefined) return;
  try {
    await cleanLeftovers(path, fresh.file);
  } finally {
    await fresh.file.close();
    await rm(fresh.path, { force: true });
  }
}
