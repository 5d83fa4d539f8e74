import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ImagePath, imagePath, isWithin } from '../../src/base/image-path.ts';
import { CompleteManifest } from '../../src/manifest/complete-manifest.ts';
import {
  bytesIn,
  type FileState,
  fileStates,
  type MappedFile,
  mapFiles,
  placesOf,
  sumFiles,
} from '../../src/report/file-map.ts';
import { mapBoxes } from '../../src/report/treemap.ts';
import { parseRuntimeVersion } from '../../src/runtime/version.ts';
import { scanImage } from '../../src/scan/scan-image.ts';
import { appImage } from '../support/graminized/app-image.ts';

const hash = (digit: string) => digit.repeat(64);

async function mapped(manifest: string, names: readonly string[]) {
  const image = await appImage([names.map((name) => [name, name] as const)], {});
  const { tree } = await scanImage(image);
  const version = parseRuntimeVersion('1.9');
  const { names: known } = CompleteManifest.parse(Buffer.from(manifest), 'manifest', version);
  return new Map(mapFiles(tree, known).map(({ path, state }) => [path, state]));
}

/** Files of given sizes, all of one state. */
function filesOf(
  sizes: Readonly<Record<string, number>>,
  state: FileState = 'trusted',
): readonly MappedFile[] {
  const access: MappedFile['access'] = { kind: 'emulated', place: imagePath('/') };
  return Object.entries(sizes).map(([path, sizeBytes]) => ({
    ...{ path: imagePath(path), sizeBytes, state, access },
  }));
}

describe('the state of a file', () => {
  test('is what the manifest says about its name', async () => {
    const manifest = `
      fs.root.uri = "file:/"
      fs.mounts = [{ type = "tmpfs", path = "/tmp" }]
      sgx.allowed_files = ["file:/data"]
      [[sgx.trusted_files]]
      uri = "file:/app"
      sha256 = "${hash('a')}"
    `;
    const names = ['app', 'data/x', 'tmp/y', 'other', 'gramine/runtime/libsysdb.so', 'gramine/own'];
    expect(Object.fromEntries(await mapped(manifest, names))).toEqual({
      '/app': 'trusted',
      '/data/x': 'host',
      '/tmp/y': 'left-out',
      '/other': 'left-out',
      '/gramine/runtime/libsysdb.so': 'runtime',
      '/gramine/own': 'left-out',
    });
  });
});

describe('places', () => {
  test('open the largest directories, and gather what is small', () => {
    const places = placesOf(filesOf({ '/a/x/1': 600, '/a/y/2': 300, '/b/3': 90, '/c/4': 1, '/5': 2 }));
    expect(places.map(({ path, isRest, sums }) => [path, isRest, bytesIn(sums)])).toEqual([
      ['/a/x', false, 600],
      ['/a/y', false, 300],
      ['/b', false, 90],
      ['/', true, 3],
    ]);
  });

  test('of an image without files are none', () => {
    expect(placesOf([])).toEqual([]);
    expect(mapBoxes([])).toEqual([]);
  });

  test('of files without bytes still count them, and have no box', () => {
    const places = placesOf(filesOf({ '/a/empty': 0, '/b/empty': 0 }));
    expect(sumFilesOf(places)).toBe(2);
    expect(mapBoxes(places)).toEqual([]);
  });

  const paths = fc.array(fc.constantFrom('a', 'b', 'c', 'dir', 'é'), { minLength: 1, maxLength: 5 });
  const images = fc
    .uniqueArray(fc.tuple(paths, fc.nat(1e9), fc.constantFrom(...fileStates)), {
      selector: ([path]) => path.join('/'),
      maxLength: 80,
    })
    .map((files) =>
      files.map(
        ([path, sizeBytes, state]): MappedFile => ({
          ...{ path: imagePath(`/${path.join('/')}`), sizeBytes, state },
          access: { kind: 'emulated', place: imagePath('/') },
        }),
      ),
    );

  test('hold each file once, and are few', () => {
    fc.assert(
      fc.property(images, (files) => {
        const places = placesOf(files);
        const sums = sumFiles(files);
        for (const state of fileStates) {
          for (const what of ['count', 'sizeBytes'] as const)
            expect(places.reduce((sum, place) => sum + place.sums[state][what], 0)).toBe(sums[state][what]);
        }
        expect(places.length).toBeLessThanOrEqual(30);
        for (const { path, isRest } of places.filter((place) => !place.isRest))
          expect(insideOf(places, path, isRest)).toEqual([]);
      }),
    );
  });
});

describe('boxes of the map', () => {
  test('have the areas of their bytes, fill the map and stay in it', () => {
    const sizes = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`/d${i % 7}/f${i}`, 1000 + i * 37]),
    );
    const files = [...filesOf(sizes), ...filesOf({ '/d1/out': 9000, '/var/x': 2000 }, 'left-out')];
    const boxes = mapBoxes(placesOf(files));
    const total = bytesIn(sumFiles(files));
    for (const { left, top, width, height, sizeBytes } of boxes) {
      expect((width * height) / 10_000).toBeCloseTo(sizeBytes / total, 3);
      expect(left).toBeGreaterThanOrEqual(0);
      expect(top).toBeGreaterThanOrEqual(0);
      expect(left + width).toBeLessThanOrEqual(100.002);
      expect(top + height).toBeLessThanOrEqual(100.002);
    }
    expect(boxes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBe(total);
    expect(boxes.filter(({ state }) => state === 'left-out').length).toBe(2);
  });
});

function sumFilesOf(places: ReturnType<typeof placesOf>): number {
  return places.reduce((sum, { sums }) => sum + sums.trusted.count, 0);
}

function insideOf(places: ReturnType<typeof placesOf>, path: ImagePath, isRest: boolean) {
  if (isRest) return [];
  return places.filter((other) => other.path !== path && isWithin(other.path, path));
}
