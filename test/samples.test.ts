import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { bundledGsc } from './support/cli/gsc.ts';
import { testCache } from './support/images/cache.ts';
import { engineForTest } from './support/images/image-for-test.ts';
import { runTool, ToolFailure } from './support/images/run-tool.ts';
import { standinRuntime } from './support/images/standin-runtime.ts';
import { testKey } from './support/signature/test-key.ts';
import { hasTool } from './support/tool.ts';

// The root of the Debian samples is made by the first that needs it.
vi.setConfig({ testTimeout: 600_000 });

const samples = readdirSync('samples').filter((name) =>
  readdirSync(`samples/${name}`).includes('Dockerfile'),
);
const tools = ['cc', 'musl-gcc', 'busybox', 'mmdebstrap'];

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'samples-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

test('there is a sample of every kind that was promised', () => {
  expect(samples.sort()).toEqual(
    ['bash', 'hello-world', 'java', 'musl', 'nginx', 'node', 'python', 'redis', 'static'].sort(),
  );
});

test.for(samples)('the sample %s does what it should, outside and in direct mode', async (name, context) => {
  const missing = tools.filter((tool) => !hasTool(tool));
  if (missing.length > 0) return giveUp(context, `not installed: ${missing.join(', ')}`);
  const engine = await engineForTest(context);
  const gsc = await bundledGsc();
  const env = {
    DOCKER: '/usr/bin/docker',
    DOCKER_HOST: engine.host,
    GSC: `'${process.execPath}' '${gsc}'`,
    GSC_SAMPLES: join(testCache(), 'samples'),
    // The cache of layer indexes is the tests' own.
    HOME: home,
    XDG_CACHE_HOME: join(home, 'cache'),
  };
  try {
    const { root } = await standinRuntime();
    const given = ['--runtime', root, '--key', await testKey()];
    const said = await runTool('scripts/samples.sh', [...given, name], { env });
    expect(said).toContain(`${name}: outside, as expected\n`);
    expect(said).toContain(`${name}: in direct mode, as expected\n`);
  } catch (error) {
    const isOffline =
      error instanceof ToolFailure && /apt-get update .*failed|Failed to fetch/.test(error.stderr);
    if (isOffline) return giveUp(context, 'no package mirror can be reached');
    throw error;
  }
});

function giveUp(context: { readonly skip: (reason: string) => void }, reason: string): void {
  if (process.env.CI) throw new Error(reason);
  process.stderr.write(`SKIPPED: samples: ${reason}\n`);
  context.skip(reason);
}
