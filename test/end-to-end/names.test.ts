import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, type TestContext, test, vi } from 'vitest';
import { runProcess } from '../support/cli/gsc.ts';
import { engineWith, idOf } from '../support/end-to-end/engine-stage.ts';
import { registryWith } from '../support/end-to-end/registry-stage.ts';
import { needs, reporting, stageForTests } from '../support/end-to-end/stage.ts';

vi.setConfig({ testTimeout: 600_000 });

const stage = stageForTests();

/** Seconds: no attempt waits for the system's patience; a loaded machine takes its time for the rest. */
const soon = 60;

/** A place where the Engine listens on no socket. */
const nowhere = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

/** Runs gsc as a machine without any network would. */
async function withoutNetwork(
  context: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
) {
  needs(context, 'unshare');
  const { gsc, bundle } = stage();
  const offline = ['unshare', '--net', process.execPath, bundle, ...args];
  const started = performance.now();
  const result = await runProcess(offline, {
    cwd: gsc.directory,
    env: { PATH: process.env.PATH ?? '', HOME: join(gsc.directory, 'home'), ...env },
  });
  return { ...result, seconds: (performance.now() - started) / 1000 };
}

describe('a bare name', () => {
  test('that the Engine does not have, nor a registry: both are named, and the name that may be meant', async (context) => {
    const { env } = await engineWith(context, 'busybox');
    const { code, stdout, stderr, seconds } = await withoutNetwork(context, ['info-image', 'busybx:1'], env);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('busybx:1: neither an Engine nor the registry provides the image: ');
    expect(stderr).toContain(`Docker Engine at ${env.DOCKER_HOST}: there is no such image; `);
    expect(stderr).toContain('docker.io/library/busybx: cannot read the manifest of tag 1: ');
    expect(stderr).toMatch(/\nhint: did you mean busybox:1\?\n$/);
    expect(seconds).toBeLessThan(soon);
  });

  test('without Engine and network: soon says so, and how to start the one or do without', async (context) => {
    const build = ['build', '--runtime', stage().runtime, 'python:3.12'];
    const { code, stderr, seconds } = await withoutNetwork(context, build, nowhere);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /there is no such socket; the Engine is not running; docker\.io\/library\/python: /,
    );
    expect(stderr).toMatch(
      /\nhint: start it \(systemctl start docker\), correct DOCKER_HOST, or use gsc without/,
    );
    expect(seconds).toBeLessThan(soon);
  });

  test('is found in the Engine, which the output says', async (context) => {
    const { env } = await engineWith(context, 'busybox');
    const { stderr } = await stage().gsc(['info-image', 'busybox:1'], { env });
    expect(stderr).toContain(`busybox:1: found in Docker Engine at ${env.DOCKER_HOST}\n`);
    expect(stderr).toContain('expected a signed image, got one that is not graminized');
  });

  test('with a host that only the registry has: the result goes back there, Engine or not', async (context) => {
    const { gsc, runtime, key } = stage();
    const { engine, env } = await engineWith(context);
    const { past } = await registryWith(context, ['scratch']);
    const name = (rest: string) => past(rest).replace('docker://', '');
    const build = ['build', '--runtime', runtime, name('app/scratch:1')];
    const built = await reporting(gsc, build, { env });
    expect(built.image).toBe(past('app/gsc-scratch:1-unsigned'));
    const signed = await reporting(gsc, ['sign-image', name('app/scratch:1'), key], { env });
    expect(signed.image).toBe(past('app/gsc-scratch:1'));
    expect(await idOf(engine, name('app/gsc-scratch:1'))).toBe('');

    const registryAlone = await reporting(gsc, build, { env: nowhere });
    expect(registryAlone).toMatchObject({ image: past('app/gsc-scratch:1-unsigned'), outcome: 'unchanged' });
  });

  test('to be signed before it was built: says how to build it', async (context) => {
    const { env } = await engineWith(context, 'busybox', 'scratch');
    const { gsc, key } = stage();
    const { code, stderr } = await gsc(['sign-image', 'scratch:1', key], { env });
    expect(code).toBe(1);
    expect(stderr).toContain(
      'there is no unsigned image of scratch:1\nhint: make it with: gsc build scratch:1',
    );
  });
});

describe('an image that must be in the Engine', () => {
  test('and is not: near names are proposed', async (context) => {
    const { env } = await engineWith(context, 'busybox');
    const { code, stderr } = await stage().gsc(['info-image', 'docker-daemon:bussybox:1'], { env });
    expect(code).toBe(1);
    expect(stderr).toBe(
      `gsc: Docker Engine at ${env.DOCKER_HOST}: bussybox:1: there is no such image\nhint: did you mean busybox:1?\n`,
    );
  });

  test('which does not run: says so, and how to do without', async () => {
    const { code, stderr } = await stage().gsc(['info-image', 'docker-daemon:app:1'], { env: nowhere });
    expect(code).toBe(1);
    expect(stderr).toMatch(/the Engine is not running\nhint: start it .*docker:\/\/NAME.*oci:DIR/);
  });

  test('which this user may not ask: names the group', async (context) => {
    needs(context, 'setpriv');
    const { engine } = await engineWith(context);
    const directory = mkdtempSync(join(tmpdir(), 'gsc-public-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const bundle = join(directory, 'gsc.js');
    copyFileSync(stage().bundle, bundle);
    await runProcess(['chmod', '755', directory, dirname(engine.socket)], {});
    const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const { code, stderr } = await runProcess(
      [...asNobody, process.execPath, bundle, 'info-image', 'docker-daemon:busybox:1'],
      { env: { PATH: process.env.PATH ?? '', HOME: '/dev/null/home', DOCKER_HOST: engine.host }, cwd: '/' },
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/permission denied on the socket\nhint: join the group docker/);
  });

  test('behind ssh: says how to forward the socket', async () => {
    const env = { DOCKER_HOST: 'ssh://me@far' };
    const { code, stderr } = await stage().gsc(['info-image', 'app:1'], { env });
    expect(code).toBe(2);
    expect(stderr).toContain('hint: forward the socket: ssh -nNT -L ');
  });
});
