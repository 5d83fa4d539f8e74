import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { digestOf } from '../../src/base/digest.ts';
import { GscError } from '../../src/base/error.ts';
import type { RunConfig } from '../../src/image/config.ts';
import type { Image } from '../../src/image/image.ts';
import { collectBytes } from '../../src/image/verified-stream.ts';
import { fieldKey } from '../../src/json/field-key.ts';
import { parseImageName } from '../../src/reference/image-name.ts';
import { openImage } from '../../src/store/open-image.ts';
import { needs } from '../support/end-to-end/stage.ts';
import { staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp, manifestIn } from '../support/graminized/graminized.ts';
import { engineForTest } from '../support/images/image-for-test.ts';
import { runTool } from '../support/images/run-tool.ts';
import { oddImageConfig } from '../support/json/odd-config.ts';
import { tarWith } from '../support/scan/made-layers.ts';
import { type ArchivedImage, writeDockerArchive } from '../support/start-forms/docker-archive.ts';
import { podmanForTest } from '../support/store/engine/podman-service.ts';

vi.setConfig({ testTimeout: 600_000 });

const directory = mkdtempSync(join(tmpdir(), 'gsc-odd-configs-'));
const archives = { apps: join(directory, 'apps.tar'), results: join(directory, 'results.tar') };
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What an image says about how its containers start; what is empty and what is missing are the same. */
interface ContainerProcess {
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Env: readonly string[];
  readonly User: string;
  readonly WorkingDir: string;
  readonly StopSignal: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Volumes: readonly string[];
}

function startOf(run: RunConfig | null | undefined): ContainerProcess {
  const { Entrypoint, Cmd, Env, User, WorkingDir, StopSignal, Labels, Volumes } = run ?? {};
  return {
    Entrypoint: Entrypoint ?? [],
    Cmd: Cmd ?? [],
    Env: Env ?? [],
    User: User ?? '',
    WorkingDir: WorkingDir ?? '',
    StopSignal: StopSignal ?? '',
    Labels: Labels ?? {},
    Volumes: Object.keys(Volumes ?? {}).sort(),
  };
}

/** Generated apps as gsc reads them, and what it makes of those that can start, by name. */
const expected = { apps: new Map<string, ContainerProcess>(), results: new Map<string, ContainerProcess>() };
/** Each result with its app. */
const made: { readonly image: Image; readonly app: ContainerProcess }[] = [];

beforeAll(async () => {
  const tar = await tarWith([staticProgram('app/prog'), staticProgram('bin/sh')]);
  const layers = [{ diffId: digestOf(tar), content: async () => tar }];
  const texts = fc.sample(oddImageConfig([digestOf(tar)]), { seed: 8, numRuns: 40 });
  // A number that no double holds: rounded, neither Docker nor Podman reads the config.
  const health = '"healthcheck":{"Test":["NONE"],"interval":9223372036854775807}';
  const layersOf = `"rootfs":{"type":"layers","diff_ids":["${digestOf(tar)}"]}`;
  texts.push(`{"os":"linux","architecture":"amd64","config":{"Cmd":["/app/prog"],${health}},${layersOf}}`);
  const apps = texts.map((text, i) => ({
    name: `localhost/odd:${i}`,
    configBytes: Buffer.from(text),
    layers,
  }));
  await writeDockerArchive(archives.apps, apps);
  const results: ArchivedImage[] = [];
  for (const { name } of apps) {
    const opened = await openImage({
      kind: 'docker-archive',
      path: archives.apps,
      name: parseImageName(name),
    });
    const app = startOf(opened.config.config);
    expected.apps.set(name, app);
    const image = await resultOf(opened);
    await opened.close();
    if (image === undefined) continue;
    made.push({ image, app });
    expected.results.set(`${name}-gsc`, startOf(image.config.config));
    const added = image.layers
      .slice(1)
      .map(({ diffId, open }) => ({ diffId, content: () => collectBytes(open()) }));
    results.push({ name: `${name}-gsc`, configBytes: image.configBytes, layers: [...layers, ...added] });
  }
  await writeDockerArchive(archives.results, results);
});

/** The graminized image; undefined for an app without a program. */
async function resultOf(app: Image): Promise<Image | undefined> {
  try {
    return (await graminizeApp(app)).image;
  } catch (error) {
    if (error instanceof GscError && error.code === 'entrypoint') return undefined;
    throw error;
  }
}

/** Compares what another program says about the images with what gsc says. */
async function compare(
  startsOf: (archive: string, names: readonly string[]) => Promise<readonly RunConfig[]>,
) {
  for (const kind of ['apps', 'results'] as const) {
    const names = [...expected[kind].keys()];
    const starts = await startsOf(archives[kind], names);
    expect(starts.map(startOf)).toEqual([...expected[kind].values()]);
  }
}

describe('images whose config is spelled oddly', () => {
  test('are enough to go by, and most of them start', () => {
    expect(expected.results.size).toBeGreaterThan(20);
  });

  test('have every key once afterwards, and start the apploader whatever they started before', () => {
    for (const { image } of made) {
      const config = JSON.parse(image.configBytes.toString(), (key, value) => {
        const isMap = ['Labels', 'Volumes'].includes(key);
        const keys = Object.keys(typeof value === 'object' && !isMap ? (value ?? {}) : {});
        expect(new Set(keys.map(fieldKey)).size).toBe(keys.length);
        return value;
      });
      expect(config.config.Entrypoint).toEqual(['/bin/sh', '/gramine/app_files/apploader.sh']);
    }
  });

  test('have in their manifests the arguments, the user and the directory that engines read', async () => {
    for (const { image, app } of made) {
      const { loader, fs } = await manifestIn(image);
      expect(loader.argv).toEqual([...app.Entrypoint, ...app.Cmd]);
      expect(`${loader.uid}:${loader.gid}`).toBe(/:/.test(app.User) ? app.User : `${app.User || 0}:0`);
      expect(fs.start_dir).toBe(app.WorkingDir || '/');
    }
  });

  test('are to a Docker Engine what they are to gsc, before and after', async (context) => {
    const { docker } = await engineForTest(context);
    await compare(async (archive, names) => {
      await docker('load', '--quiet', '--input', archive);
      const text = await docker('image', 'inspect', ...names);
      expect(text).toContain('"Interval": 9223372036854775807');
      return JSON.parse(text).map(({ Config }: { Config: RunConfig }) => Config);
    });
  });

  test('are to Podman what they are to gsc, before and after', async (context) => {
    const { podman } = await podmanForTest(context);
    await compare(async (archive, names) => {
      await podman('load', '--quiet', '--input', archive);
      const text = await podman('image', 'inspect', ...names);
      expect(text).toContain('"Interval": 9223372036854775807');
      return JSON.parse(text).map(({ Config }: { Config: RunConfig }) => Config);
    });
  });

  test('are to skopeo what they are to gsc, before and after', async (context) => {
    needs(context, 'skopeo');
    await compare(async (archive, names) => {
      const starts: RunConfig[] = [];
      for (const name of names) {
        const reference = `docker-archive:${archive}:${name}`;
        starts.push(JSON.parse(await runTool('skopeo', ['inspect', '--config', reference])).config);
      }
      return starts;
    });
  });
});
