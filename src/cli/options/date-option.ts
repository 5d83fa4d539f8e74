import { Option } from 'commander';
import { GscError } from '../../base/error.ts';

/** `--date` of the commands that make images: a day of the calendar, `YYYY-MM-DD`. */
export function dateOption(description: string): Option {
  return new Option('--date <date>', description).argParser(parseDay);
}

/** Gramine's own signer takes any digits; of an image's signature a day that never was is a slip. */
function parseDay(text: string): string {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text) && dayOfText(text) === text;
  if (isDay) return text;
  throw new GscError({
    code: 'usage',
    subject: '--date',
    message: `expected a day as YYYY-MM-DD, got ${JSON.stringify(text)}`,
    hint: 'write it as in --date 2024-02-29',
  });
}

/** The day as the calendar has it (2024-02-30 is 2024-03-01), or undefined if there is none like it. */
function dayOfText(text: string): string | undefined {
  const milliseconds = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(milliseconds) ? undefined : new Date(milliseconds).toISOString().slice(0, 10);
}
