import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { engineWith, idOf } from '../support/end-to-end/engine-stage.ts';
import { manifestOf, registryWith, withoutEngine } from '../support/end-to-end/registry-stage.ts';
import { needs, type Report, reporting, stageForTests } from '../support/end-to-end/stage.ts';
import { imageForTest } from '../support/images/image-for-test.ts';
import { runTool } from '../support/images/run-tool.ts';

vi.setConfig({ testTimeout: 600_000 });

const stage = stageForTests();
const at = (name: string) => join(stage().gsc.directory, name);
const processes = 5;
const each = <T>(work: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: processes }, (_, index) => work(index)));

function build(
  app: string,
  output: string,
  env: Readonly<Record<string, string>>,
  ...more: readonly string[]
): Promise<Report> {
  const { gsc, runtime } = stage();
  return reporting(gsc, ['build', '--runtime', runtime, app, ...more, '-o', output], { env });
}

describe('several gsc at once', () => {
  test('on one empty cache and one layout give the images that each gives alone, and lose no tag', async (context) => {
    needs(context, 'cc skopeo umoci');
    const { reference } = await imageForTest(context, 'busybox');
    const threads = (index: number) => {
      const file = at(`threads-${index}.manifest`);
      writeFileSync(file, `sgx.max_threads = ${4 + index}\n`);
      return file;
    };
    const alone: string[] = [];
    for (let index = 0; index < processes; index++) {
      const env = { XDG_CACHE_HOME: at(`cache-${index}`) };
      alone.push((await build(reference, `oci:${at('alone')}:t${index}`, env, threads(index))).digest);
    }
    const shared = { XDG_CACHE_HOME: at('cache-shared') };
    const together = await each((index) =>
      build(reference, `oci:${at('together')}:t${index}`, shared, threads(index)),
    );
    expect(together.map(({ digest }) => digest)).toEqual(alone);
    const tags = (await runTool('umoci', ['ls', '--layout', at('together')])).trim().split('\n');
    expect(tags.sort()).toEqual(alone.map((_, index) => `t${index}`));
    for (const tag of tags) {
      await runTool('skopeo', [
        'copy',
        '--quiet',
        `oci:${at('together')}:${tag}`,
        `dir:${at(`copy-${tag}`)}`,
      ]);
    }
    expect(readdirSync(at('together')).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
    // What they left in the cache is whole.
    const warm = await build(reference, `oci:${at('warm')}:t0`, shared, threads(0));
    expect(warm.digest).toBe(alone[0]);
  });

  test('for one tag of a layout, of a registry, of an Engine agree on the image', async (context) => {
    const { engine, env } = await engineWith(context, 'busybox');
    const place = await registryWith(context, ['busybox']);
    const { reference } = await imageForTest(context, 'busybox');
    const cache = { XDG_CACHE_HOME: at('cache-one-tag') };
    const inLayout = await each(() => build(reference, `oci:${at('one')}:t`, cache));
    const inRegistry = await each(() =>
      build(place.at('app/busybox:1'), place.at('one:t'), { ...cache, ...withoutEngine }),
    );
    const inEngine = await each(() => build('busybox:1', 'one:t', { ...cache, ...env }));
    for (const reports of [inLayout, inRegistry, inEngine]) {
      expect(new Set(reports.map(({ image_id }) => image_id)).size).toBe(1);
      expect(reports.map(({ outcome }) => outcome)).toContain('written');
    }
    expect((await manifestOf(place, 'one:t')).config.digest).toBe(inRegistry[0]?.image_id);
    expect(await idOf(engine, 'one:t')).toBe(inEngine[0]?.image_id);
  });
});
