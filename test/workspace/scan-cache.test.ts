import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { Console } from '../../src/cli/terminal/console.ts';
import type { Layer } from '../../src/image/image.ts';
import { readFiles } from '../../src/scan/read-files.ts';
import { scanImage } from '../../src/scan/scan-image.ts';
import { cacheDirectory, openScanCache, type ScanCache } from '../../src/workspace/scan-cache.ts';
import { type TestWorld, testWorld } from '../support/cli/test-world.ts';
import { imageOf, type LayerOptions, layerFrom, tarWith } from '../support/scan/made-layers.ts';

const scratch = mkdtempSync(join(tmpdir(), 'gsc-scan-cache-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let world: TestWorld;
beforeEach(() => {
  world = testWorld({ XDG_CACHE_HOME: mkdtempSync(join(scratch, 'xdg-')) });
});

function cacheFor(isWanted = true): ScanCache {
  return openScanCache(world, new Console(world, 'verbose'), isWanted);
}

const tar = await tarWith([
  ['etc/passwd', 'root:x:0:0::/:\n'],
  ['bin/run', '#!/bin/sh\n', 0o755],
  ['lib/x', 'lib'],
]);
const otherTar = await tarWith([['lib/x', 'LIB']]);

/** How often layers were opened since the test began. */
let opened = 0;
beforeEach(() => {
  opened = 0;
});
const counted: LayerOptions = { onOpen: () => opened++ };
const gzippedLayer = (level: number) => layerFrom(tar, { ...counted, stored: gzipSync(tar, { level }) });
const scan = (layer: Layer, cache = cacheFor()) => scanImage(imageOf([layer]), cache.forScan);

function cacheFiles(): readonly string[] {
  return readdirSync(cacheDirectory(world), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe('a layer that was scanned before', () => {
  test.each([
    ['compressed', () => gzippedLayer(9)],
    ['plain', () => layerFrom(tar, counted)],
  ])('and is %s is not read again, with the same result', async (_, make) => {
    const first = await scan(make());
    expect(opened).toBe(1);
    expect(await scan(make())).toEqual(first);
    expect(opened).toBe(1);
  });

  test('is read again without the cache, which stays as it was', async () => {
    await scan(gzippedLayer(9));
    const before = cacheFiles();
    await scan(gzippedLayer(9), cacheFor(false));
    expect(opened).toBe(2);
    expect(cacheFiles()).toEqual(before);
  });

  test('but is compressed in another way is read once more', async () => {
    const first = await scan(gzippedLayer(9));
    expect(await scan(gzippedLayer(1))).toEqual(first);
    expect(opened).toBe(2);
    await scan(gzippedLayer(1));
    expect(opened).toBe(2);
  });

  test('and the config claims its diffId for another blob: that blob is read and refused', async () => {
    const known = gzippedLayer(9);
    await scan(known);
    const liar = { ...layerFrom(otherTar, { ...counted, stored: gzipSync(otherTar) }), diffId: known.diffId };
    await expect(scan(liar)).rejects.toMatchObject({ code: 'blob' });
    await expect(scan(liar)).rejects.toMatchObject({ code: 'blob' });
    expect(opened).toBe(3);
  });

  test('and the config claims another known diffId for its blob: it is read and refused', async () => {
    const known = gzippedLayer(9);
    const other = layerFrom(otherTar, counted);
    await scan(known);
    await scan(other);
    await expect(scan({ ...known, diffId: other.diffId })).rejects.toMatchObject({ code: 'blob' });
  });

  test('and whose entries are damaged is read again, with the same result, and known afterwards', async () => {
    const first = await scan(gzippedLayer(9));
    for (const file of cacheFiles()) {
      const bytes = readFileSync(file);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      writeFileSync(file, bytes);
    }
    expect(await scan(gzippedLayer(9))).toEqual(first);
    expect(opened).toBe(2);
    expect(world.talk()).toMatch(/cache: .*damaged/);
    expect(await scan(gzippedLayer(9))).toEqual(first);
    expect(opened).toBe(2);
  });
});

test("a runtime's files are read once, and checked against their hashes when they come from the cache", async () => {
  const image = imageOf([gzippedLayer(9)]);
  const { tree } = await scanImage(image, cacheFor().forScan);
  const paths = [imagePath('/lib/x'), imagePath('/bin/run')];
  const first = await readFiles(image, tree, paths, cacheFor().forFiles);
  opened = 0;
  expect(await readFiles(image, tree, paths, cacheFor().forFiles)).toEqual(first);
  expect(opened).toBe(0);
});

describe('the directory', () => {
  test.each([
    [{ XDG_CACHE_HOME: '/x', HOME: '/h' }, '/x/gsc'],
    [{ HOME: '/h' }, '/h/.cache/gsc'],
    [{ XDG_CACHE_HOME: '', HOME: '/h' }, '/h/.cache/gsc'],
    [{ XDG_CACHE_HOME: 'relative', HOME: '/h' }, '/h/.cache/gsc'],
  ])('for %j is %s', (environment, directory) => {
    expect(cacheDirectory(testWorld(environment))).toBe(directory);
  });

  test.each([{}, { HOME: '' }, { HOME: 'relative', XDG_CACHE_HOME: 'x' }])(
    'for %j is none: a remark, no cache',
    (environment) => {
      world = testWorld(environment);
      expect(() => cacheDirectory(world)).toThrow(/neither XDG_CACHE_HOME nor HOME/);
      expect(cacheFor().blobs).toBeUndefined();
      expect(world.talk()).toMatch(/cache disabled/);
    },
  );

  test('that cannot be used fails no scan, and is remarked upon once', async () => {
    world = testWorld({ XDG_CACHE_HOME: '/proc' });
    const cache = cacheFor();
    await scan(gzippedLayer(9), cache);
    await scan(layerFrom(otherTar), cache);
    await cache.close();
    expect(world.talk().match(/cache: /g)).toHaveLength(1);
  });
});
