import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { digestOf, hexOf } from '../../../src/base/digest.ts';
import type { GscError } from '../../../src/base/error.ts';
import { BlobCache, type BlobCacheOptions } from '../../../src/store/cache/blob-cache.ts';
import { listEntries } from '../../../src/store/cache/cache-directory.ts';
import { pruneCache } from '../../../src/store/cache/prune-cache.ts';
import { filesBelow } from '../../support/files-below.ts';
import { noise } from '../../support/store/sample.ts';
import { scratchDirectory } from '../../support/store/scratch.ts';

const scratch = scratchDirectory();
let directory = '';
let troubles: GscError[] = [];

beforeEach(async () => {
  directory = join(await mkdtemp(join(scratch, 'cache-')), 'gsc');
  troubles = [];
});

const isRoot = process.getuid?.() === 0;
const key = { kind: 'thing-1', digest: digestOf('a') };
const otherKey = { kind: 'thing-1', digest: digestOf('b') };
const content = noise('content', 5000);

function cacheWith(options: Partial<BlobCacheOptions> = {}): BlobCache {
  return new BlobCache({
    directory,
    now: () => new Date(),
    onTrouble: (error) => troubles.push(error),
    ...options,
  });
}

function fileOf({ kind, digest }: typeof key): string {
  return join(directory, 'v1', kind, hexOf(digest));
}

describe('what is put', () => {
  test('comes back exactly, also to another process', async () => {
    await cacheWith().put(key, content);
    expect(await cacheWith().get(key)).toEqual(content);
    expect(troubles).toEqual([]);
  });

  test('comes back exactly whatever it is', async () => {
    const cache = cacheWith();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), async (bytes) => {
        await cache.put(key, bytes);
        expect(await cache.get(key)).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 30 },
    );
  });

  test('is found under its own kind and digest only', async () => {
    const cache = cacheWith();
    await cache.put(key, content);
    expect(await cache.get(otherKey)).toBeUndefined();
    expect(await cache.get({ ...key, kind: 'thing-2' })).toBeUndefined();
    expect(troubles).toEqual([]);
  });

  test('replaces what was put before', async () => {
    const cache = cacheWith();
    await cache.put(key, Buffer.from('old'));
    await cache.put(key, content);
    expect(await cache.get(key)).toEqual(content);
  });

  test('is readable for its owner alone', async () => {
    await cacheWith().put(key, content);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'v1', key.kind)).mode & 0o777).toBe(0o700);
    expect(statSync(fileOf(key)).mode & 0o777).toBe(0o600);
  });

  test.each(['', '../x', 'a/b', 'A', '.hidden'])('a kind %j is refused', async (kind) => {
    await expect(cacheWith().put({ ...key, kind }, content)).rejects.toThrow(RangeError);
  });
});

describe('a damaged entry', () => {
  beforeEach(async () => {
    await cacheWith().put(key, content);
    await cacheWith().put(otherKey, noise('other', 5000));
  });

  test('of which any byte is flipped does not come back, and is removed', async () => {
    const sealed = readFileSync(fileOf(key));
    // Every byte of head and checksum, and some of the content.
    const places = [...sealed.keys()].filter((at) => at < 120 || at > sealed.length - 40 || at % 97 === 0);
    for (const at of places) {
      const damaged = Buffer.from(sealed);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(fileOf(key), damaged, { mode: 0o600 });
      expect(await cacheWith().get(key), `byte ${at}`).toBeUndefined();
      expect(existsSync(fileOf(key))).toBe(false);
    }
  });

  test.each([0, 1, 20, 100, 131, 4000])('that is cut to %i bytes does not come back', async (sizeBytes) => {
    truncateSync(fileOf(key), sizeBytes);
    expect(await cacheWith().get(key)).toBeUndefined();
    expect(troubles.map((error) => error.message)).toEqual([expect.stringContaining('damaged')]);
  });

  test('with bytes after it does not come back', async () => {
    writeFileSync(fileOf(key), Buffer.concat([readFileSync(fileOf(key)), Buffer.of(0)]));
    expect(await cacheWith().get(key)).toBeUndefined();
  });

  test('that is really another one does not come back', async () => {
    renameSync(fileOf(otherKey), fileOf(key));
    expect(await cacheWith().get(key)).toBeUndefined();
  });

  test('can be put again', async () => {
    truncateSync(fileOf(key), 10);
    const cache = cacheWith();
    expect(await cache.get(key)).toBeUndefined();
    await cache.put(key, content);
    expect(await cache.get(key)).toEqual(content);
  });
});

describe('whose files are believed', () => {
  test('a link does not, whatever it leads to', async () => {
    await cacheWith().put(key, content);
    const elsewhere = join(directory, 'elsewhere');
    renameSync(fileOf(key), elsewhere);
    symlinkSync(elsewhere, fileOf(key));
    expect(await cacheWith().get(key)).toBeUndefined();
    expect(troubles).toHaveLength(1);
  });

  test('a directory in the place of an entry is not an entry', async () => {
    mkdirSync(fileOf(key), { recursive: true, mode: 0o700 });
    expect(await cacheWith().get(key)).toBeUndefined();
    expect(troubles).toHaveLength(1);
  });

  test('a file that others may write to is not', async () => {
    await cacheWith().put(key, content);
    chmodSync(fileOf(key), 0o660);
    expect(await cacheWith().get(key)).toBeUndefined();
    expect(troubles.map((error) => error.message)).toEqual([expect.stringContaining("another user's")]);
  });

  test.each([0o770, 0o707, 0o777])('nothing in a directory of mode %o is', async (mode) => {
    await cacheWith().put(key, content);
    chmodSync(directory, mode);
    const cache = cacheWith();
    expect(await cache.get(key)).toBeUndefined();
    await cache.put(otherKey, content);
    expect(existsSync(fileOf(otherKey))).toBe(false);
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toMatchObject({
      code: 'cache',
      subject: directory,
      hint: expect.stringMatching(/0700/),
    });
  });

  test.runIf(isRoot)("another user's directory and files are not", async () => {
    await cacheWith().put(key, content);
    chownSync(fileOf(key), 12345, 12345);
    expect(await cacheWith().get(key)).toBeUndefined();
    await cacheWith().put(key, content);
    chownSync(directory, 12345, 12345);
    expect(await cacheWith().get(key)).toBeUndefined();
  });
});

describe('a cache that cannot be used', () => {
  test.each([
    ['a file in its place', () => writeFileSync(directory, '')],
    [
      'a file in the place of its parent',
      () => {
        directory = join(directory, 'below');
        writeFileSync(join(directory, '..'), '');
      },
    ],
    [
      'a place where nothing may be made',
      () => {
        directory = '/sys/gsc';
      },
    ],
    [
      'a place that denies what it was told to make',
      () => {
        directory = '/proc/gsc/cache';
      },
    ],
  ])('because of %s finds and keeps nothing, says so once and fails nothing', async (_, spoil) => {
    spoil();
    const cache = cacheWith();
    expect(await cache.get(key)).toBeUndefined();
    await cache.put(key, content);
    expect(await cache.get(key)).toBeUndefined();
    await cache.close();
    expect(troubles).toHaveLength(1);
    expect(troubles[0]?.code).toBe('cache');
  });

  test('because its layout is not a directory says so once and fails nothing', async () => {
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, 'v1'), '');
    const cache = cacheWith();
    await cache.put(key, content);
    await cache.put(otherKey, content);
    expect(await cache.get(key)).toBeUndefined();
    expect(troubles).toHaveLength(1);
  });
});

describe('pruning', () => {
  const keys = ['a', 'b', 'c', 'd'].map((name) => ({ kind: 'thing-1', digest: digestOf(name) }));
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);

  async function fill(): Promise<number> {
    for (const each of keys) await cacheWith().put(each, content);
    for (const [i, each] of keys.entries()) utimesSync(fileOf(each), daysAgo(10 - i), daysAgo(10 - i));
    return statSync(fileOf(key)).size;
  }

  const left = async () => (await listEntries(directory)).map((entry) => entry.digest);

  test('removes what was not used for the longest time, until the rest fits', async () => {
    const each = await fill();
    const result = await pruneCache(directory, 2 * each);
    expect(result).toEqual({ removedCount: 2, removedBytes: 2 * each, leftCount: 2, leftBytes: 2 * each });
    expect(await left()).toEqual([keys[2]?.digest, keys[3]?.digest]);
  });

  test('counts finding an entry as its use', async () => {
    const each = await fill();
    await cacheWith().get(key);
    await pruneCache(directory, each);
    expect(await left()).toEqual([key.digest]);
  });

  test('goes by the clock of the one who uses the cache, for writing as for reading', async () => {
    await cacheWith({ now: () => daysAgo(3) }).put(otherKey, content);
    await cacheWith({ now: () => daysAgo(9) }).put(key, content);
    expect(await left()).toEqual([key.digest, otherKey.digest]);
    await cacheWith({ now: () => daysAgo(1) }).get(key);
    expect(await left()).toEqual([otherKey.digest, key.digest]);
  });

  test('happens by itself when a cache that was written to is closed', async () => {
    const each = await fill();
    let clock = Date.now();
    const cache = cacheWith({ maxBytes: 3 * each, now: () => new Date(clock++) });
    await cache.get(key);
    await cache.close();
    expect(await left()).toHaveLength(4);
    await cache.put({ kind: 'thing-2', digest: digestOf('e') }, content);
    await cache.close();
    expect(await left()).toEqual([keys[3]?.digest, key.digest, digestOf('e')]);
  });

  test('to nothing removes every entry', async () => {
    await fill();
    expect(await pruneCache(directory, 0)).toMatchObject({ removedCount: 4, leftCount: 0, leftBytes: 0 });
    expect(filesBelow(directory)).toEqual([]);
  });

  test('takes entries of other versions of the layout as well, and no other files', async () => {
    await fill();
    const foreign = join(directory, 'v77', 'things', 'e'.repeat(64));
    const others = [
      join(directory, 'notes'),
      join(directory, 'src', 'f'.repeat(64)),
      join(directory, 'v1', 'x'),
    ];
    for (const path of [foreign, ...others]) {
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, 'x');
    }
    expect((await listEntries(directory)).map((entry) => entry.layout)).toContain('v77');
    await pruneCache(directory, 0);
    expect(filesBelow(directory)).toEqual([...others].sort());
  });

  test('a cache that is not there holds nothing', async () => {
    expect(await pruneCache(directory, 0)).toMatchObject({ removedCount: 0 });
    expect(await listEntries(directory)).toEqual([]);
    expect(existsSync(directory)).toBe(false);
  });

  test('where the system refuses is a cache error', async () => {
    mkdirSync(join(directory, '..'), { recursive: true });
    writeFileSync(directory, '');
    await expect(pruneCache(directory, 0)).rejects.toMatchObject({ code: 'cache', subject: directory });
  });
});

test('another version of the layout is ignored, not misread', async () => {
  await cacheWith().put(key, content);
  renameSync(join(directory, 'v1'), join(directory, 'v2'));
  expect(await cacheWith().get(key)).toBeUndefined();
  expect(troubles).toEqual([]);
  expect(existsSync(join(directory, 'v2', key.kind, hexOf(key.digest)))).toBe(true);
});
