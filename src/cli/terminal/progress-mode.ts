import type { OutputStream } from './output-stream.ts';

/** What `--progress` takes. */
export const progressChoices = ['auto', 'plain', 'none', 'json'] as const;

export type ProgressChoice = (typeof progressChoices)[number];

/** How progress is shown: on one line of the terminal, by a line for each (long) step, not at all, or as JSON. */
export type ProgressMode = 'line' | 'long-steps' | Exclude<ProgressChoice, 'auto'>;

type Environment = Readonly<Record<string, string | undefined>>;

/** A line that is drawn again and again is for a terminal that somebody looks at. */
export function progressMode(
  choice: ProgressChoice,
  stderr: OutputStream,
  environment: Environment,
): ProgressMode {
  if (choice !== 'auto') return choice;
  const isWatched = stderr.isTTY === true && environment.TERM !== 'dumb' && !isSet(environment.CI);
  return isWatched ? 'line' : 'long-steps';
}

/**
 * Whether text is coloured: never with NO_COLOR (no-color.org), always with CLICOLOR_FORCE, else on a terminal unless CLICOLOR is
 * 0 (bixense.com/clicolors).
 */
export function hasColors(stderr: OutputStream, environment: Environment): boolean {
  if ((environment.NO_COLOR ?? '') !== '') return false;
  if (isSet(environment.CLICOLOR_FORCE)) return true;
  return stderr.isTTY === true && environment.TERM !== 'dumb' && environment.CLICOLOR !== '0';
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value);
}
