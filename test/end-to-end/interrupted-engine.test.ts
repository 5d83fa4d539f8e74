import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, type TestContext, test, vi } from 'vitest';
import { idOf, imagesOf } from '../support/end-to-end/engine-stage.ts';
import { momentsFor, signals, startGsc } from '../support/end-to-end/running-gsc.ts';
import { closingAfterwards, needs, reporting, stageForTests } from '../support/end-to-end/stage.ts';
import { layWire, type Moment, type Wire } from '../support/end-to-end/wire.ts';
import { startEngine, type TestEngine } from '../support/images/engine.ts';
import { imageForTest } from '../support/images/image-for-test.ts';
import { runTool } from '../support/images/run-tool.ts';

vi.setConfig({ testTimeout: 600_000 });

const stage = stageForTests();
const afterwards = closingAfterwards();
const script = fileURLToPath(new URL('../../scripts/engine.sh', import.meta.url));

const moments: readonly (readonly [string, Moment])[] = [
  ['the image is being exported', { request: /^GET .*\/get$/, afterReceived: 300_000 }],
  ['the archive is about to be loaded', { request: /^POST .*\/images\/load/ }],
  ['the archive is being loaded', { request: /^POST .*\/images\/load/, afterSent: 1_000_000 }],
  ['the name is about to be given', { request: /^POST .*\/tag\?/ }],
];

/** The archive is loaded, and gsc never hears of it. */
const loaded: Moment = { request: /^POST .*\/images\/load/, afterReceived: 1 };

interface Place {
  /** An Engine of this file's own: it is killed. */
  readonly engine: TestEngine;
  readonly wire: Wire;
  readonly env: (cache: string) => Readonly<Record<string, string>>;
}

let started: Promise<Place> | undefined;

function placeFor(context: TestContext): Promise<Place> {
  needs(context, 'cc skopeo /usr/sbin/dockerd');
  started ??= start(context);
  return started;
}

async function start(context: TestContext): Promise<Place> {
  const { reference } = await imageForTest(context, 'busybox');
  const engine = await startEngine();
  afterwards(() => engine.stop());
  const wire = await layWire({ path: engine.socket });
  afterwards(wire.close);
  await engine.load(reference, 'busybox:1');
  const { directory } = stage().gsc;
  return {
    engine,
    wire,
    env: (cache) => ({
      PATH: process.env.PATH ?? '',
      HOME: join(directory, 'home'),
      XDG_CACHE_HOME: join(directory, cache),
      DOCKER_HOST: `unix://${(wire.place as { path: string }).path}`,
    }),
  };
}

const build = (result: string) => [
  'build',
  '--runtime',
  stage().runtime,
  'busybox:1',
  '-o',
  result,
  '--json',
];

/** As if it had never been built. */
async function forget(engine: TestEngine, id: string): Promise<void> {
  if ((await imagesOf(engine)).some((line) => line.endsWith(id))) await engine.docker('rmi', '--force', id);
}

/** Files that a run has left where it keeps what it works with. */
function temporaryFilesOf(processId: number | undefined, cache = ''): readonly string[] {
  const inCache = existsSync(cache) ? readdirSync(cache, { recursive: true, encoding: 'utf8' }) : [];
  const isOfRun = new RegExp(`\\.gsc-[0-9a-f]+-${processId}-.*\\.tmp$`);
  return [...readdirSync('/var/tmp'), ...inCache].filter((name) => isOfRun.test(name));
}

describe.each(signals)('gsc ended by %s', (signal) => {
  test('leaves no name whenever it ends, and the next run works and leaves no file of it', async (context) => {
    const { gsc, bundle } = stage();
    const { engine, wire, env } = await placeFor(context);
    const { image_id: expected } = await reporting(gsc, build('result:expected'), { env: env('expected') });
    const all = [...moments, ['the archive is loaded', loaded] as const];
    for (const [index, [name, moment]] of momentsFor(signal, all).entries()) {
      await forget(engine, expected);
      const before = await imagesOf(engine);
      const inPlace = env(`${signal}-${index}`);
      const running = startGsc(bundle, build('result:1'), { cwd: gsc.directory, env: inPlace });
      wire.cutAt(moment, async () => {
        running.process.kill(signal);
        await running.done;
      });
      const ended = await running.done;
      expect(wire.isWaiting(), name).toBe(false);
      expect(ended.stdout, name).toBe('');
      if (signal === 'SIGKILL') expect(ended.signal, name).toBe(signal);
      else
        expect([ended.code, ended.stderr], name).toEqual([130, expect.stringContaining('gsc: interrupted')]);
      // Of a run that was killed an image that was loaded whole may stay, without a name.
      const isLeft = (line: string) => signal === 'SIGKILL' && line === `<none>:<none> ${expected}`;
      expect(
        (await imagesOf(engine)).filter((line) => !isLeft(line)),
        name,
      ).toEqual(before);
      const again = await reporting(gsc, build('result:1'), { env: inPlace });
      expect(again, name).toMatchObject({ outcome: 'written', image_id: expected });
      expect(await idOf(engine, 'result:1')).toBe(expected);
      expect(temporaryFilesOf(running.process.pid, inPlace.XDG_CACHE_HOME), name).toEqual([]);
    }
  });
});

describe('an Engine that is killed', () => {
  test('leaves no name whenever it ends; gsc says what happened, and works when it is back', async (context) => {
    const { gsc } = stage();
    const { engine, wire, env } = await placeFor(context);
    const { image_id: expected } = await reporting(gsc, build('result:expected'), { env: env('expected') });
    for (const [index, [name, moment]] of moments.entries()) {
      await forget(engine, expected);
      const before = await imagesOf(engine);
      let killed = Promise.resolve();
      wire.cutAt(moment, () => {
        killed = killEngine(engine);
        return killed;
      });
      const inPlace = env(`killed-${index}`);
      const { code, stdout, stderr } = await gsc(build('result:1'), { env: inPlace });
      expect(wire.isWaiting(), name).toBe(false);
      // gsc hears of the end before it is complete.
      await killed;
      expect([code, JSON.parse(stdout)], name).toMatchObject([1, { error: { code: 'engine' } }]);
      expect(stderr, name).toMatch(/cannot .*: the connection broke \(.*\)\nhint: see why it ended/);
      await runTool(script, ['start', dirname(engine.socket)]);
      const nameless = (await imagesOf(engine)).filter((line) => line !== `<none>:<none> ${expected}`);
      expect(nameless, name).toEqual(before);
      const again = await reporting(gsc, build('result:1'), { env: inPlace });
      expect(again, name).toMatchObject({ outcome: 'written', image_id: expected });
    }
  });
});

describe.each([
  ['the classic builder', '0'],
  ['BuildKit', '1'],
])('an Engine that is killed while it builds a runtime with %s', (_name, wish) => {
  test('leaves no name; gsc says what happened', async (context) => {
    const { gsc } = stage();
    const { engine, wire, env } = await placeFor(context);
    const waiting = `sleep 60${wish}`;
    await makeSlowDistribution(engine, waiting);
    writeFileSync(join(gsc.directory, 'slow.yaml'), slowConfiguration);
    const before = await namesOf(engine);
    let killed = Promise.resolve();
    wire.cutAt({ request: /^POST .*\/build\?/, afterReceived: 1 }, async () => {
      // The step that waits has begun.
      await vi.waitFor(() => expect(processesOf(waiting)).not.toEqual([]), { timeout: 60_000 });
      killed = killEngine(engine);
      await killed;
    });
    const args = ['build-gramine', '-c', 'slow.yaml', '--network', 'none', 'slow:1', '--json'];
    const { code, stdout, stderr } = await gsc(args, { env: { ...env('slow'), DOCKER_BUILDKIT: wish } });
    expect(wire.isWaiting()).toBe(false);
    await killed;
    // Nothing is left to end the step of a killed Engine.
    for (const processId of processesOf(waiting)) process.kill(processId, 'SIGKILL');
    expect([code, JSON.parse(stdout)]).toMatchObject([1, { error: { code: 'engine' } }]);
    expect(stderr).toMatch(
      /cannot build the runtime gsc-runtime:\w+: the connection broke \(.*\)\nhint: see why it ended/,
    );
    await runTool(script, ['start', dirname(engine.socket)]);
    expect(await namesOf(engine)).toEqual(before);
  });
});

const slowConfiguration = `Distro: debian:12
Gramine:
  Repository: https://git.example.com/gramine.git
  Branch: 0123456789abcdef0123456789abcdef01234567
`;

/** What stands for Debian: its first package tool never ends. */
async function makeSlowDistribution(engine: TestEngine, waiting: string): Promise<void> {
  const directory = join(stage().gsc.directory, 'slow');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'apt-get'), `#!/bin/sh\nexec ${waiting}\n`, { mode: 0o755 });
  writeFileSync(
    join(directory, 'Dockerfile'),
    'FROM busybox:1\nUSER 0\nCOPY apt-get /bin/apt-get\nENV PATH=/bin\n',
  );
  await engine.docker('build', '--quiet', '--tag', 'debian:12', directory);
}

async function namesOf(engine: TestEngine): Promise<readonly string[]> {
  return (await imagesOf(engine)).filter((line) => !line.startsWith('<none>'));
}

/** The IDs of the processes of this machine with just this command line. */
function processesOf(commandLine: string): readonly number[] {
  const lines = execFileSync('ps', ['-eo', 'pid,args']).toString().split('\n');
  const pairs = lines.map((line) => /^ *(\d+) (.*)$/.exec(line));
  return pairs.filter((pair) => pair?.[2] === commandLine).map((pair) => Number(pair?.[1]));
}

/** Kills the Engine that this file started, with its containerd, and waits for their end. */
async function killEngine({ socket }: TestEngine): Promise<void> {
  for (const name of ['dockerd.pid', 'exec/containerd/containerd.pid']) {
    const file = join(dirname(socket), name);
    const processId = Number(readFileSync(file, 'utf8'));
    if (isAlive(processId)) process.kill(processId, 'SIGKILL');
    for (let tries = 0; isAlive(processId); tries++) {
      if (tries > 200) throw new Error(`the process of ${name} does not end`);
      await sleep(50);
    }
    // Where no process collects dead ones, one of this number still seems to be there.
    rmSync(file);
  }
}

function isAlive(processId: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${processId}/status`, 'utf8'));
  } catch {
    return false;
  }
}
