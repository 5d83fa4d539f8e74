import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, type TestContext } from 'vitest';
import { bundledGsc, type Gsc, type GscOptions, type GscResult, gscInScratch } from '../cli/gsc.ts';
import { writeOciLayout } from '../images/oci-layout.ts';
import { runTool } from '../images/run-tool.ts';
import { standinRuntime } from '../images/standin-runtime.ts';
import { testKey } from '../signature/test-key.ts';
import { hasTool } from '../tool.ts';

/** What all tests of a file share: the command line, a runtime and a key. */
export interface Stage {
  readonly gsc: Gsc;
  readonly bundle: string;
  /** Directory of the stand-in runtime. */
  readonly runtime: string;
  readonly key: string;
}

/** Sets the stage before the tests of a file. */
export function stageForTests(): () => Stage {
  let stage: Stage | undefined;
  beforeAll(async () => {
    if (!hasTool('cc')) return;
    const gsc = await gscInScratch();
    stage = { gsc, key: await testKey(), bundle: await bundledGsc(), runtime: (await standinRuntime()).root };
  });
  return () => {
    if (stage === undefined) throw new Error('not installed: cc');
    return stage;
  };
}

/** Skips the test where a program is missing; in CI it fails. */
export function needs(context: TestContext, tools: string): void {
  const missing = tools.split(' ').filter((tool) => !hasTool(tool));
  if (missing.length === 0) return;
  if (process.env.CI) throw new Error(`not installed: ${missing.join(', ')}`);
  process.stderr.write(`SKIPPED: ${context.task.name}: not installed: ${missing.join(', ')}\n`);
  context.skip(`not installed: ${missing.join(', ')}`);
}

/** Skips the test where a file of a package is missing; in CI it fails. */
export function needsFile(context: TestContext, file: string, packageName: string): void {
  if (existsSync(file)) return;
  const problem = `not installed: ${packageName}`;
  if (process.env.CI) throw new Error(problem);
  process.stderr.write(`SKIPPED: ${context.task.name}: ${problem}\n`);
  context.skip(problem);
}

/** Runs gsc, which must end with 0. */
export async function succeeding(
  gsc: Gsc,
  args: readonly string[],
  options: GscOptions = {},
): Promise<GscResult> {
  const result = await gsc(args, options);
  if (result.code === 0) return result;
  throw new Error(`gsc ${args.join(' ')} ended with ${result.code}: ${result.stderr}`);
}

/** What `--json` prints of a build or a signature. */
export interface Report {
  readonly image: string;
  readonly digest: string;
  readonly image_id: string;
  readonly outcome: 'written' | 'unchanged';
  readonly mr_enclave?: string;
}

/** Runs gsc with `--json`, which must end with 0. How long it took is left out. */
export async function reporting(
  gsc: Gsc,
  args: readonly string[],
  options: GscOptions = {},
): Promise<Report> {
  const { seconds: _, ...report } = JSON.parse((await succeeding(gsc, [...args, '--json'], options)).stdout);
  return report;
}

/** The stand-in runtime as an image in an OCI layout; gives the reference. */
export async function runtimeImage({ gsc, runtime }: Stage): Promise<string> {
  const layout = join(gsc.directory, 'runtime-image');
  mkdirSync(layout, { recursive: true });
  const tar = join(gsc.directory, 'runtime.tar');
  await runTool('tar', ['-C', runtime, '--owner=0', '--group=0', '--sort=name', '-cf', tar, '.']);
  await writeOciLayout(layout, [tar], { config: {}, compression: 'gzip' });
  return `oci:${layout}:latest`;
}

/** Closes what a file opened, after its tests. */
export function closingAfterwards(): (close: () => void | Promise<void>) => void {
  const all: (() => void | Promise<void>)[] = [];
  afterAll(async () => {
    for (const close of all.reverse()) await close();
  });
  return (close) => all.push(close);
}
