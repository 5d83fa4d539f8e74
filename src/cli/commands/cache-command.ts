import { GscError } from '../../base/error.ts';
import { showCount, showSize } from '../../base/show-size.ts';
import { defaultCacheBytes } from '../../store/cache/blob-cache.ts';
import { type CacheEntry, listCache } from '../../store/cache/cache-directory.ts';
import { cacheLayoutVersion } from '../../store/cache/cache-file.ts';
import { pruneCache } from '../../store/cache/prune-cache.ts';
import { cacheDirectory } from '../../workspace/scan-cache.ts';
import { choiceArgument } from '../options/choice-option.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { parseSize } from '../options/size-option.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions {
  readonly all?: boolean;
  readonly maxSize?: number;
}

export const addCache: AddCommand = (program, act) => {
  program
    .command('cache')
    .summary('list or prune what gsc keeps between runs')
    .description(
      'Lists or prunes the cache: layer indexes and other results that gsc would have to compute again.',
    )
    .addArgument(choiceArgument('ACTION', 'ls: list the entries; prune: remove some', ['ls', 'prune']))
    .option('--all', 'prune: remove every entry')
    .option('--max-size <size>', 'prune: the size to keep, such as 500MB; default 2GB', parseSize)
    .action(act(cache));
};

async function cache(context: CommandContext, options: Options, action: string): Promise<number> {
  checkOptions(options, action);
  const directory = cacheDirectory(context.host);
  if (action === 'ls') await list(context, directory);
  else await prune(context, directory, options.all ? 0 : (options.maxSize ?? defaultCacheBytes));
  return exitCodes.done;
}

function checkOptions({ all, maxSize }: Options, action: string): void {
  const given = [all && '--all', maxSize !== undefined && '--max-size'].filter((option) => option);
  const isWrong = action === 'ls' ? given.length > 0 : given.length > 1;
  if (!isWrong) return;
  throw new GscError({
    code: 'usage',
    subject: `gsc cache ${action}`,
    message: action === 'ls' ? `${given.join(' and ')} only with prune` : 'both --all and --max-size',
    hint: 'write gsc cache ls, gsc cache prune, gsc cache prune --all, or gsc cache prune --max-size 500MB',
  });
}

/** One line per entry, the longest unused first, as they would be pruned. */
async function list({ console, isJson }: CommandContext, directory: string): Promise<void> {
  const entries = await listCache(directory);
  const sizeBytes = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
  if (isJson) {
    const rows = entries.map((entry) => ({
      kind: kindOf(entry),
      digest: entry.digest,
      size_bytes: entry.sizeBytes,
      last_used: entry.lastUsed.toISOString(),
    }));
    console.result(`${JSON.stringify({ directory, size_bytes: sizeBytes, entries: rows })}\n`);
    return;
  }
  const kindWidth = Math.max(0, ...entries.map((entry) => kindOf(entry).length));
  for (const entry of entries) {
    const used = `${entry.lastUsed.toISOString().slice(0, 19)}Z`;
    const size = showSize(entry.sizeBytes).padStart(7);
    console.result(`${used}  ${size}  ${kindOf(entry).padEnd(kindWidth)}  ${entry.digest}\n`);
  }
  console.say(`${directory}: ${showCount(entries.length)} entries, ${showSize(sizeBytes)}`);
}

async function prune({ console, isJson }: CommandContext, directory: string, maxBytes: number) {
  const { removedCount, removedBytes, leftCount, leftBytes } = await pruneCache(directory, maxBytes);
  const result = {
    directory,
    removed: removedCount,
    removed_bytes: removedBytes,
    left: leftCount,
    left_bytes: leftBytes,
  };
  console.result(
    isJson
      ? `${JSON.stringify(result)}\n`
      : `removed ${showCount(removedCount)} entries, ${showSize(removedBytes)}; left ${showCount(leftCount)}, ${showSize(leftBytes)}\n`,
  );
}

/** Entries of another version of the cache's layout say so. */
function kindOf({ layout, kind }: CacheEntry): string {
  return layout === cacheLayoutVersion ? kind : `${layout}/${kind}`;
}
