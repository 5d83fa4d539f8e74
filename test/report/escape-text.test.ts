import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeText } from '../../src/report/escape-text.ts';

/** Halves of surrogate pairs too. */
const codePoints = fc.array(fc.nat(0x10ffff)).map((points) => String.fromCodePoint(...points));

describe('a text of an image', () => {
  test.each([
    ['<img src=x onerror=alert(1)>', '&lt;img src=x onerror=alert(1)&gt;'],
    [`" onload="x' &amp;`, '&quot; onload=&quot;x&#39; &amp;amp;'],
    ['</style><script>', '&lt;/style&gt;&lt;script&gt;'],
    ['a\u202egnp.exe', 'a\\u202egnp.exe'],
    ['zero\u200bwidth\u200fand\ufeffmark', 'zero\\u200bwidth\\u200fand\\ufeffmark'],
    ['\u2066isolate\u2069', '\\u2066isolate\\u2069'],
    ['line\nend\r\ttab', 'line\\nend\\r\\ttab'],
    ['\u0000\u001b[31m\u007f\u0085', '\\x00\\x1b[31m\\x7f\\x85'],
    ['a\u2028b\u2029c', 'a\\u2028b\\u2029c'],
    ['tag \u{e0041}', 'tag \\u{e0041}'],
    ['half \ud800 a pair', 'half \\ud800 a pair'],
  ])('%j is shown as text', (text, shown) => {
    expect(escapeText(text)).toBe(shown);
  });

  test.each(['naïve café', 'Ελληνικά', '日本語', 'עברית', '🙂', 'C:\\path'])('%s stays as it is', (text) => {
    expect(escapeText(text)).toBe(text);
  });

  test('of any kind holds nothing that is markup or cannot be seen', () => {
    fc.assert(
      fc.property(codePoints, (text) => {
        expect(escapeText(text)).not.toMatch(/[<>"'\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  test.each([undefined, 0, true])('that is none, %s, is written as one', (value) => {
    expect(escapeText(value)).toBe(String(value));
  });
});
