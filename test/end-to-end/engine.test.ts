import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import {
  container,
  countOf,
  directly,
  engineWith,
  idOf,
  imagesOf,
  withoutShell,
  withShell,
} from '../support/end-to-end/engine-stage.ts';
import { reporting, runtimeImage, stageForTests, succeeding } from '../support/end-to-end/stage.ts';
import { runTool } from '../support/images/run-tool.ts';

// Debian is fetched the first time.
vi.setConfig({ testTimeout: 600_000 });

const stage = stageForTests();
const build = (image: string, ...more: readonly string[]) => [
  'build',
  '--runtime',
  stage().runtime,
  image,
  ...more,
];
const at = (name: string) => join(stage().gsc.directory, name);
const exporting = /^GET \S+\/images\/\S+\/get$/;
const loading = /^POST \S+\/images\/load/;

describe('an image of the Engine, with nothing but names', () => {
  test.for([
    ['scratch', withoutShell],
    ['busybox', withShell],
    ['debian-python', withShell],
  ] as const)('%s: built, signed, inspected, run', async ([name, { options, words }], context) => {
    const { gsc, key } = stage();
    const { engine, env } = await engineWith(context, name);
    const built = await succeeding(gsc, build(`${name}:1`), { env });
    expect(built.stdout).toMatch(new RegExp(`^docker-daemon:gsc-${name}:1-unsigned@sha256:[0-9a-f]{64}\\n$`));
    expect(built.stderr).toContain(`${name}:1: found in Docker Engine at ${env.DOCKER_HOST}\n`);
    const signed = await reporting(gsc, ['sign-image', `${name}:1`, key], { env });
    expect(await idOf(engine, `gsc-${name}:1`)).toBe(signed.image_id);
    const info = await succeeding(gsc, ['info-image', `gsc-${name}:1`], { env });
    expect(info.stdout).toContain(`mr_enclave = "${signed.mr_enclave}"\n`);
    const expected = await engine.docker(...container, `${name}:1`);
    expect(await engine.docker(...directly, ...options, `gsc-${name}:1`, ...words)).toBe(expected);
  });

  test('node: the server in the signed image comes up', async (context) => {
    const { gsc, key } = stage();
    const { engine, env } = await engineWith(context, 'node');
    await succeeding(gsc, build('node:1', '--key', key), { env });
    const id = (
      await engine.docker(...directly.filter((word) => word !== '--rm'), '-d', 'gsc-node:1')
    ).trim();
    await expect.poll(() => engine.docker('logs', id), { timeout: 120_000 }).toContain('listening on 8080');
    await engine.docker('rm', '-f', id);
  });

  test('named by its short ID it gives the same as by its ID', async (context) => {
    const { gsc } = stage();
    const { engine, env } = await engineWith(context, 'busybox');
    const id = await idOf(engine, 'busybox:1');
    const shortId = id.slice('sha256:'.length, 'sha256:'.length + 12);
    const named = await reporting(gsc, build(id), { env });
    expect(named).toMatchObject({ image: `docker-daemon:gsc-${shortId}-unsigned`, outcome: 'written' });
    const { image, digest, outcome } = await reporting(gsc, build(shortId), { env });
    expect([image, digest, outcome]).toEqual([named.image, named.digest, 'unchanged']);
  });

  test('the runtime may be an image of the Engine too', async (context) => {
    const { gsc } = stage();
    const { engine, env } = await engineWith(context, 'busybox');
    await engine.load(await runtimeImage(stage()), 'gramine:1.9');
    const [fromImage, fromDirectory] = [
      await reporting(gsc, ['build', '--runtime', 'gramine:1.9', 'busybox:1', '-o', 'by-image:1'], { env }),
      await reporting(gsc, build('busybox:1', '-o', 'by-directory:1'), { env }),
    ];
    expect(fromImage.image_id).toBe(fromDirectory.image_id);
  });
});

describe('building again', () => {
  test('gives the same IDs: after the results are gone, with another cache, with none', async (context) => {
    const { gsc, key } = stage();
    const { engine, env } = await engineWith(context, 'busybox');
    const both = async (more: Readonly<Record<string, string>>, ...options: readonly string[]) => {
      const [unsigned, signed] = ['gsc-busybox:1-unsigned', 'gsc-busybox:1'];
      for (const name of [unsigned, signed]) {
        if ((await idOf(engine, name)) !== '') await engine.docker('rmi', '--force', name);
      }
      const inPlace = { env: { ...env, ...more } };
      const built = await reporting(gsc, build('busybox:1', ...options), inPlace);
      const { image_id: signedId } = await reporting(gsc, ['sign-image', 'busybox:1', key], inPlace);
      expect([built.outcome, await idOf(engine, unsigned)]).toEqual(['written', built.image_id]);
      return [built.image_id, signedId];
    };
    const first = await both({});
    expect(await both({})).toEqual(first);
    expect(await both({ XDG_CACHE_HOME: at('other-cache') })).toEqual(first);
    expect(await both({ XDG_CACHE_HOME: at('third-cache') }, '--no-cache')).toEqual(first);
  });

  test('exports nothing that is known, and sends nothing that is there', async (context) => {
    const { gsc } = stage();
    const { engine, env, wire } = await engineWith(context, 'debian-python');
    const inPlace = { env: { ...env, XDG_CACHE_HOME: at('warm-cache') } };
    // So that no other test has made the same image.
    writeFileSync(at('warm.manifest'), 'sgx.max_threads = 7\n');
    const command = build('debian-python:1', at('warm.manifest'), '-o', 'warm:1');
    await reporting(gsc, command, inPlace);
    expect(countOf(wire, exporting)).toBe(1);
    expect(wire.receivedBytes()).toBeGreaterThan(100_000_000);
    // The base stays where it is: the Engine gets the two added layers alone.
    expect(wire.sentBytes()).toBeLessThan(8_000_000);

    await engine.docker('rmi', '--force', 'warm:1');
    wire.reset();
    expect(await reporting(gsc, command, inPlace)).toMatchObject({ outcome: 'written' });
    expect([countOf(wire, exporting), countOf(wire, loading)]).toEqual([0, 1]);
    expect(wire.receivedBytes()).toBeLessThan(50_000);

    wire.reset();
    expect(await reporting(gsc, command, inPlace)).toMatchObject({ outcome: 'unchanged' });
    expect([countOf(wire, exporting), countOf(wire, loading)]).toEqual([0, 0]);
    expect(wire.sentBytes() + wire.receivedBytes()).toBeLessThan(50_000);
  });

  test('with another manifest replaces the result with --force only', async (context) => {
    const { gsc } = stage();
    const { engine, env } = await engineWith(context, 'busybox');
    const output = ['-o', 'other:1'];
    const { image_id: first } = await reporting(gsc, build('busybox:1', ...output), { env });
    const again = await succeeding(gsc, build('busybox:1', ...output), { env });
    expect(again.stderr).toContain('docker-daemon:other:1 exists already, with the same content');

    writeFileSync(at('other.manifest'), 'sgx.max_threads = 9\n');
    const other = build('busybox:1', at('other.manifest'), ...output);
    const images = await imagesOf(engine);
    const refused = await gsc(other, { env });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`other:1: the name belongs to another image, ${first}`);
    expect(refused.stderr).toContain('\nhint: replace it with --force, or name another output with -o\n');
    expect(refused.stdout).toBe('');
    expect(await imagesOf(engine)).toEqual(images);

    const { image_id: second } = await reporting(gsc, [...other, '--force'], { env });
    expect(second).not.toBe(first);
    expect(await idOf(engine, 'other:1')).toBe(second);
  });
});

describe('an image of the Engine and a layout', () => {
  test('give the same image, whichever way it goes', async (context) => {
    const { gsc, key } = stage();
    const { engine, env } = await engineWith(context, 'scratch');
    const inEngine = await reporting(gsc, build('scratch:1', '-o', 'around:u'), { env });
    const inLayout = await reporting(gsc, build('scratch:1', '-o', `oci:${at('around')}:u`), { env });
    expect(inLayout.image_id).toBe(inEngine.image_id);
    const inspected = await runTool('skopeo', ['inspect', '--raw', `oci:${at('around')}:u`]);
    expect(JSON.parse(inspected).config.digest).toBe(inEngine.image_id);

    const sign = (from: string, to: string) => ['sign-image', from, key, '-o', to];
    const back = await reporting(gsc, sign(`oci:${at('around')}:u`, 'docker-daemon:around:back'), { env });
    const direct = await reporting(gsc, sign('around:u', 'around:direct'), { env });
    expect(back.image_id).toBe(direct.image_id);
    const { options, words } = withoutShell;
    expect(await engine.docker(...directly, ...options, 'around:back', ...words)).toContain('good morning');
  });
});
