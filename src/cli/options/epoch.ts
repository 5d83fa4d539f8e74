import { GscError } from '../../base/error.ts';
import type { CommandLineHost } from '../terminal/console.ts';

/** SOURCE_DATE_EPOCH (reproducible-builds.org) in seconds, or undefined if it is not set. Throws a `usage` error. */
export function sourceDateEpoch(host: CommandLineHost): number | undefined {
  const text = host.environment.SOURCE_DATE_EPOCH;
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,11}$/.test(text)) return Number(text);
  throw new GscError({
    code: 'usage',
    subject: 'SOURCE_DATE_EPOCH',
    message: `expected whole seconds since 1970, got ${JSON.stringify(text)}`,
    hint: 'unset it, or set it as in SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)',
  });
}

/** The UTC day of an epoch, `YYYY-MM-DD`. */
export function dayOf(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toISOString().slice(0, 10);
}
