import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, describe, expect } from 'vitest';
import { bundledGsc, type Gsc, gscInScratch } from '../support/cli/gsc.ts';
import { longTest } from '../support/long-test.ts';

let gsc: Gsc;
let cache: string;
beforeAll(async () => {
  gsc = await gscInScratch();
  cache = join(gsc.directory, 'home/.cache/gsc');
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));
const kept = () => {
  const directory = join(cache, 'v1/code');
  return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
};
const makeCache = () => mkdirSync(cache, { recursive: true, mode: 0o700 });
const version = () => gsc(['--version']);

describe('compiled code', () => {
  longTest('is kept for each command, and taken by the next process with it', async () => {
    makeCache();
    const first = await version();
    const [file = ''] = kept();
    const { ino, mtimeMs } = statSync(file);
    expect(await version()).toEqual(first);
    // Code that V8 had refused would have been written again.
    expect(statSync(file).ino).toBe(ino);
    expect(statSync(file).mtimeMs).toBeGreaterThan(mtimeMs);
    await gsc(['gen-private-key', 'key.pem']);
    expect(kept()).toHaveLength(2);
    const { stdout } = await gsc(['cache', 'ls', '--json']);
    expect(JSON.parse(stdout).entries.map(({ kind }: { kind: string }) => kind)).toEqual(['code', 'code']);
  });

  longTest('does not make a cache by itself, and nothing is kept of a command that failed', async () => {
    expect(await version()).toMatchObject({ code: 0 });
    expect(existsSync(cache)).toBe(false);
    makeCache();
    expect(await gsc(['info-image', 'oci:none'])).toMatchObject({ code: 1 });
    expect(await gsc(['nothing'])).toMatchObject({ code: 2 });
    expect(kept()).toEqual([]);
  });

  longTest('is neither kept nor read with --no-cache', async () => {
    makeCache();
    await gsc(['sign-image', '--no-cache', '--help']);
    await gsc(['build', '-nc', '--help']);
    expect(kept()).toEqual([]);
  });

  longTest('is that of the command, whatever stands before its name', async () => {
    makeCache();
    await gsc(['gen-private-key', 'first.pem']);
    await gsc(['--progress', 'plain', '-q', 'gen-private-key', 'second.pem']);
    expect(kept()).toHaveLength(1);
  });

  longTest('is neither kept nor read by gsc cache, which may have emptied it', async () => {
    makeCache();
    await version();
    expect(await gsc(['cache', 'prune', '--all'])).toMatchObject({ code: 0 });
    await gsc(['cache', 'ls']);
    expect(kept()).toEqual([]);
  });

  longTest('of a script that was changed since is not taken, though it is as long', async () => {
    makeCache();
    const copy = join(gsc.directory, 'copy');
    cpSync(dirname(await bundledGsc()), copy, { recursive: true });
    const run = () =>
      spawnSync(process.execPath, [join(copy, 'gsc.js'), '--version'], { env, encoding: 'utf8' });
    const env = { HOME: join(gsc.directory, 'home') };
    const first = run().stdout.trim();
    const script = join(copy, 'gsc-bundle.cjs');
    writeFileSync(script, readFileSync(script, 'utf8').replaceAll(`"${first}"`, `"9${first.slice(1)}"`));
    expect(run().stdout.trim()).toBe(`9${first.slice(1)}`);
    expect(kept()).toHaveLength(2);
  });

  longTest('of other settings of V8 is other code', async () => {
    makeCache();
    const first = await version();
    expect(await gsc(['--version'], { env: { NODE_OPTIONS: '--max-old-space-size=500' } })).toEqual(first);
    expect(kept()).toHaveLength(2);
  });

  longTest('that is damaged, cut short or empty is made again', async () => {
    makeCache();
    const first = await version();
    const [file = ''] = kept();
    const whole = readFileSync(file);
    const damaged = Buffer.from(whole).fill(1, 1000, 1100);
    for (const spoilt of [damaged, whole.subarray(0, 5000), Buffer.alloc(0)]) {
      writeFileSync(file, spoilt);
      expect(await version()).toEqual(first);
      expect(statSync(file).size).toBeGreaterThan(whole.length / 2);
      const { ino } = statSync(file);
      await version();
      expect(statSync(file).ino).toBe(ino);
    }
  });

  longTest('that others may write to is not taken', async () => {
    makeCache();
    const first = await version();
    const [file = ''] = kept();
    const { ino } = statSync(file);
    chmodSync(file, 0o666);
    expect(await version()).toEqual(first);
    expect(statSync(file).ino).not.toBe(ino);
    chmodSync(cache, 0o777);
    const untouched = statSync(file);
    expect(await version()).toEqual(first);
    expect(statSync(file).mtimeMs).toBe(untouched.mtimeMs);
  });
});
