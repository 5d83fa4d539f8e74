import { describe, expect, test } from 'vitest';
import { showSeconds, showSecondsRange } from '../../src/base/show-size.ts';

describe('a range of seconds', () => {
  test.each([
    [0, 0, 'less than 0.1 s'],
    [0.01, 0.09, 'less than 0.1 s'],
    [0.01, 0.31, 'up to 0.3 s'],
    [1.36, 4.24, 'about 1.4 to 4.2 s'],
    [2.31, 2.33, 'about 2.3 s'],
    [25.6, 80, 'about 25.6 to 80.0 s'],
  ])('from %d to %d is %s', (least, most, text) => {
    expect(showSecondsRange(least, most)).toBe(text);
  });

  test('of one figure reads like that figure', () => {
    for (const seconds of [0, 0.2, 3]) expect(showSecondsRange(seconds, seconds)).toBe(showSeconds(seconds));
  });
});
