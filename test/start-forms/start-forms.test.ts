import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GscError } from '../../src/base/error.ts';
import { noChoices } from '../../src/graminize/build-options.ts';
import { graminize } from '../../src/graminize/graminize.ts';
import type { Image } from '../../src/image/image.ts';
import { collectBytes } from '../../src/image/verified-stream.ts';
import { parseReference } from '../../src/reference/image-reference.ts';
import { findRuntime } from '../../src/runtime/find/find-runtime.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { scanImage } from '../../src/scan/scan-image.ts';
import { scanRootDirectory } from '../../src/scan/scan-root-directory.ts';
import { type FileReference, openImage } from '../../src/store/open-image.ts';
import type { FileTree } from '../../src/tree/file-tree.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { type TestEngine, testEngine } from '../support/images/engine.ts';
import { ToolFailure } from '../support/images/run-tool.ts';
import { standinRuntime } from '../support/images/standin-runtime.ts';
import {
  type BaseName,
  baseNames,
  baseTools,
  hasShell,
  makeBases,
} from '../support/start-forms/base-images.ts';
import {
  type ArchivedImage,
  type ArchivedLayer,
  configOf,
  writeDockerArchive,
} from '../support/start-forms/docker-archive.ts';
import { type StartForm, startForms } from '../support/start-forms/forms.ts';
import { parseReport, type Report } from '../support/start-forms/probe.ts';
import { hasTool } from '../support/tool.ts';

/** How a container ended. */
interface Ending {
  readonly code: number;
  readonly report: Report | undefined;
  readonly words: string;
}

/** What became of one form: gsc's refusal, or both runs. */
interface Outcome {
  readonly outside: Ending;
  readonly inside: Ending | GscError;
}

const missing = baseTools.filter((tool) => !hasTool(tool));
if (missing.length > 0 && process.env.CI) throw new Error(`not installed: ${missing.join(', ')}`);
if (missing.length > 0) process.stderr.write(`SKIPPED: start forms: ${missing.join(', ')} not installed\n`);

let scratch: string | undefined;
const outcomes = new Map<StartForm, Outcome>();

beforeAll(async () => {
  if (missing.length > 0) return;
  const engine = await testEngine();
  if (engine === undefined) return;
  scratch = await mkdtemp(join(tmpdir(), 'start-forms-'));
  const apps = await makeApps(join(scratch, 'apps.tar'), scratch);
  const graminized = await graminizeAll(join(scratch, 'apps.tar'), apps);
  const built = [...graminized.values()].filter((each) => !(each instanceof GscError));
  await writeDockerArchive(join(scratch, 'graminized.tar'), built as ArchivedImage[]);
  for (const name of ['apps.tar', 'graminized.tar']) await engine.docker('load', '-i', join(scratch, name));
  await eachOf(startForms, async (form, number) => {
    const inside = graminized.get(number) as ArchivedImage | GscError;
    outcomes.set(form, {
      outside: await runOutside(engine, form, number),
      inside: inside instanceof GscError ? inside : await runInside(engine, form, number),
    });
  });
}, 600_000);

afterAll(async () => {
  if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
});

/** All work on as many at a time as keeps an Engine busy. */
async function eachOf<T>(
  items: readonly T[],
  work: (item: T, number: number) => Promise<void>,
): Promise<void> {
  const queue = [...items.entries()];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: 3 }, worker));
}

function appName(number: number): string {
  return `start/app:${number}`;
}

function graminizedName(number: number): string {
  return `start/gsc:${number}`;
}

/** One app image per form, all in one archive; gives the layers by diffId. */
async function makeApps(archive: string, stage: string): Promise<ReadonlyMap<string, ArchivedLayer>> {
  const bases = await makeBases(stage);
  const images = startForms.map(({ base, run }, number) => ({
    name: appName(number),
    configBytes: configOf(run, bases[base]),
    layers: bases[base],
  }));
  await writeDockerArchive(archive, images);
  return new Map(images.flatMap(({ layers }) => layers).map((layer) => [layer.diffId, layer]));
}

async function graminizeAll(
  archive: string,
  layers: ReadonlyMap<string, ArchivedLayer>,
): Promise<ReadonlyMap<number, ArchivedImage | GscError>> {
  const runtime = await standIn();
  const trees = new Map<BaseName, FileTree>();
  const results = new Map<number, ArchivedImage | GscError>();
  for (const [number, form] of startForms.entries()) {
    const app = await openImage(
      parseReference(`docker-archive:${archive}:${appName(number)}`) as FileReference,
    );
    try {
      const tree = trees.get(form.base) ?? (await scanImage(app)).tree;
      trees.set(form.base, tree);
      results.set(number, await graminizeForm(app, form, { number, tree, runtime, layers }));
    } finally {
      await app.close();
    }
  }
  expect([...trees.keys()].sort()).toEqual([...baseNames].sort());
  return results;
}

async function graminizeForm(
  app: Image,
  form: StartForm,
  parts: {
    readonly number: number;
    readonly tree: FileTree;
    readonly runtime: Runtime;
    readonly layers: ReadonlyMap<string, ArchivedLayer>;
  },
): Promise<ArchivedImage | GscError> {
  const { entrypoint, cmd } = form;
  try {
    const { image } = await graminize(app, parts.runtime, {
      tree: parts.tree,
      insecureArguments: form.arguments !== undefined,
      choices: {
        ...noChoices,
        ...(entrypoint !== undefined && { entrypoint: [entrypoint] }),
        ...(cmd !== undefined && { cmd }),
      },
      name: graminizedName(parts.number),
      toolVersion: 'test',
    });
    const layers = image.layers.map(
      (layer) =>
        parts.layers.get(layer.diffId) ?? { diffId: layer.diffId, content: () => collectBytes(layer.open()) },
    );
    return { name: graminizedName(parts.number), configBytes: image.configBytes, layers };
  } catch (error) {
    if (error instanceof GscError) return error;
    throw error;
  }
}

async function standIn(): Promise<Runtime> {
  const { root } = await standinRuntime();
  const listing = await scanRootDirectory(root);
  return findRuntime(
    mergeLayers([listing.entries]),
    async (paths) =>
      new Map(
        await Promise.all(paths.map(async (path) => [path, await collectBytes(listing.open(path))] as const)),
      ),
    { subject: 'stand-in' },
  );
}

const common = ['run', '--rm', '--network=none', '--security-opt=seccomp=unconfined'];

function runOutside(engine: TestEngine, form: StartForm, number: number): Promise<Ending> {
  const entrypoint = form.entrypoint === undefined ? [] : ['--entrypoint', form.entrypoint];
  const args = form.arguments ?? form.cmd ?? [];
  return runContainer(engine, [...common, ...entrypoint, appName(number), ...args]);
}

/** With every trusted file's hash compared before the start. Without a shell the direct loader is named by hand. */
function runInside(engine: TestEngine, form: StartForm, number: number): Promise<Ending> {
  const name = graminizedName(number);
  const given = form.arguments ?? [];
  const verify = ['-e', 'GSC_STANDIN_VERIFY=all'];
  if (hasShell(form.base)) {
    return runContainer(engine, [...common, ...verify, '-e', 'GRAMINE_MODE=direct', name, ...given]);
  }
  const direct = ['/gramine/runtime/direct/libpal.so', 'init', '/gramine/app_files/entrypoint'];
  const fixed = form.arguments === undefined ? [] : (form.run.Entrypoint ?? []).slice(1);
  const loader = ['--entrypoint', '/gramine/runtime/direct/loader'];
  return runContainer(engine, [...common, ...verify, ...loader, name, ...direct, ...fixed, ...given]);
}

async function runContainer(engine: TestEngine, args: readonly string[]): Promise<Ending> {
  try {
    const output = await engine.docker(...args);
    return { code: 0, report: parseReport(output), words: output };
  } catch (error) {
    if (!(error instanceof ToolFailure)) throw error;
    return { code: 1, report: undefined, words: error.message };
  }
}

test('the rest of the configuration is carried over', async ({ skip }) => {
  const number = startForms.findIndex(({ run }) => run.StopSignal);
  if (outcomes.size === 0) return skip('no Engine, or a tool is missing');
  const engine = await testEngine();
  const inspect = async (name: string) => {
    const text = await engine?.docker('image', 'inspect', '--format', '{{json .Config}}', name);
    const { Entrypoint, Cmd, Env, Image, Labels, ...rest } = JSON.parse(text ?? '');
    return { ...rest, Env: new Set(Env), ownLabel: Labels.own };
  };
  const before = await inspect(appName(number));
  expect(before).toMatchObject({ StopSignal: 'SIGUSR1', ownLabel: 'yes', User: 'app' });
  expect(await inspect(graminizedName(number))).toEqual(before);
});

test('there are as many forms as promised, all with different titles', () => {
  expect(startForms.length).toBeGreaterThanOrEqual(60);
  expect(new Set(startForms.map(({ title }) => title)).size).toBe(startForms.length);
});

test.for(startForms)('$title ($base)', (form, { skip }) => {
  const outcome = outcomes.get(form);
  if (outcome === undefined) return skip('no Engine, or a tool is missing');
  const { outside, inside } = outcome;
  if (form.refused !== undefined) {
    expect(outside.report, 'the engine starts it').toBeUndefined();
    expect(inside, outside.words).toMatchObject({ name: 'GscError', code: form.refused });
    return;
  }
  if (inside instanceof GscError) throw inside;
  if (outside.report === undefined) throw new Error(`the app image does not start: ${outside.words}`);
  expect(inside.report, inside.words).toEqual(form.knownDifference?.(outside.report) ?? outside.report);
});
