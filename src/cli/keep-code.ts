import { existsSync } from 'node:fs';
import { cachedDataVersionTag } from 'node:v8';
import type { HostEnvironment } from '../base/host-environment.ts';
import { BlobCache } from '../store/cache/blob-cache.ts';
import { findCacheDirectory } from '../store/cache/cache-directory.ts';
import type { CompiledCode } from './compiled-code.ts';
import { restoreHeapGrowth } from './terminal/heap-growth.ts';

/**
 * Keeps what V8 has compiled for the next process with the same command. Call it when the work is done: by then all that the command
 * needs is compiled. Makes no cache for this alone.
 */
export async function keepCode(code: CompiledCode, host: HostEnvironment): Promise<void> {
  const { environment, today: now } = host;
  const directory = findCacheDirectory(environment);
  if (code.isKnown || directory === undefined || !existsSync(directory)) return;
  restoreHeapGrowth();
  // V8 takes no code that was compiled under other settings.
  if (cachedDataVersionTag() !== code.versionTag) return;
  const cache = new BlobCache({ directory, now });
  await cache.put(code.key, code.serialize());
  await cache.close();
}
