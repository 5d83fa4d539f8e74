import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type GscError, usageError } from '../../base/error.ts';
import { readUserFile } from '../../base/read-file.ts';
import type { SharedCacheChoice, SharedCacheKey } from '../../index.ts';
import { parseReference } from '../../parts.ts';
import type { CommandLineHost } from '../terminal/console.ts';
import { repeatable } from './repeatable.ts';

/** The options that {@link addSharedCacheOptions} adds, as commander gives them. */
export interface SharedCacheOptions {
  readonly cacheFrom?: readonly string[];
  readonly cacheTo?: string;
  readonly cacheKey?: string;
}

/** Adds the options about indexes of layers that machines share. */
export function addSharedCacheOptions(command: Command): Command {
  return command
    .option(
      '--cache-from <repository>',
      'use indexes of layers that are kept in this repository or oci:DIR (repeatable)',
      repeatable,
    )
    .option('--cache-to <repository>', 'keep indexes of layers there, for other machines')
    .option(
      '--cache-key <file>',
      'key that signs them and must have signed them, PEM; to use them, its public half is enough',
    );
}

/** What the options say, and the key; undefined without them. Throws `usage`, `not-found`, `unreadable` or `key`. */
export async function readSharedCache(
  host: CommandLineHost,
  options: SharedCacheOptions & { readonly cache?: boolean },
): Promise<SharedCacheChoice | undefined> {
  const { cacheFrom = [], cacheTo, cacheKey } = options;
  if (cacheFrom.length === 0 && cacheTo === undefined) return undefined;
  if (options.cache === false && cacheFrom.length > 0)
    throw usageError('--cache-from', 'it does nothing with --no-cache', 'leave one of them out');
  if (cacheKey === undefined) throw keyMissing(cacheFrom.length > 0 ? '--cache-from' : '--cache-to');
  return {
    from: cacheFrom.map(parseReference),
    to: cacheTo === undefined ? undefined : parseReference(cacheTo),
    key: await readCacheKey(host, cacheKey, cacheTo !== undefined),
  };
}

/** Throws a `usage` error for a key that nothing would be done with. */
export function checkCacheKey({ cacheFrom, cacheTo, cacheKey }: SharedCacheOptions): void {
  if (cacheKey === undefined || cacheFrom !== undefined || cacheTo !== undefined) return;
  throw usageError('--cache-key', 'there is neither --cache-from nor --cache-to', 'add one, or leave it out');
}

/** What reads keys is loaded only where there is such a cache. */
export async function readCacheKey(
  host: CommandLineHost,
  file: string,
  isWriter: boolean,
): Promise<SharedCacheKey> {
  const { readSharedCacheKey } = await import('../../library/shared-cache-key.ts');
  const pem = await readUserFile(resolve(host.workingDirectory, file), 'key of the cache');
  return readSharedCacheKey(pem, { subject: file, isWriter });
}

function keyMissing(option: string): GscError {
  return usageError(
    option,
    'there is no --cache-key: an index decides which files an enclave trusts, so that only signed ones are used',
    'make a key with: openssl genpkey -algorithm ed25519 -out cache.pem',
  );
}
