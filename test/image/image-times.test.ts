import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ImageConfig } from '../../src/image/config.ts';
import { imageTimes } from '../../src/image/image-times.ts';

function configOf(created?: string | null): ImageConfig {
  return { ...(created !== undefined && { created }), rootfs: { type: 'layers' } };
}

test.each<[string | null | undefined, string, number, string]>([
  ['2024-02-29T23:59:59Z', '2024-02-29T23:59:59Z', 1709251199, '2024-02-29'],
  ['2024-02-29T23:59:59.999Z', '2024-02-29T23:59:59.999Z', 1709251199, '2024-02-29'],
  ['2024-02-29T23:59:59-01:00', '2024-02-29T23:59:59-01:00', 1709254799, '2024-03-01'],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z', 0, '0001-01-01'],
  ['', '1970-01-01T00:00:00Z', 0, '1970-01-01'],
  ['soon', '1970-01-01T00:00:00Z', 0, '1970-01-01'],
  [null, '1970-01-01T00:00:00Z', 0, '1970-01-01'],
  [undefined, '1970-01-01T00:00:00Z', 0, '1970-01-01'],
])('of an image created %o', (created, text, epochSeconds, day) => {
  expect(imageTimes(configOf(created))).toEqual({ created: text, epochSeconds, day });
});

test('that are asked for win', () => {
  expect(imageTimes(configOf('2024-02-29T23:59:59Z'), 86_400)).toEqual({
    created: '1970-01-02T00:00:00Z',
    epochSeconds: 86_400,
    day: '1970-01-02',
  });
});

test('are the same again when they are read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99_999_999_999 }), (epochSeconds) => {
      const times = imageTimes(configOf(), epochSeconds);
      expect(imageTimes(configOf(times.created))).toEqual(times);
      expect(times.epochSeconds).toBe(epochSeconds);
    }),
  );
});
