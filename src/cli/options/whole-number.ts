import { GscError } from '../../base/error.ts';

/** Reads the value of an option that takes a whole number of at least `least`. Throws a `usage` error. */
export function wholeNumber(option: string, least: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d{1,6}$/.test(text) && number >= least) return number;
    throw new GscError({
      code: 'usage',
      subject: option,
      message: `expected a whole number from ${least}, got ${JSON.stringify(text)}`,
      hint: `write it as in ${option} 4`,
    });
  };
}
