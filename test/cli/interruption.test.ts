import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundledGsc, type Gsc, type GscResult, gscInScratch } from '../support/cli/gsc.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { noise } from '../support/store/sample.ts';
import { hasTool, testWithTool } from '../support/tool.ts';

let gsc: Gsc;
let digest: string;
/** How long a whole build takes here now, milliseconds. */
let wholeMilliseconds: number;
const at = (...path: readonly string[]) => join(gsc.directory, ...path);
const build = (output: string) => [
  'build',
  '--no-cache',
  '--runtime',
  'runtime',
  '-o',
  output,
  'oci:app:latest',
];

beforeAll(async () => {
  gsc = await gscInScratch();
  writeRuntime(at('runtime'));
  const entries = Array.from({ length: 20 }, (_, i) => [`data/${i}`, noise(`${i}`, 1_000_000)] as const);
  await writeApp(at('app'), { entries });
  await gsc(build('oci:warm'));
  const start = performance.now();
  const { stdout } = await gsc(build('oci:whole'));
  wholeMilliseconds = performance.now() - start;
  digest = stdout.trim().split('@')[1] ?? '';
});

/** When the signal comes, in parts of the time that a build takes. */
const moments = {
  SIGKILL: [0.4, 0.75, 0.95],
  SIGINT: [0.5, 0.8],
  SIGTERM: [0.8],
} as const;

describe.each(['oci', 'oci-archive', 'docker-archive'])('%s', (kind) => {
  // A second signal of the same way is tried on one kind only: it takes time.
  const signals =
    kind === 'oci' ? (['SIGKILL', 'SIGINT', 'SIGTERM'] as const) : (['SIGKILL', 'SIGINT'] as const);
  test.each(signals)(
    '%s at any moment leaves nothing half-written, and the next build works',
    async (signal) => {
      for (const moment of moments[signal]) {
        const file = `${kind}-${signal}-${moment}`;
        const afterMilliseconds = wholeMilliseconds * moment;
        const result = await gsc(build(`${kind}:${file}`), { killedBy: { signal, afterMilliseconds } });
        if (signal !== 'SIGKILL' && result.code !== 0) expectCleanEnd(result, kind, file);
        const isThere = hasImage(kind, file);
        const next = await gsc(build(`${kind}:${file}`));
        expect(next.code, next.stderr).toBe(0);
        expect(next.stderr.includes('exists already, with the same content')).toBe(isThere);
        if (kind === 'oci') expect(next.stdout).toContain(digest);
        expect(leftOf(file)).toEqual([file]);
      }
    },
    120_000,
  );

  test('an image that was there survives a kill while it is replaced', async () => {
    const reference = `${kind}:${kind}-kept`;
    const first = await gsc(build(reference));
    writeFileSync(at('more.manifest'), 'sgx.max_threads = 7\n');
    for (const moment of [0.7, 0.95]) {
      const killedBy = { signal: 'SIGKILL', afterMilliseconds: wholeMilliseconds * moment } as const;
      const killed = await gsc([...build(reference), '--force', 'more.manifest'], { killedBy });
      const again = await gsc([...build(reference), '-q', '--force']);
      expect(again).toMatchObject({ code: 0, stdout: first.stdout });
      if (killed.code !== 0) expect(leftOf(`${kind}-kept`)).toEqual([`${kind}-kept`]);
    }
  });
});

/** True if there is something under the image's name: then it must be the whole image. */
function hasImage(kind: string, file: string): boolean {
  if (kind !== 'oci') return existsSync(at(file));
  const index = at(file, 'index.json');
  return existsSync(index) && JSON.parse(readFileSync(index, 'utf8')).manifests.length > 0;
}

/**
 * The command said so, and nothing is left but a whole image, if the signal came when that was done already; before Node
 * has read its first line, and after its last, a signal ends it as any program.
 */
function expectCleanEnd({ code, stderr }: GscResult, kind: string, file: string): void {
  expect([130, null]).toContain(code);
  if (code === 130) expect(stderr).toContain('gsc: interrupted; partial output was removed\n');
  expect(leftOf(file)).toEqual(hasImage(kind, file) ? [file] : []);
}

/** What is in the directory under this name, finished or not. */
function leftOf(name: string): readonly string[] {
  return readdirSync(gsc.directory).filter((file) => file.includes(name));
}

describe('other commands', () => {
  test('reading standard input end at the first Ctrl-C', async () => {
    const script = 'node "$0" manifest-check <"$1" & pid=$!; sleep 1; kill -INT $pid; wait $pid; echo $?';
    execFileSync('mkfifo', [at('fifo')]);
    const holder = `exec 9<>"$1"; ${script}`;
    const output = execFileSync('bash', ['-mc', holder, await bundledGsc(), at('fifo')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 120_000,
    });
    expect(output.trim()).toBe('130');
  });

  test('leave no key behind that is not whole', async () => {
    for (const moment of [0.2, 0.4, 0.6, 0.8, 1]) {
      const afterMilliseconds = 600 * moment;
      const file = `key-${moment}.pem`;
      await gsc(['gen-private-key', file], { killedBy: { signal: 'SIGKILL', afterMilliseconds } });
      if (!existsSync(at(file))) continue;
      expect(readFileSync(at(file), 'utf8')).toMatch(/-----END RSA PRIVATE KEY-----\n$/);
      expect(statSync(at(file)).mode & 0o777).toBe(0o600);
    }
  });
});

describe('on a terminal', () => {
  const onTerminal = (command: string) =>
    execFileSync('script', ['-qec', command, '/dev/null'], {
      cwd: gsc.directory,
      encoding: 'utf8',
      env: { ...process.env, HOME: at('home'), NO_COLOR: '', CI: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  testWithTool('script', 'progress is one line that goes away', async () => {
    const output = onTerminal(`node '${await bundledGsc()}' ${build('oci:terminal').join(' ')}`);
    expect(output).toContain('reading layer 1 of 1');
    const shown = output.split('\r\n').map((line) => line.split('\r\u001b[K').at(-1));
    expect(shown.filter((line) => line?.includes('reading layer'))).toEqual([]);
    expect(hasTool('script')).toBe(true);
  });
});
