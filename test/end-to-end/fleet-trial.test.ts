import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { digestOf } from '../../src/base/digest.ts';
import { bundledGsc, runProcess } from '../support/cli/gsc.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { longTest } from '../support/long-test.ts';
import { startDouble } from '../support/store/registry/fixture.ts';
import type { RegistryDouble } from '../support/store/registry/registry-double.ts';

/** `GSC_FLEET_IMAGES=200 GSC_FLEET_SEED=7 npx vitest run test/end-to-end/fleet-trial.test.ts` */
const count = Number(process.env.GSC_FLEET_IMAGES ?? 24);
const seed = Number(process.env.GSC_FLEET_SEED ?? 1);
/** How often the fleet as a whole is killed before it may come to its end. */
const wholeKills = 3;

const directory = mkdtempSync(join(tmpdir(), 'gsc-fleet-'));
const at = (...path: readonly string[]) => join(directory, ...path);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

beforeAll(async () => {
  writeRuntime(at('runtime'));
  for (let index = 0; index < count; index++)
    await writeApp(at(`app-${index}`), { entries: [['number', `${index}`]] });
});

/** xorshift32: the same numbers, from 0 to 1, for the same seed. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** The builds that a fleet has started: its children. */
function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((child) => parentOf(child) === pid);
}

/** Undefined for a process that is gone. */
function parentOf(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

const words = ['fleet', '--images', 'list.yaml', '--json', '--jobs', '4', '--retries', '5'];
const env = { PATH: process.env.PATH ?? '', HOME: at('home') };

interface Disturbance {
  readonly random: () => number;
  /** Of the fleet itself; undefined lets it come to its end. */
  readonly doneBeforeKill: number | undefined;
}

/** Runs the fleet while its builds are killed, and gives its exit code and how many were. */
async function disturbedFleet(bundle: string, { random, doneBeforeKill }: Disturbance) {
  const child = spawn(process.execPath, [bundle, ...words], {
    cwd: directory,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr, kills] = ['', '', 0];
  const kill = (pid: number) => {
    try {
      process.kill(pid, 'SIGKILL');
      return true;
    } catch {
      // It has just ended.
      return false;
    }
  };
  const strike = setInterval(() => {
    const builds = childrenOf(child.pid ?? 0);
    const victim = builds[Math.floor(random() * builds.length)];
    if (victim !== undefined && random() < 0.5 && kill(victim)) kills += 1;
  }, 1500);
  child.stdout.on('data', (piece) => {
    stdout += piece;
  });
  child.stderr.on('data', (piece) => {
    stderr += piece;
    const done = stderr.split('\n').filter((line) => /^\[\d+\//.test(line)).length;
    if (doneBeforeKill !== undefined && done >= doneBeforeKill) child.kill('SIGKILL');
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(strike);
  return { code, stdout, stderr, kills };
}

const outputOf = (double: RegistryDouble, index: number) =>
  index % 3 === 0 ? `docker://${double.domain}/app-${index}:1` : `oci:out-${index % 3}:${index}`;

/** Digests by tag; throws for a tag that is there twice, and for a blob that is not whole. */
function imagesIn(layout: string): ReadonlyMap<string, string> {
  for (const name of readdirSync(at(layout, 'blobs/sha256')))
    expect(digestOf(readFileSync(at(layout, 'blobs/sha256', name)))).toBe(`sha256:${name}`);
  const { manifests } = JSON.parse(readFileSync(at(layout, 'index.json'), 'utf8'));
  const found = new Map<string, string>();
  for (const { digest, annotations } of manifests) {
    const tag = annotations['org.opencontainers.image.ref.name'];
    expect(found.has(tag), tag).toBe(false);
    found.set(tag, digest);
  }
  return found;
}

longTest('of many images none is lost and none made twice, whatever is killed', async () => {
  const [double, bundle, random] = [await startDouble(), await bundledGsc(), randomFrom(seed)];
  const images = Array.from({ length: count }, (_, index) => ({
    ...{ image: `oci:app-${index}`, output: outputOf(double, index) },
  }));
  writeFileSync(at('list.yaml'), JSON.stringify({ options: ['--runtime', 'runtime'], images }));
  let [kills, runs] = [0, 0];
  let end: Awaited<ReturnType<typeof disturbedFleet>> | undefined;
  // Each killed after some more are done; then until it says that all are.
  for (let part = 1; part <= wholeKills; part++) {
    const doneBeforeKill = Math.ceil((count * part) / (wholeKills + 1));
    kills += (await disturbedFleet(bundle, { random, doneBeforeKill })).kills;
    runs += 1;
  }
  do {
    end = await disturbedFleet(bundle, { random, doneBeforeKill: undefined });
    kills += end.kills;
    runs += 1;
  } while (end.code !== 0 && runs < 50);
  process.stderr.write(
    `fleet trial: ${count} images, ${runs} runs, ${kills} builds and ${wholeKills} fleets killed\n`,
  );
  expect(end.code, end.stderr).toBe(0);

  const results = JSON.parse(end.stdout).images as { output: string; digest: string; state: string }[];
  expect(results.map(({ output }) => output)).toEqual(images.map(({ output }) => output));
  const layouts = [1, 2].map((number) => imagesIn(`out-${number}`));
  for (const [index, { digest }] of results.entries()) {
    if (index % 3 > 0) expect(layouts[(index % 3) - 1]?.get(`${index}`)).toBe(digest);
    else expect(double.repository(`app-${index}`).manifests.get('1')?.bytes.length).toBeGreaterThan(0);
    const puts = double.log.filter(
      ({ method, url }) => method === 'PUT' && url.includes(`/app-${index}/manifests/`),
    );
    expect(puts.length, `app-${index}`).toBe(index % 3 === 0 ? 1 : 0);
  }
  expect(new Set(results.map(({ digest }) => digest)).size).toBe(count);
  expect(layouts.map(({ size }) => size).reduce((sum, size) => sum + size, 0)).toBe(
    images.filter(({ output }) => output.startsWith('oci:')).length,
  );
  expect(readdirSync(at('list.yaml.results')).filter((name) => name.endsWith('.json'))).toHaveLength(count);

  // Made in peace it is the same.
  for (const index of [1, 2]) {
    const call = [
      'build',
      '--no-cache',
      '-q',
      '--runtime',
      'runtime',
      '-o',
      `oci:peace:${index}`,
      `oci:app-${index}`,
    ];
    const { stdout } = await runProcess([process.execPath, bundle, ...call], { cwd: directory, env });
    expect(stdout.trim().split('@')[1]).toBe(results[index]?.digest);
  }
  const again = await runProcess([process.execPath, bundle, ...words], { cwd: directory, env });
  expect(JSON.parse(again.stdout)).toMatchObject({ kept: count, built: 0, unchanged: 0, failed: 0 });
  expect(existsSync(at('list.yaml.results'))).toBe(true);
});
