import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { engineWith } from '../support/end-to-end/engine-stage.ts';
import { registryWith, withoutEngine } from '../support/end-to-end/registry-stage.ts';
import { needs, stageForTests, succeeding } from '../support/end-to-end/stage.ts';
import { imageForTest } from '../support/images/image-for-test.ts';

vi.setConfig({ testTimeout: 900_000 });

const stage = stageForTests();
const page = (name: string) => readFileSync(join(stage().gsc.directory, name), 'utf8');

/** Builds with a report on the result, then reports on what is stored: both pages. */
async function reported(
  app: string,
  output: string,
  { env, more = [] }: { readonly env: Readonly<Record<string, string>>; readonly more?: readonly string[] },
): Promise<readonly [built: string, stored: string]> {
  const { gsc, runtime } = stage();
  const build = ['build', '--runtime', runtime, '-o', output, '--report', 'built.html', ...more, app];
  await succeeding(gsc, build, { env });
  await succeeding(gsc, ['report', output, '-o', 'stored.html'], { env });
  return [page('built.html'), page('stored.html')];
}

/** What a page says about the image itself, wherever it is stored. */
function identityIn(text: string): readonly (string | undefined)[] {
  const factOf = (name: string) =>
    new RegExp(`<dt>${name}</dt><dd>(?:<code>)?([^<]*)`).exec(text)?.[1]?.trim();
  return ['MRENCLAVE', 'Signature', 'Trusted files', 'Enclave', 'Program'].map(factOf);
}

describe('the report on an image', () => {
  test('is the same of a build and of what it stored, in a layout, archives, a registry and an Engine', async (context) => {
    needs(context, 'cc skopeo docker-registry');
    const { reference: app } = await imageForTest(context, 'busybox');
    const { engine, env } = await engineWith(context, 'busybox');
    const { at } = await registryWith(context, ['busybox']);
    const more = ['--key', stage().key, '--date', '2026-01-02'];
    const pages = [
      await reported(app, 'oci:layout:1', { env: withoutEngine, more }),
      await reported(app, 'oci-archive:image.tar:gsc:1', { env: withoutEngine, more }),
      await reported(app, 'docker-archive:docker.tar:gsc:1', { env: withoutEngine, more }),
      await reported(at('app/busybox:1'), at('gsc/busybox:1'), { env: withoutEngine, more }),
      await reported('docker-daemon:busybox:1', 'docker-daemon:gsc-reported:1', { env, more }),
    ];
    await engine.docker('rmi', 'gsc-reported:1');
    for (const [built, stored] of pages) expect(built).toBe(stored);
    const [first] = pages.map(([built]) => identityIn(built));
    for (const [built] of pages) expect(identityIn(built)).toEqual(first);
    expect(first?.[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(first?.[1]).toContain('dated 2026-01-02');
  });

  test('reads no layer of the app image twice from a registry', async (context) => {
    needs(context, 'cc skopeo docker-registry');
    const { at, wire } = await registryWith(context, ['busybox']);
    wire.reset();
    const { gsc, runtime } = stage();
    const output = ['-o', at('gsc/busybox:2'), '--report', 'once.html'];
    await succeeding(gsc, ['build', '--runtime', runtime, ...output, at('app/busybox:1')], {
      env: withoutEngine,
    });
    const blobs = wire.requests().filter((line) => /^GET .*\/app\/busybox\/blobs\//.test(line));
    expect(blobs.length).toBeGreaterThan(0);
    expect(new Set(blobs).size).toBe(blobs.length);
    expect(page('once.html')).toContain('Not signed');
  });
});
