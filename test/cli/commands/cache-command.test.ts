import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../../src/base/digest.ts';
import { commands } from '../../../src/cli/commands.ts';
import { runCommandLine } from '../../../src/cli/program.ts';
import { BlobCache } from '../../../src/store/cache/blob-cache.ts';
import { testWorld } from '../../support/cli/test-world.ts';
import { imageForTest } from '../../support/images/image-for-test.ts';
import { standinRuntime } from '../../support/images/standin-runtime.ts';

const scratch = mkdtempSync(join(tmpdir(), 'gsc-cache-command-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let cacheHome = '';
beforeEach(() => {
  cacheHome = mkdtempSync(join(scratch, 'xdg-'));
});

async function gsc(...args: readonly string[]) {
  const world = testWorld({ XDG_CACHE_HOME: cacheHome }, args);
  const code = await runCommandLine(world, commands);
  return { code, stdout: world.result(), stderr: world.talk() };
}

async function fill(...names: readonly string[]): Promise<void> {
  for (const [i, name] of names.entries()) {
    const now = () => new Date(Date.UTC(2026, 0, 1 + i));
    const cache = new BlobCache({ directory: join(cacheHome, 'gsc'), now });
    await cache.put({ kind: 'thing', digest: digestOf(name) }, Buffer.alloc(10_000));
    await cache.get({ kind: 'thing', digest: digestOf(name) });
  }
}

describe('gsc cache ls', () => {
  test('of a cache that is not there prints nothing and makes nothing', async () => {
    expect(await gsc('cache', 'ls')).toMatchObject({ code: 0, stdout: '' });
    expect(existsSync(join(cacheHome, 'gsc'))).toBe(false);
  });

  test('prints an entry per line, the longest unused first', async () => {
    await fill('a', 'b');
    const { code, stdout, stderr } = await gsc('cache', 'ls');
    expect(code).toBe(0);
    expect(stdout).toBe(
      `2026-01-01T00:00:00Z  10.1 kB  thing  ${digestOf('a')}\n2026-01-02T00:00:00Z  10.1 kB  thing  ${digestOf('b')}\n`,
    );
    expect(stderr).toBe(`${cacheHome}/gsc: 2 entries, 20.2 kB\n`);
  });

  test('with --json is one object', async () => {
    await fill('a');
    const { stdout } = await gsc('cache', 'ls', '--json');
    expect(JSON.parse(stdout)).toEqual({
      directory: `${cacheHome}/gsc`,
      size_bytes: 10_116,
      entries: [
        { kind: 'thing', digest: digestOf('a'), size_bytes: 10_116, last_used: '2026-01-01T00:00:00.000Z' },
      ],
    });
  });

  test('of something else in its place is a cache error', async () => {
    writeFileSync(join(cacheHome, 'gsc'), '');
    expect(await gsc('cache', 'ls')).toMatchObject({ code: 1, stderr: expect.stringMatching(/ENOTDIR/) });
  });
});

describe('gsc cache prune', () => {
  beforeEach(() => fill('a', 'b', 'c'));

  test.each([
    [[], 0],
    [['--max-size', '21kB'], 1],
    [['--max-size', '10116'], 2],
    [['--max-size', '10KiB'], 2],
    [['--max-size', '1.5GB'], 0],
    [['--max-size', '0'], 3],
    [['--all'], 3],
  ])('with %j removes %i of three', async (options, removed) => {
    const { code, stdout } = await gsc('cache', 'prune', '--json', ...options);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      removed,
      left: 3 - removed,
      left_bytes: (3 - removed) * 10_116,
    });
  });

  test('says what it did', async () => {
    expect(await gsc('cache', 'prune', '--all')).toMatchObject({
      stdout: 'removed 3 entries, 30.3 kB; left 0, 0 B\n',
    });
  });
});

test.each([
  [['cache']],
  [['cache', 'list']],
  [['cache', 'ls', '--all']],
  [['cache', 'ls', '--max-size', '1GB']],
  [['cache', 'prune', '--all', '--max-size', '1GB']],
  [['cache', 'prune', '--max-size', 'much']],
  [['cache', 'prune', '--max-size', '-1']],
  [['cache', 'prune', '--max-size', '1PB']],
])('%j is wrong usage', async (args) => {
  expect((await gsc(...args)).code).toBe(2);
});

describe('gsc build', () => {
  test('gives the same image cold, warm and without the cache; -nc leaves no cache', async (context) => {
    const { reference } = await imageForTest(context, 'busybox');
    const { root } = await standinRuntime();
    const digests: (string | undefined)[] = [];
    const build = async (name: string, ...options: readonly string[]) => {
      const output = `oci:${join(cacheHome, name)}:u`;
      const { code, stdout, stderr } = await gsc(
        'build',
        '--runtime',
        root,
        '-o',
        output,
        ...options,
        reference,
      );
      expect(code, stderr).toBe(0);
      digests.push(stdout.split('@')[1]);
    };
    await build('python-spelling', '-nc');
    await build('long-spelling', '--no-cache');
    expect(existsSync(join(cacheHome, 'gsc'))).toBe(false);
    await build('cold');
    const { entries } = JSON.parse((await gsc('cache', 'ls', '--json')).stdout);
    expect(entries.length).toBeGreaterThan(0);
    await build('warm');
    expect(new Set(digests).size).toBe(1);
  });

  test('takes -nc after -- for a name', async () => {
    const { code, stderr } = await gsc('build', '--runtime', '/nonexistent', '--', 'oci:/nonexistent', '-nc');
    expect(code).toBe(1);
    expect(stderr).toMatch(/-nc/);
  });
});
