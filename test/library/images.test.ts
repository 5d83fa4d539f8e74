import { defaultMaxListeners, getMaxListeners } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { WorkPlan } from '../../src/base/progress.ts';
import { WorkMeter } from '../../src/cli/terminal/work-meter.ts';
import { graminize, type Images, type ImagesEnvironment, openImages, openRuntime } from '../../src/index.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { appImage, staticProgram } from '../support/graminized/app-image.ts';
import { startDouble, stock } from '../support/store/registry/fixture.ts';

const directory = mkdtempSync(join(tmpdir(), 'gsc-library-'));
const at = (name: string) => join(directory, name);
const app = `oci:${at('app')}:latest`;
const opened: Images[] = [];

beforeAll(async () => {
  writeRuntime(at('runtime'));
  await writeApp(at('app'));
});

afterEach(async () => {
  for (const images of opened.splice(0)) await images.close();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function open(environment: ImagesEnvironment = {}): Images {
  const host = { environment: { HOME: at('home') }, homeDirectory: at('home'), workingDirectory: directory };
  const images = openImages({ ...environment, host: { ...host, ...environment.host } });
  opened.push(images);
  return images;
}

async function graminized(images: Images) {
  const { image } = await images.open(app);
  const runtime = await openRuntime(images, { sources: ['runtime'] });
  return (await graminize(image, runtime)).image;
}

describe('images', () => {
  test('are stored once: the same again is unchanged, another one needs force', async () => {
    const images = open();
    const made = await graminized(images);
    const { image: other } = await images.open(app);
    const name = `oci:${at('stored')}:1`;
    expect((await images.store(made, name)).outcome).toBe('written');
    expect((await images.store(made, name)).outcome).toBe('unchanged');
    await expect(images.store(other, name)).rejects.toMatchObject({ code: 'exists' });
    expect((await images.open(name)).image.manifest.digest).toBe(made.manifest.digest);
    expect((await images.store(other, name, { force: true })).outcome).toBe('written');
  });

  test('get their new layers compressed in a registry, and keep those of the app as they are', async () => {
    const { domain } = await startDouble();
    const images = open({ insecureRegistries: [domain] });
    const made = await graminized(images);
    const base = (await images.open(app)).image.layers.map(({ descriptor }) => descriptor.digest);
    await images.store(made, `docker://${domain}/app:1`);
    const { image } = await images.open(`docker://${domain}/app:1`);
    const stored = image.layers.map(({ descriptor }) => descriptor);
    expect(stored.slice(0, base.length).map(({ digest }) => digest)).toEqual(base);
    expect(stored.length).toBeGreaterThan(base.length);
    for (const { mediaType } of stored.slice(base.length)) expect(mediaType).toMatch(/gzip$/);
    expect(image.configDescriptor.digest).toBe(made.configDescriptor.digest);
  });

  test('say of a failure whether another attempt may succeed', async () => {
    const double = await startDouble();
    const images = open({ insecureRegistries: [double.domain, '127.0.0.1:1'] });
    const failureOf = (name: string) => images.open(name).catch((error: unknown) => error);
    const busy = { kind: 'answer', status: 503, headers: { 'retry-after': '3600' } } as const;
    for (const method of ['GET', 'HEAD']) double.fail(method, /busy/, busy, 9);
    for (const method of ['GET', 'HEAD']) double.fail(method, /denied/, { kind: 'answer', status: 403 }, 9);
    for (const [name, isPassing] of [
      [`docker://${double.domain}/busy:1`, true],
      ['docker://127.0.0.1:1/a:1', true],
      [`docker://${double.domain}/denied:1`, false],
      [`docker://${double.domain}/missing:1`, false],
      [`oci:${at('missing')}`, false],
    ] as const)
      expect(await failureOf(name), name).toMatchObject({ name: 'GscError', isPassing });
  });

  describe('of a registry, twenty of them', () => {
    const warnings: string[] = [];
    const note = ({ name, message }: Error) => void warnings.push(`${name}: ${message}`);
    beforeAll(() => void process.on('warning', note));
    afterAll(() => void process.off('warning', note));

    const stocked = async () => {
      const double = await startDouble();
      const names = Array.from({ length: 20 }, (_, index) => `a${index}`);
      for (const name of names) {
        const layers = [[staticProgram(), ['name', name]], [['more', name]]] as const;
        await stock(double, name, '1', await appImage(layers, { Cmd: ['/app'] }));
      }
      return { domain: double.domain, names: names.map((name) => `docker://${double.domain}/${name}:1`) };
    };
    const read = async (images: Images, name: string) => images.scan((await images.open(name)).image);

    test.each([
      ['one after the other', 'in turn'],
      ['all at once', 'at once'],
      ['each by its own openImages', 'alone'],
    ])('are read without any warning of Node, %s', async (_, how) => {
      const { domain, names } = await stocked();
      const { signal } = new AbortController();
      const openOne = () => open({ insecureRegistries: [domain], host: { signal } });
      const images = openOne();
      if (how === 'at once') await Promise.all(names.map((name) => read(images, name)));
      else for (const name of names) await read(how === 'alone' ? openOne() : images, name);
      // Node warns in a later turn.
      await new Promise((resolve) => setImmediate(resolve));
      expect(warnings).toEqual([]);
      expect(getMaxListeners(signal)).toBe(defaultMaxListeners);
    });

    test('end by the signal of the caller', async () => {
      const { domain, names } = await stocked();
      const abort = new AbortController();
      const images = open({ insecureRegistries: [domain], host: { signal: abort.signal } });
      await read(images, names[0] ?? '');
      abort.abort();
      await expect(images.open(names[1] ?? '')).rejects.toMatchObject({ code: 'aborted' });
    });
  });

  test('pass through a writer while they are scanned', async () => {
    const images = open();
    const { image } = await images.open(app);
    const writer = await images.openWriter(`oci:${at('copied')}:1`);
    try {
      expect((await images.scan(image, { writer })).tree.root.kind).toBe('directory');
      for (const layer of image.layers) expect(await writer.hasLayer(layer)).toBe(true);
      await writer.commit(image);
    } finally {
      await writer.abort();
    }
  });

  test('tell the reporter, and print nothing by themselves', async () => {
    const begun: [WorkPlan, WorkMeter][] = [];
    const ignore = () => undefined;
    const reporter = { say: ignore, sayHeading: ignore, detail: ignore, warn: ignore };
    const begin = (plan: WorkPlan) => {
      const meter = new WorkMeter(plan);
      begun.push([plan, meter]);
      return Object.assign(meter, { end: ignore });
    };
    const images = open({ usesCache: false, reporter: { ...reporter, begin } });
    const { image } = await images.open(app);
    await images.scan(image);
    await images.store(image, `oci:${at('told')}:1`);
    expect(begun.map(([{ kind, subject }]) => [kind, subject])).toEqual([
      ['read', app],
      ['store', `oci:${at('told')}:1`],
    ]);
    for (const [{ parts }, meter] of begun) {
      expect(parts?.map(({ sizeBytes }) => sizeBytes)).toEqual(
        image.layers.map(({ descriptor }) => descriptor.sizeBytes),
      );
      expect(meter.movedBytes).toBe(meter.totalBytes);
      expect(meter.finishedParts).toBe(image.layers.length);
    }
  });

  test('are kept in no cache where the caller wants none', async () => {
    const home = at('other-home');
    const images = open({ usesCache: false, host: { environment: { HOME: home } } });
    await images.scan((await images.open(app)).image);
    expect(readdirSync(directory)).not.toContain('other-home');
    const keeping = open({ host: { environment: { HOME: home } } });
    await keeping.scan((await keeping.open(app)).image);
    expect(readdirSync(directory)).toContain('other-home');
  });

  test.each([
    ['oci:nowhere-to-be-found', 'not-found'],
    ['oci:', 'usage'],
    ['docker://UPPER', 'usage'],
  ])('%s is an error with the code %s', async (reference, code) => {
    await expect(open().open(reference)).rejects.toMatchObject({ name: 'GscError', code });
  });
});

describe('a runtime', () => {
  test('is not found in what is not a runtime, or not there', async () => {
    const images = open();
    await expect(openRuntime(images, { sources: [at('app')] })).rejects.toMatchObject({ code: 'runtime' });
    await expect(openRuntime(images, { sources: ['./none'] })).rejects.toMatchObject({ code: 'not-found' });
  });

  test('needs images of openImages', async () => {
    const { open: openOne, ...rest } = open();
    const foreign = { open: openOne, ...rest } as Images;
    await expect(openRuntime(foreign, { sources: ['runtime'] })).rejects.toThrow(TypeError);
  });
});
