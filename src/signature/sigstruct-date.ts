import { GscError } from '../base/error.ts';

/**
 * How a SIGSTRUCT's date is written: `bcd` (day, month, year as decimal digits read as hex; Gramine from 1.5 on, as
 * the SDM has it) or `binary` (year, month, day as plain numbers; Gramine 1.4 and Graphene).
 */
export type DateEncoding = 'bcd' | 'binary';

/**
 * The date field of `YYYY-MM-DD`. The calendar is not asked: upstream's signer takes 0000-00-00 as well.
 * Throws a `usage` error if the text has another form.
 */
export function encodeDate(text: string, encoding: DateEncoding): number {
  const [, year, month, day] = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/.exec(text) ?? [];
  if (year === undefined || month === undefined || day === undefined) {
    throw new GscError({
      code: 'usage',
      subject: `date ${JSON.stringify(text)}`,
      message: 'expected the form YYYY-MM-DD',
      hint: 'give it like 2024-02-29',
    });
  }
  if (encoding === 'bcd') return Number.parseInt(`${year}${month}${day}`, 16);
  const field = Buffer.alloc(4);
  field.writeUInt16LE(Number(year), 0);
  field.set([Number(month), Number(day)], 2);
  return field.readUInt32LE();
}

/**
 * `YYYY-MM-DD` of a date field. Unless the encoding is given, it shows in the field itself: if all its eight hex digits are
 * decimal it is BCD, otherwise binary. No binary date from 1946 to 2047 can be mistaken, since its year always has
 * a digit above 9 in hex.
 */
export function decodeDate(field: number, encoding?: DateEncoding): string {
  const digits = field.toString(16).padStart(8, '0');
  if (encoding === 'bcd' || (encoding === undefined && /^[0-9]{8}$/.test(digits)))
    return `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`;
  const [year, month, day] = [field & 0xffff, (field >>> 16) & 0xff, field >>> 24];
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
}

function pad(value: number, digits: number): string {
  return `${value}`.padStart(digits, '0');
}
