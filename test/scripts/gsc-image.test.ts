import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gsc, gscInScratch } from '../support/cli/gsc.ts';
import { writeApp } from '../support/cli/made-files.ts';
import type { TestEngine } from '../support/images/engine.ts';
import { engineForTest } from '../support/images/image-for-test.ts';
import { runTool } from '../support/images/run-tool.ts';
import { standinRuntime } from '../support/images/standin-runtime.ts';
import { packedGsc } from '../support/package/packed-gsc.ts';
import { testKey } from '../support/signature/test-key.ts';
import { testWithTool } from '../support/tool.ts';

const scratch = mkdtempSync(join(tmpdir(), 'gsc-image-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const version = JSON.parse(readFileSync('package.json', 'utf8')).version;

let directory = '';
let gsc: Gsc;
beforeAll(async () => {
  directory = (await packedGsc()).directory;
  gsc = await gscInScratch();
});

/** Makes the image and gives the digest that is printed. */
async function made(engine: TestEngine | undefined, ...words: readonly string[]): Promise<string> {
  const env = { ...(engine && { DOCKER_HOST: engine.host }) };
  const printed = await runTool('scripts/make-gsc-image', ['--package', directory, ...words], { env });
  return printed.trim().replace(/.*@/, '');
}

let inEngine: Promise<string> | undefined;
/** Once for all tests: in the Engine, under its own name. */
function stored(engine: TestEngine): Promise<string> {
  inEngine ??= made(engine);
  return inEngine;
}

describe('the image of gsc', () => {
  testWithTool('busybox ldd', 'is the same each time, and small', async () => {
    const first = await made(undefined, '-o', `oci:${join(scratch, 'a')}:1`);
    expect(first).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await made(undefined, '-o', `oci:${join(scratch, 'b')}:1`)).toBe(first);
    const { layers } = JSON.parse(
      readFileSync(join(scratch, 'a/blobs/sha256', first.slice('sha256:'.length)), 'utf8'),
    );
    const size = layers.reduce((sum: number, layer: { size: number }) => sum + layer.size, 0);
    expect(size).toBeLessThan(60_000_000);
  });

  test('runs in an Engine as a user without rights, and says its version', async (context) => {
    const engine = await engineForTest(context);
    await stored(engine);
    const name = `gsc:${version}`;
    const run = (...words: string[]) =>
      engine.docker('run', '--rm', '--network=none', '--read-only', '--cap-drop=ALL', ...words);
    expect(await run(name, '--version')).toBe(`${version}\n`);
    expect(await run('--entrypoint=id', name)).toBe('uid=65532(gsc) gid=65532(gsc) groups=65532(gsc)\n');
    expect(await run('--entrypoint=sh', name, '-c', 'gsc --version')).toBe(`${version}\n`);
    const [{ Config }] = JSON.parse(await engine.docker('inspect', name));
    expect(Config.Labels['org.opencontainers.image.version']).toBe(version);
    const sbom = await run('--entrypoint=cat', name, '/usr/local/lib/node_modules/gsc/dist/sbom.cdx.json');
    expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(sbom)).toBeNull();
    const components = JSON.parse(sbom).components.map((each: { name: string }) => each.name);
    expect(components).toEqual(
      expect.arrayContaining(['undici', 'node', 'libc6', expect.stringMatching(/^busybox/)]),
    );
  });

  test('builds and signs layouts in a directory, as the command does here', async (context) => {
    const engine = await engineForTest(context);
    await stored(engine);
    const work = join(scratch, 'work');
    mkdirSync(work);
    await writeApp(join(work, 'app'));
    cpSync((await standinRuntime()).root, join(work, 'runtime'), { recursive: true });
    cpSync(await testKey(), join(work, 'key.pem'));
    chmodSync(join(work, 'key.pem'), 0o644);
    chmodSync(work, 0o777);
    const words = [
      'build',
      '--runtime',
      'runtime',
      '--key',
      'key.pem',
      '--date',
      '2026-01-02',
      '-o',
      'oci:out:1',
      'oci:app',
    ];
    await engine.docker('run', '--rm', '--network=none', '-v', `${work}:/work`, `gsc:${version}`, ...words);
    const here = await gsc(
      words.map((word) => (word === 'oci:out:1' ? 'oci:here:1' : word)),
      { cwd: work },
    );
    expect(here.code, here.stderr).toBe(0);
    expect(readFileSync(join(work, 'out/index.json'))).toEqual(readFileSync(join(work, 'here/index.json')));
  });

  test("works with the Engine's socket, in the group that may use it", async (context) => {
    const engine = await engineForTest(context);
    await stored(engine);
    await writeApp(join(scratch, 'shop'));
    await engine.load(`oci:${join(scratch, 'shop')}:latest`, 'shop:1');
    const runtime = (await standinRuntime()).root;
    const group = String(statSync(engine.socket).gid);
    const mounts = [
      '-v',
      `${engine.socket}:/var/run/docker.sock`,
      '--group-add',
      group,
      '-v',
      `${runtime}:/runtime:ro`,
    ];
    const words = ['build', '--runtime', '/runtime', 'shop:1'];
    await engine.docker('run', '--rm', '--network=none', ...mounts, `gsc:${version}`, ...words);
    expect(await engine.docker('images', '-q', 'gsc-shop:1-unsigned')).not.toBe('');
  });

  test('is put on a base that has Node, whose layers stay as they are', async (context) => {
    const engine = await engineForTest(context);
    await stored(engine);
    const base = `docker-daemon:gsc:${version}`;
    await made(engine, '--base', base, '-o', 'docker-daemon:gsc-on-base:1');
    expect(await engine.docker('run', '--rm', '--network=none', 'gsc-on-base:1', '--version')).toBe(
      `${version}\n`,
    );
    const layers = async (name: string) => JSON.parse(await engine.docker('inspect', name))[0].RootFS.Layers;
    const [below, all] = [await layers(`gsc:${version}`), await layers('gsc-on-base:1')];
    expect(all.slice(0, below.length)).toEqual(below);
    expect(all).toHaveLength(below.length + 1);
  });

  testWithTool(
    'busybox',
    'is not made of a busybox that needs libraries, or of what is not a package',
    async () => {
      const output = ['-o', `oci:${join(scratch, 'none')}:1`];
      await expect(made(undefined, '--busybox', '/bin/ls', ...output)).rejects.toThrow(
        /expected a static program/,
      );
      await expect(runTool('scripts/make-gsc-image', ['--package', scratch, ...output])).rejects.toThrow(
        /package\.json/,
      );
      await expect(made(undefined, '--node', join(scratch, 'nothing'), ...output)).rejects.toThrow(
        /make-gsc-image: .*nothing/,
      );
    },
  );
});
