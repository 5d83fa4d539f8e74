import { join } from 'node:path';
import { describe, expect, type TestContext, test, vi } from 'vitest';
import { ownIdentity } from '../../src/store/local/process-identity.ts';
import { writeFiles } from '../support/cli/made-files.ts';
import { countOf, type EngineStage, engineWith, idOf, imagesOf } from '../support/end-to-end/engine-stage.ts';
import { momentsFor, signals, startGsc } from '../support/end-to-end/running-gsc.ts';
import { reporting, stageForTests, succeeding } from '../support/end-to-end/stage.ts';
import type { Moment } from '../support/end-to-end/wire.ts';
import type { TestEngine } from '../support/images/engine.ts';
import { grapheneFiles } from '../support/runtime/make-graphene.ts';

vi.setConfig({ testTimeout: 600_000 });

const stage = stageForTests();
const at = (name: string) => join(stage().gsc.directory, name);
const exporting = /^GET \S+\/images\/\S+\/get$/;
const creating = /^POST \S+\/containers\/create/;
const archive = /^GET \S+\/containers\/\S+\/archive/;

/** Builds and signs `busybox:1` with a cache of that name. */
async function signedWith(context: TestContext, cache: string) {
  const { gsc, key, runtime } = stage();
  const place = await engineWith(context, 'busybox');
  const inPlace = { env: { ...place.env, XDG_CACHE_HOME: at(cache) } };
  const built = await reporting(gsc, ['build', '--force', '--runtime', runtime, 'busybox:1'], inPlace);
  const signed = await reporting(gsc, ['sign-image', '--force', 'busybox:1', key], inPlace);
  return { ...place, inPlace, built, signed };
}

/** Images for which this cache is empty. */
const unknown = ({ env }: EngineStage, cache: string) => ({ env: { ...env, XDG_CACHE_HOME: at(cache) } });

async function containersOf(engine: TestEngine): Promise<string> {
  return engine.docker('ps', '--all', '--quiet', '--filter', 'label=gsc.owner');
}

async function forget({ engine }: EngineStage, ...names: readonly string[]): Promise<void> {
  for (const name of names)
    if ((await idOf(engine, name)) !== '') await engine.docker('rmi', '--force', name);
}

describe('an image that gsc has made', () => {
  test('is exported for nothing: signing, inspecting and explaining read what was kept', async (context) => {
    const place = await engineWith(context, 'busybox');
    await forget(place, 'gsc-busybox:1', 'gsc-busybox:1-unsigned');
    const { wire, inPlace, signed } = await signedWith(context, 'reading');
    expect(countOf(wire, exporting)).toBe(1);
    wire.reset();
    const info = await succeeding(stage().gsc, ['info-image', 'gsc-busybox:1'], inPlace);
    expect(info.stdout).toContain(`mr_enclave = "${signed.mr_enclave}"\n`);
    for (const image of ['gsc-busybox:1', 'gsc-busybox:1-unsigned']) {
      const explained = await succeeding(stage().gsc, ['explain', image, '/bin/busybox'], inPlace);
      expect(explained.stdout).toContain('trusted');
    }
    expect([exporting, creating].map((request) => countOf(wire, request))).toEqual([0, 0]);
  });

  test('whose enclave measures the program gives that alone', async (context) => {
    const { gsc, key } = stage();
    const place = await engineWith(context, 'busybox');
    await forget(place, 'measured:1', 'measured:1-unsigned');
    writeFiles(at('graphene'), grapheneFiles('1.1'));
    const inPlace = unknown(place, 'reading-graphene');
    const order = ['build', '--runtime', at('graphene'), '-o', 'measured:1-unsigned', 'busybox:1'];
    await reporting(gsc, order, inPlace);
    expect([exporting, creating].map((request) => countOf(place.wire, request))).toEqual([1, 1]);
    place.wire.reset();
    const { mr_enclave: signed } = await reporting(
      gsc,
      ['sign-image', '-o', 'measured:1', 'measured:1-unsigned', key],
      inPlace,
    );
    expect([exporting, creating, archive].map((request) => countOf(place.wire, request))).toEqual([0, 1, 1]);
    const info = await succeeding(gsc, ['info-image', 'measured:1'], inPlace);
    expect(info.stdout).toContain(`mr_enclave = "${signed}"\n`);
    expect(await containersOf(place.engine)).toBe('');
  });

  test('is to a run that knows nothing of it the same, exported', async (context) => {
    const { gsc, key } = stage();
    const place = await signedWith(context, 'reading');
    const sign = ['sign-image', '--force', '-o', 'again:1', 'busybox:1', key];
    const kept = await reporting(gsc, sign, place.inPlace);
    place.wire.reset();
    const exported = await reporting(gsc, sign, unknown(place, 'reading-unknown'));
    expect(countOf(place.wire, exporting)).toBe(1);
    expect(exported).toEqual({ ...kept, outcome: 'unchanged' });
    // Config, manifest and sizes of the layers are the same by both ways.
    const records = [place.inPlace, unknown(place, 'reading-unknown')].map((inPlace) =>
      succeeding(gsc, ['build', '--force', '--runtime', stage().runtime, 'busybox:1'], inPlace),
    );
    const [first, second] = await Promise.all(records);
    expect(second?.stdout).toBe(first?.stdout);
  });
});

describe('info-image of an image of which nothing is kept', () => {
  test('reads single files of a container that is gone afterwards, and exports nothing', async (context) => {
    const place = await signedWith(context, 'reading');
    const { engine, wire, signed, inPlace } = place;
    wire.reset();
    const cold = await succeeding(stage().gsc, ['info-image', 'gsc-busybox:1'], unknown(place, 'cold-1'));
    expect([exporting, creating, archive].map((request) => countOf(wire, request))).toEqual([0, 1, 3]);
    expect(wire.receivedBytes()).toBeLessThan(3_000_000);
    expect(cold.stdout).toContain(`mr_enclave = "${signed.mr_enclave}"\n`);
    expect(cold.stdout).toBe(
      (await succeeding(stage().gsc, ['info-image', 'gsc-busybox:1'], inPlace)).stdout,
    );
    expect(await containersOf(engine)).toBe('');
  });

  test('says of an unsigned one and of an app image what is missing, without an export', async (context) => {
    const place = await signedWith(context, 'reading');
    place.wire.reset();
    for (const [image, what] of [
      ['gsc-busybox:1-unsigned', 'got an unsigned one'],
      ['busybox:1', 'got one that is not graminized'],
    ] as const) {
      const refused = await stage().gsc(['info-image', image], unknown(place, 'cold-2'));
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(what)]);
    }
    expect(countOf(place.wire, exporting)).toBe(0);
    expect(await containersOf(place.engine)).toBe('');
  });

  test('does not believe files that do not go with the labels: the image is read, and decides', async (context) => {
    const place = await signedWith(context, 'reading');
    const { engine, wire, signed } = place;
    const id = (await engine.docker('create', 'gsc-busybox:1')).trim();
    const change = `LABEL gsc.mrenclave=${'0'.repeat(64)}`;
    await engine.docker('commit', '--change', change, id, 'mislabelled:1');
    await engine.docker('rm', id);
    wire.reset();
    const { stdout } = await succeeding(
      stage().gsc,
      ['info-image', 'mislabelled:1'],
      unknown(place, 'cold-3'),
    );
    expect(countOf(wire, exporting)).toBe(1);
    expect(stdout).toContain(`mr_enclave = "${signed.mr_enclave}"\n`);
    await engine.docker('rmi', 'mislabelled:1');
  });
});

const moments: readonly (readonly [string, Moment])[] = [
  ['the container is about to be made', { request: creating }],
  ['the container has been made', { request: creating, afterReceived: 1 }],
  ['a file is about to be read', { request: archive }],
  ['a file is being read', { request: archive, afterReceived: 1000 }],
  ['the container is about to be removed', { request: /^DELETE \S+\/containers/ }],
];

describe.each(signals)('info-image ended by %s', (signal) => {
  let made: Awaited<ReturnType<typeof signedWith>>;

  test.for(momentsFor(signal, moments))('when %s leaves no container', async ([, moment], context) => {
    made ??= await signedWith(context, 'reading');
    const { engine, wire, env } = made;
    const inPlace = { ...env, PATH: process.env.PATH ?? '', HOME: at('home'), XDG_CACHE_HOME: at('cold-4') };
    const words = ['info-image', 'gsc-busybox:1'];
    const running = startGsc(stage().bundle, words, { cwd: stage().gsc.directory, env: inPlace });
    // The connection that carries the answer stays: a signal ends the run, not the Engine's answers.
    wire.pauseAt(moment, () => void running.process.kill(signal));
    const { code } = await running.done;
    expect(wire.isWaiting()).toBe(false);
    if (signal === 'SIGKILL') await succeeding(stage().gsc, words, { env: inPlace });
    // What is done already is not undone.
    else expect([0, 130]).toContain(code);
    expect(await containersOf(engine)).toBe('');
  });
});

test('containers of runs that are over are removed, all others stay', async (context) => {
  const place = await signedWith(context, 'reading');
  const { engine } = place;
  const { space, pid, startTicks } = await ownIdentity();
  const owners = [`${space}:${pid}:${startTicks}`, `${space}:${pid}:1`, '00000000:1:1', 'nonsense'];
  const ids: string[] = [];
  for (const owner of owners)
    ids.push(
      (await engine.docker('create', '--label', `gsc.owner=${owner}`, 'busybox:1', '/bin/true')).trim(),
    );
  await succeeding(stage().gsc, ['info-image', 'gsc-busybox:1'], unknown(place, 'cold-5'));
  const left = (await engine.docker('ps', '--all', '--quiet', '--no-trunc')).split('\n');
  expect(ids.map((id) => left.includes(id))).toEqual([true, false, true, true]);
  await engine.docker('rm', ...ids.filter((id) => left.includes(id)));
});

test('an image that was loaded is removed or gets its name, whenever the run is interrupted', async (context) => {
  const place = await engineWith(context, 'busybox');
  const { engine, wire, env } = place;
  const { bundle, runtime, gsc } = stage();
  const inPlace = {
    ...env,
    PATH: process.env.PATH ?? '',
    HOME: at('home'),
    XDG_CACHE_HOME: at('interrupted'),
  };
  const before = await imagesOf(engine);
  const build = ['build', '--runtime', runtime, '--env', 'INTERRUPTED=1', '-o', 'interrupted:1', 'busybox:1'];
  for (const [moment, ends] of [
    [{ request: /^POST \S+\/images\/load/ }, false],
    [{ request: /^POST \S+\/images\/load/, afterReceived: 1 }, false],
    [{ request: /^POST \S+\/tag\?/ }, true],
  ] as const) {
    const running = startGsc(bundle, build, { cwd: gsc.directory, env: inPlace });
    wire.pauseAt(moment, () => void running.process.kill('SIGINT'));
    const { code } = await running.done;
    expect(wire.isWaiting()).toBe(false);
    expect(code).toBe(ends ? 0 : 130);
    expect((await imagesOf(engine)).filter((line) => !before.includes(line)).length).toBe(ends ? 1 : 0);
  }
});
