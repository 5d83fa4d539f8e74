import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type Gsc, gscInScratch } from '../support/cli/gsc.ts';
import type { TestEngine } from '../support/images/engine.ts';
import { engineForTest, imageForTest } from '../support/images/image-for-test.ts';
import type { ImageName } from '../support/images/make-image.ts';
import { ToolFailure } from '../support/images/run-tool.ts';
import { standinRuntime } from '../support/images/standin-runtime.ts';
import { testKey } from '../support/signature/test-key.ts';
import { hasTool } from '../support/tool.ts';

// A Debian system is fetched at the first time.
vi.setConfig({ testTimeout: 600_000 });

let gsc: Gsc;
let runtime: string;

beforeAll(async () => {
  gsc = await gscInScratch();
  if (hasTool('cc')) runtime = (await standinRuntime()).root;
  copyFileSync(await testKey(), join(gsc.directory, 'key.pem'));
});

const container = ['run', '--rm', '--network=none', '--security-opt=seccomp=unconfined'];
/** The stand-in's direct loader checks every trusted file before it starts the program. */
const directly = [...container, '-e', 'GRAMINE_MODE=direct', '-e', 'GSC_STANDIN_VERIFY=all'];
const withoutShell = ['--entrypoint', '/gramine/runtime/direct/loader'];
const loaderArguments = ['/gramine/runtime/direct/libpal.so', 'init', '/gramine/app_files/entrypoint'];

/** Images whose arguments are fixed, and how they start without a shell. */
const fixed: readonly (readonly [ImageName, hasShell: boolean])[] = [
  ['scratch', false],
  ['musl', false],
  ['debian-python', true],
];

/**
 * Images that wait for input: here they get other arguments, which only --insecure-args lets through. `program` is what
 * `docker run` of the app image wants besides: that has no ENTRYPOINT, and inside the program is fixed.
 */
const open: readonly (readonly [ImageName, program: readonly string[], words: readonly string[]])[] = [
  ['busybox', ['sh'], ['-c', 'echo "$HOME" $(id -u); cat /srv/www/index.html']],
  ['node', [], ['-e', 'console.log(process.getuid(), process.cwd(), JSON.stringify(process.env.GREETING))']],
];

const canRun = hasTool('cc') || process.env.CI !== undefined;
if (!canRun) process.stderr.write('SKIPPED: graminized images in an Engine need cc\n');

describe.skipIf(!canRun)('in a real Engine', () => {
  for (const [name, hasShell] of fixed) {
    test(`the graminized ${name} image prints what the app prints, whatever arguments it is given`, async (context) => {
      const engine = await engineForTest(context);
      const expected = await outputOfApp(engine, context, name, []);
      await buildAndLoad(engine, context, name, []);
      const start = hasShell ? [] : withoutShell;
      const rest = hasShell ? ['ignored', 'words'] : loaderArguments;
      expect(await engine.docker(...directly, ...start, `test/gsc-${name}:1`, ...rest)).toBe(expected);
    });
  }

  for (const [name, program, words] of open) {
    test(`the graminized ${name} image with --insecure-args passes arguments on`, async (context) => {
      const engine = await engineForTest(context);
      const expected = await outputOfApp(engine, context, name, [...program, ...words]);
      await buildAndLoad(engine, context, name, ['--insecure-args']);
      expect(await engine.docker(...directly, `test/gsc-${name}:1`, ...words)).toBe(expected);
    });
  }

  test('a signed image starts the SGX loader by default, which ends with 254 where there is no SGX', async (context) => {
    const engine = await engineForTest(context);
    for (const name of ['scratch', 'busybox'] as const) {
      await buildAndLoad(engine, context, name, ['--key', 'key.pem', '--force']);
      const failure = await engine
        .docker(...container, `test/gsc-${name}:1`)
        .catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(ToolFailure);
      expect((failure as ToolFailure).message).toContain('ended with 254');
    }
  });

  test('an unknown GRAMINE_MODE ends with 1 and names the modes', async (context) => {
    const engine = await engineForTest(context);
    await buildAndLoad(engine, context, 'busybox', ['--force']);
    const run = [...container, '-e', 'GRAMINE_MODE=fast', 'test/gsc-busybox:1'];
    const failure = (await engine.docker(...run).catch((error: unknown) => error)) as ToolFailure;
    expect(failure.message).toContain('ended with 1');
    expect(failure.stderr).toContain('expected sgx or direct');
  });

  test('a changed trusted file is found by the loader', async (context) => {
    const engine = await engineForTest(context);
    await buildAndLoad(engine, context, 'debian-python', []);
    const change = ['-v', '/etc/hostname:/app/main.py:ro', 'test/gsc-debian-python:1'];
    const failure = (await engine
      .docker(...directly, ...change)
      .catch((error: unknown) => error)) as ToolFailure;
    expect(failure.stderr).toContain('/app/main.py');
  });
});

type Context = Parameters<typeof engineForTest>[0];

async function outputOfApp(
  engine: TestEngine,
  context: Context,
  name: ImageName,
  words: readonly string[],
): Promise<string> {
  const app = await imageForTest(context, name);
  await engine.load(app.reference, `test/${name}:1`);
  return engine.docker(...container, `test/${name}:1`, ...words);
}

/** Builds into an archive, as a user would without an Engine at hand, and loads that. */
async function buildAndLoad(
  engine: TestEngine,
  context: Context,
  name: ImageName,
  more: readonly string[],
): Promise<void> {
  const app = await imageForTest(context, name);
  const file = join(gsc.directory, `${name}${more.join('')}.tar`.replaceAll('-', ''));
  if (!existsSync(file)) {
    const output = ['-o', `docker-archive:${file}:test/gsc-${name}:1`];
    const result = await gsc(['build', '--runtime', runtime, ...more, ...output, app.reference]);
    expect(result.code, result.stderr).toBe(0);
  }
  expect(await engine.docker('load', '-i', file)).toContain(`Loaded image: test/gsc-${name}:1`);
}
