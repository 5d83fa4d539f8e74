import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DateEncoding, decodeDate, encodeDate } from '../../src/signature/sigstruct-date.ts';

function bytesOf(date: string, encoding: DateEncoding): string {
  const field = Buffer.alloc(4);
  field.writeUInt32LE(encodeDate(date, encoding));
  return field.toString('hex');
}

describe('the date of a SIGSTRUCT', () => {
  it('is decimal digits from Gramine 1.5 on: day, month, year', () => {
    expect(bytesOf('2024-02-29', 'bcd')).toBe('29022420');
    expect(bytesOf('9999-12-31', 'bcd')).toBe('31129999');
  });

  it('is plain numbers before: year, month, day', () => {
    expect(bytesOf('2024-02-29', 'binary')).toBe('e807021d');
    expect(bytesOf('2026-11-23', 'binary')).toBe('ea070b17');
    expect(bytesOf('9999-99-99', 'binary')).toBe('0f276363');
  });

  it('may be impossible, as upstream has it', () => {
    expect(bytesOf('0000-00-00', 'bcd')).toBe('00000000');
    expect(bytesOf('0000-00-00', 'binary')).toBe('00000000');
    expect(bytesOf('2023-02-31', 'bcd')).toBe('31022320');
  });

  it.each([
    '',
    'today',
    '2024-2-29',
    '24-02-29',
    '2024/02/29',
    '2024-02-29 ',
    '2024-02-29T00:00',
    '٢٠٢٤-02-29',
  ])('has no other form: %j', (text) => {
    expect(() => encodeDate(text, 'bcd')).toThrow(
      expect.objectContaining({
        code: 'usage',
        message: expect.stringContaining('expected the form YYYY-MM-DD'),
      }),
    );
  });

  it('is read back from either encoding', () => {
    const digits = (count: number) =>
      fc.integer({ min: 0, max: 10 ** count - 1 }).map((n) => `${n}`.padStart(count, '0'));
    const dates = fc.tuple(digits(4), digits(2), digits(2)).map((parts) => parts.join('-'));
    fc.assert(
      fc.property(dates, (date) => {
        expect(decodeDate(encodeDate(date, 'bcd'))).toBe(date);
      }),
    );
    const years = fc.tuple(fc.integer({ min: 1946, max: 2047 }), digits(2), digits(2));
    fc.assert(
      fc.property(years, ([year, month, day]) => {
        const date = `${year}-${month}-${day}`;
        expect(decodeDate(encodeDate(date, 'binary'))).toBe(date);
      }),
    );
  });
});
