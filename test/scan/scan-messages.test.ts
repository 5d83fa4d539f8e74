import { expect, test } from 'vitest';
import { GscError } from '../../src/base/error.ts';
import { packError, unpackError } from '../../src/scan/scan-messages.ts';

test.each([
  new GscError({ code: 'tar', subject: 'layer', message: 'damaged', hint: 'pull again' }),
  new GscError({ code: 'unreadable', subject: 'layer', message: 'no memory', isPassing: true }),
  new GscError({ code: 'blob', subject: 'layer', message: 'flipped', isPassing: false }),
])('an error of gsc comes through a thread with all that it says: %s', (error) => {
  const { code, subject, detail, hint, isPassing } = error;
  const unpacked = unpackError(structuredClone(packError(error)));
  expect(unpacked).toBeInstanceOf(GscError);
  expect(unpacked).toMatchObject({ code, subject, detail, isPassing });
  expect((unpacked as GscError).hint).toBe(hint);
});
