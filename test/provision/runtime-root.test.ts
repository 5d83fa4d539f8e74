import { mkdirSync, mkdtempSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openImages, workspaceOf } from '../../src/library/images.ts';
import { findRuntimePlace } from '../../src/provision/runtime-root.ts';

const root = mkdtempSync(join(tmpdir(), 'gsc-runtime-root-'));
const anHour = 3_600_000;
const images = openImages({
  host: {
    environment: { XDG_CACHE_HOME: join(root, 'cache') },
    today: () => new Date(Date.now() + anHour),
  },
});
afterAll(async () => {
  await images.close();
  rmSync(root, { recursive: true });
});

const isBelieved = statfsSync(root).type === 0xef53;

test('a directory is not known by its state if a package in it is a link, behind which anything may change', async () => {
  const directory = join(root, 'packages');
  mkdirSync(directory);
  writeFileSync(join(directory, 'gramine.deb'), 'x');
  const stateOf = async () => (await findRuntimePlace(workspaceOf(images), directory, '/')).state;
  expect((await stateOf()) !== undefined).toBe(isBelieved);
  symlinkSync('/elsewhere/libc.deb', join(directory, 'libc.deb'));
  expect(await stateOf()).toBeUndefined();
});
