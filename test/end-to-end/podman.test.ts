import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, type TestContext, test, vi } from 'vitest';
import { countOf, withoutShell } from '../support/end-to-end/engine-stage.ts';
import { needs, reporting, stageForTests, succeeding } from '../support/end-to-end/stage.ts';
import { layWire } from '../support/end-to-end/wire.ts';
import { imageForTest } from '../support/images/image-for-test.ts';
import type { ImageName } from '../support/images/make-image.ts';
import { runTool } from '../support/images/run-tool.ts';
import { type PodmanService, podmanForTest } from '../support/store/engine/podman-service.ts';

vi.setConfig({ testTimeout: 600_000 });

const stage = stageForTests();
const exporting = /^GET \S+\/images\/\S+\/get$/;
const creating = /^POST \S+\/containers\/create/;

/** Podman's service with an app image in it, and what gsc gets. */
async function podmanWith(context: TestContext, name: ImageName) {
  needs(context, 'cc skopeo podman runc');
  const service = await podmanForTest(context);
  const { reference } = await imageForTest(context, name);
  const archive = join(stage().gsc.directory, `${name}.tar`);
  const target = `docker-archive:${archive}:localhost/${name}:1`;
  rmSync(archive, { force: true });
  await runTool('skopeo', ['copy', '--quiet', reference, target]);
  await service.podman('load', '--quiet', '--input', archive);
  return { service, env: { CONTAINER_HOST: `unix://${service.socket}` } };
}

/** With its own limits: raising the hard ones, as podman does, is not allowed everywhere. */
const container = [
  '--runtime=runc',
  'run',
  '--rm',
  '--network=none',
  '--security-opt=seccomp=unconfined',
  '--ulimit=nofile=1024:1024',
  '--ulimit=nproc=1024:1024',
];
const directly = [...container, '--env=GRAMINE_MODE=direct'];

async function idOf({ podman }: PodmanService, name: string): Promise<string> {
  return (await podman('images', '--no-trunc', '--quiet', name)).trim();
}

describe("an image of Podman's, with nothing but names", () => {
  test('is built, signed, inspected, run; a second time nothing changes; another result needs --force', async (context) => {
    const { gsc, runtime, key } = stage();
    const { service, env } = await podmanWith(context, 'scratch');
    const build = ['build', '--runtime', runtime, 'scratch:1'];
    const built = await succeeding(gsc, build, { env });
    expect(built.stdout).toMatch(/^containers-storage:gsc-scratch:1-unsigned@sha256:[0-9a-f]{64}\n$/);
    expect(built.stderr).toContain(`scratch:1: found in Podman at ${env.CONTAINER_HOST}\n`);
    const signed = await reporting(gsc, ['sign-image', 'scratch:1', key], { env });
    expect(await idOf(service, 'localhost/gsc-scratch:1')).toBe(signed.image_id);
    const info = await succeeding(gsc, ['info-image', 'gsc-scratch:1'], { env });
    expect(info.stdout).toContain(`mr_enclave = "${signed.mr_enclave}"\n`);
    const expected = await service.podman(...container, 'scratch:1');
    const { options, words } = withoutShell;
    expect(await service.podman(...directly, ...options, 'gsc-scratch:1', ...words)).toBe(expected);

    expect(await reporting(gsc, build, { env })).toMatchObject({ outcome: 'unchanged' });
    const manifest = join(gsc.directory, 'other.manifest');
    writeFileSync(manifest, 'sgx.max_threads = 9\n');
    const before = await idOf(service, 'gsc-scratch:1-unsigned');
    const refused = await gsc([...build, manifest], { env });
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('\nhint: replace it with --force'),
    ]);
    expect(await idOf(service, 'gsc-scratch:1-unsigned')).toBe(before);
    const replaced = await reporting(gsc, [...build, manifest, '--force'], { env });
    expect(await idOf(service, 'gsc-scratch:1-unsigned')).toBe(replaced.image_id);
  });

  test('containers-storage: names it in input, output and --runtime, and near names are proposed', async (context) => {
    const { gsc, runtime } = stage();
    const { service, env } = await podmanWith(context, 'busybox');
    const source = 'containers-storage:localhost/busybox:1';
    const layout = `oci:${join(gsc.directory, 'from-podman')}:u`;
    const inLayout = await reporting(gsc, ['build', '--runtime', runtime, source, '-o', layout], { env });
    const output = ['-o', 'containers-storage:result:1'];
    const inPodman = await reporting(gsc, ['build', '--runtime', runtime, source, ...output], { env });
    expect(await idOf(service, 'localhost/result:1')).toBe(inPodman.image_id);
    expect(inLayout.image_id).toBe(inPodman.image_id);
    const missed = await gsc(['info-image', 'containers-storage:busybux:1'], { env });
    expect(missed.stderr).toContain('hint: did you mean localhost/busybox:1?');
    expect(missed.code).toBe(1);
  });

  test('may be named by DOCKER_HOST: what is found there goes back there', async (context) => {
    const { gsc, runtime, key } = stage();
    const { service } = await podmanWith(context, 'scratch');
    const env = { DOCKER_HOST: `unix://${service.socket}` };
    const built = await reporting(gsc, ['build', '--runtime', runtime, 'scratch:1'], { env });
    expect(built.image).toBe('docker-daemon:gsc-scratch:1-unsigned');
    expect(await idOf(service, 'localhost/gsc-scratch:1-unsigned')).toBe(built.image_id);
    const signed = await reporting(gsc, ['sign-image', built.image, key], { env });
    expect(await idOf(service, 'localhost/gsc-scratch:1')).toBe(signed.image_id);
  });

  test('that gsc has made is not exported to be read: only to be loaded with another layer', async (context) => {
    const { gsc, runtime, key } = stage();
    const { service } = await podmanWith(context, 'busybox');
    const wire = await layWire({ path: service.socket });
    context.onTestFinished(() => wire.close());
    const host = `unix://${(wire.place as { path: string }).path}`;
    const env = { CONTAINER_HOST: host, XDG_CACHE_HOME: join(gsc.directory, 'podman-cache') };
    await reporting(gsc, ['build', '--runtime', runtime, 'busybox:1', '-o', 'kept:u'], { env });
    expect(countOf(wire, exporting)).toBe(1);
    wire.reset();
    // Podman loads whole archives only, so that the base layers go back and forth.
    const signed = await reporting(gsc, ['sign-image', '-o', 'kept:s', 'kept:u', key], { env });
    expect(countOf(wire, exporting)).toBe(1);
    wire.reset();
    const again = await reporting(gsc, ['sign-image', '-o', 'kept:s', 'kept:u', key], { env });
    expect(again).toMatchObject({ outcome: 'unchanged', image_id: signed.image_id });
    const info = await succeeding(gsc, ['info-image', 'kept:s'], { env });
    expect(info.stdout).toContain(`mr_enclave = "${signed.mr_enclave}"\n`);
    for (const image of ['kept:u', 'kept:s'])
      await succeeding(gsc, ['explain', image, '/bin/busybox'], { env });
    expect([exporting, creating].map((request) => countOf(wire, request))).toEqual([0, 0]);
  });

  test('whose service does not run: says how to start it', async () => {
    const env = { CONTAINER_HOST: 'unix:///nonexistent/podman.sock' };
    const { code, stderr } = await stage().gsc(['info-image', 'containers-storage:app:1'], { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^gsc: Podman at unix:.*: cannot reach it: .*\nhint: start it \(systemctl --user start podman\.socket\)/,
    );
  });
});
