import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, type TestContext, test, vi } from 'vitest';
import {
  type RegistryStage,
  registryWith,
  restart,
  tagsOf,
  withoutEngine,
} from '../support/end-to-end/registry-stage.ts';
import { momentsFor, signals, startGsc } from '../support/end-to-end/running-gsc.ts';
import { reporting, stageForTests } from '../support/end-to-end/stage.ts';
import type { Moment } from '../support/end-to-end/wire.ts';

vi.setConfig({ testTimeout: 600_000 });

const stage = stageForTests();

const moments: readonly (readonly [string, Moment])[] = [
  ['a layer is being read', { request: /^GET .*\/app\/busybox\/blobs\//, afterReceived: 300_000 }],
  ['a layer is about to be mounted', { request: /^POST .*[?&]mount=/ }],
  ['a layer is about to be sent', { request: /^(?:PUT|PATCH) .*\/blobs\/uploads\// }],
  ['a layer is being sent', { request: /^(?:PUT|PATCH) .*\/blobs\/uploads\//, afterSent: 300_000 }],
  ['the manifest is about to be sent', { request: /^PUT .*\/manifests\// }],
];

/** The answer to this is lost: the tag is there, and right. */
const written: Moment = { request: /^PUT .*\/manifests\//, afterReceived: 1 };

/** A separate cache, so that every layer is read. */
const surroundings = (cache: string) => {
  const { gsc } = stage();
  const home = { PATH: process.env.PATH ?? '', HOME: join(gsc.directory, 'home') };
  return { ...withoutEngine, ...home, XDG_CACHE_HOME: join(gsc.directory, cache) };
};

const build = (app: string, result: string) => [
  'build',
  '--runtime',
  stage().runtime,
  app,
  '-o',
  result,
  '--json',
];

/** What the registry keeps of uploads to a repository that were begun and not ended. */
function uploadsIn({ registry }: RegistryStage, repository: string): readonly string[] {
  const directory = join(registry.directory, 'data/docker/registry/v2/repositories', repository, '_uploads');
  if (!existsSync(directory)) return [];
  // This registry leaves folders, and notes about nothing at all.
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('/data'),
  );
}

describe.each(signals)('gsc ended by %s', (signal) => {
  test('leaves no tag whenever it ends, and the next run works', async (context) => {
    const { gsc, bundle } = stage();
    const place = await registryWith(context, ['busybox']);
    const app = place.at('app/busybox:1');
    const expected = await reporting(gsc, build(app, place.at('expected:1')), { env: withoutEngine });
    for (const [index, [name, moment]] of momentsFor(signal, moments).entries()) {
      const result = `result-${index}`;
      const env = surroundings(`${signal}-${index}`);
      const running = startGsc(bundle, build(app, place.at(`${result}:1`)), { cwd: gsc.directory, env });
      place.wire.cutAt(moment, async () => {
        running.process.kill(signal);
        await running.done;
      });
      const ended = await running.done;
      expect(place.wire.isWaiting(), name).toBe(false);
      expect(ended.stdout, name).toBe('');
      if (signal === 'SIGKILL') expect(ended.signal, name).toBe(signal);
      else
        expect([ended.code, ended.stderr], name).toEqual([
          130,
          expect.stringContaining('gsc: interrupted; partial output was removed'),
        ]);
      expect(await tagsOf(place, result), name).toEqual([]);
      // The wire keeps the connection of an upload until gsc has ended, and the registry what came by it.
      if (signal !== 'SIGKILL' && name !== 'a layer is being sent')
        expect(uploadsIn(place, result), name).toEqual([]);
      const again = await reporting(gsc, build(app, place.at(`${result}:1`)), { env });
      expect(again, name).toMatchObject({ outcome: 'written', digest: expected.digest });
    }
  });

  test('after the registry has the manifest has made the right tag', async (context) => {
    const { gsc, bundle } = stage();
    const place = await registryWith(context, ['busybox']);
    const command = build(place.at('app/busybox:1'), place.at('result:1'));
    const env = surroundings(`${signal}-late`);
    const running = startGsc(bundle, command, { cwd: gsc.directory, env });
    place.wire.cutAt(written, async () => {
      running.process.kill(signal);
      await running.done;
    });
    await running.done;
    expect(await tagsOf(place, 'result')).toEqual(['1']);
    expect(await reporting(gsc, command, { env })).toMatchObject({ outcome: 'unchanged' });
  });
});

describe('a registry that is killed', () => {
  test('leaves no tag whenever it ends; gsc says what happened, and works when it is back', async (context) => {
    // At once: most of the time is spent on waiting for the registry.
    await Promise.all(moments.map(([name, moment], index) => expectRecovery(context, name, moment, index)));
  });

  async function expectRecovery(context: TestContext, name: string, moment: Moment, index: number) {
    const { gsc } = stage();
    const place = await registryWith(context, ['busybox']);
    const command = build(place.at('app/busybox:1'), place.at('result:1'));
    place.wire.cutAt(moment, () => place.registry.kill());
    const env = surroundings(`killed-${index}`);
    const { code, stderr, stdout } = await gsc(command, { env });
    expect(place.wire.isWaiting(), name).toBe(false);
    expect([code, JSON.parse(stdout)], name).toMatchObject([1, { error: { code: 'registry' } }]);
    expect(stderr, name).toMatch(/^gsc: localhost:\d+\/\S+: cannot .*(?:connection broke|nothing listens)/m);
    await restart(place.registry);
    expect(await tagsOf(place, 'result'), name).toEqual([]);
    expect(await reporting(gsc, command, { env }), name).toMatchObject({ outcome: 'written' });
  }
});
