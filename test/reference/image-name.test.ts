import { expect, test } from 'vitest';
import { parseImageName, shortIdOf } from '../../src/reference/image-name.ts';

const id = '16e3a77f6dc694146901744cdd946756446022a160c9279fa7e1ad11ee7ce34a';

test.each([12, 13, 63])('%i hex digits may be the beginning of an image ID', (length) => {
  expect(shortIdOf(parseImageName(id.slice(0, length)))).toBe(id.slice(0, length));
});

test.each([
  ['cafe', 'fewer than Docker shows'],
  ['16e3a77f6dc6:1', 'a tag'],
  [`16e3a77f6dc6@sha256:${id}`, 'a digest'],
  ['team/16e3a77f6dc6', 'a folder'],
  ['localhost/16e3a77f6dc6', 'a host'],
  ['16e3a77f6dcg', 'another letter'],
])('%s is a name only: %s', (text) => {
  expect(shortIdOf(parseImageName(text))).toBeUndefined();
});
