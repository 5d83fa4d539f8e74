import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GscError } from '../../src/base/error.ts';
import { mergeProfiles, profileOf } from '../../src/profile/profile.ts';
import { parseProfile, writeProfile } from '../../src/profile/profile-text.ts';

const parse = (text: string) => parseProfile(Buffer.from(text), 'app.profile');
const tidy = (text: string) => writeProfile(parse(text));

function failure(content: string | Buffer): string {
  try {
    parseProfile(Buffer.from(content), 'app.profile');
  } catch (error) {
    if (error instanceof GscError) return `${error.code} ${error.message}`;
    throw error;
  }
  throw new Error('it was parsed');
}

describe('a profile', () => {
  test('is written sorted, comments with the line below them, those at the top and the bottom where they were', () => {
    const text = `# gsc profile
# of the shop

/usr/bin/b  # opened by sh (2)
# Needed at night only.
# See the handbook.
/usr/bin/a  # written by hand
/etc/app/*.conf

# the end
`;
    expect(tidy(text)).toBe(`# gsc profile
# of the shop

/etc/app/*.conf
# Needed at night only.
# See the handbook.
/usr/bin/a  # written by hand
/usr/bin/b  # opened by sh (2)
# the end
`);
  });

  test('is the same when it is read and written again', () => {
    const path = fc.uint8Array({ maxLength: 12 }).map((bytes) => `/${Buffer.from(bytes).toString('latin1')}`);
    const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,8}$/);
    const entry = fc.record({
      pattern: path,
      byProgram: fc
        .dictionary(name, fc.integer({ min: 1, max: 999 }))
        .map((counts) => new Map(Object.entries(counts).sort())),
      note: fc.constantFrom('', 'by hand', 'a; b', 'opened by all of us'),
      comments: fc.array(fc.constantFrom('# one', '# two', '#'), { maxLength: 2 }),
    });
    fc.assert(
      fc.property(fc.array(entry), fc.array(fc.constantFrom('a', '', 'b c')), (entries, header) => {
        const written = writeProfile(profileOf(entries, header));
        expect(writeProfile(parseProfile(Buffer.from(written), 'x'))).toBe(written);
        expect(parseProfile(Buffer.from(written), 'x').entries).toEqual(profileOf(entries, header).entries);
      }),
    );
  });

  test('writes blanks, number signs, controls and what is not UTF-8 as bytes, and other letters as they are', () => {
    const text = '/a\\x20b/\\x23c/\\xff\n/caf\u00e9\n/tab\\x09\n';
    expect(tidy(text)).toBe(text);
    expect(parse(text).entries.map(({ pattern }) => pattern)).toEqual([
      '/a b/#c/\xff',
      '/caf\xc3\xa9',
      '/tab\t',
    ]);
  });

  test('takes lines with other ends, blanks around them, and a pattern twice', () => {
    expect(tidy('\ufeff  /b \r\n/a\r\n\r\n/b # opened by x (1)\n/b # opened by x (2), y (1)\n')).toBe(
      '/a\n/b  # opened by x (3), y (1)\n',
    );
  });

  test('keeps a note beside the counts, and one that only looks like counts', () => {
    for (const line of ['/a  # why; opened by x (1)\n', '/a  # opened by everybody\n', '/a  # a # b\n'])
      expect(tidy(line)).toBe(line);
  });

  test('may be empty, and may be comments alone', () => {
    expect(tidy('')).toBe('');
    expect(tidy('# nothing yet')).toBe('# nothing yet\n');
  });
});

describe('adding a profile to another', () => {
  test('adds counts and lines, keeps the comments of both and the top of the first', () => {
    const first = parse('# first\n\n# why\n/a  # opened by x (1)\n/b\n# end\n');
    const second = parse('# second\n\n# why\n# and how\n/a  # opened by x (2), y (1)\n/c  # note\n# end\n');
    expect(writeProfile(mergeProfiles(first, second))).toBe(
      '# first\n\n# why\n# and how\n/a  # opened by x (3), y (1)\n/b\n/c  # note\n# end\n',
    );
  });

  test('takes the top of the second where the first has none', () => {
    expect(writeProfile(mergeProfiles(parse('/a\n'), parse('# second\n\n/b\n')))).toBe(
      '# second\n\n/a\n/b\n',
    );
  });
});

describe('a profile is refused', () => {
  test.each<[string, string | Buffer, RegExp]>([
    ['for two words', '/a\n/b c\n', /^config app\.profile:2: profile: expected one path per line/],
    [
      'for a relative path',
      '# top\n\nusr/bin\n',
      /app\.profile:3: profile: expected a path from \/ on, got "usr\/bin"/,
    ],
    ['for a word', 'hello\n', /app\.profile:1: .*got "hello"/],
    ['for what is not UTF-8', Buffer.from([0x2f, 0xff, 0x0a]), /app\.profile: profile: is not UTF-8/],
    ['for TOML', '[sgx]\n', /app\.profile:1: /],
    ['for JSON', '{"a": 1}\n', /app\.profile:1: /],
    ['for a path with a comment that is not set off', '/a#b c\n', /app\.profile:1: /],
  ])('%s', (_name, content, message) => {
    expect(failure(content)).toMatch(message);
  });
});
