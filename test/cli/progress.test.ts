import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundledGsc, type Gsc, gscInScratch } from '../support/cli/gsc.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { imageOf, layerOf, startDouble, stock } from '../support/store/registry/fixture.ts';
import { testWithTool } from '../support/tool.ts';

let gsc: Gsc;
let bundle: string;
const at = (name: string) => join(gsc.directory, name);
const build = (output: string, app = 'oci:app:latest') =>
  `build --no-cache --runtime runtime -o oci:${output} ${app}`;

beforeAll(async () => {
  [gsc, bundle] = [await gscInScratch(), await bundledGsc()];
  writeRuntime(at('runtime'));
  await writeApp(at('app'));
});

interface Terminal {
  readonly environment?: Record<string, string>;
  readonly columns?: number;
  /** What is typed once this can be seen. */
  readonly typed?: { readonly after: string; readonly text: string };
}

/** Runs gsc on its own terminal and gives what it wrote to it. */
function onTerminal(words: string, { environment, columns = 80, typed }: Terminal = {}) {
  const command = `stty cols ${columns}; exec node '${bundle}' ${words}`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: gsc.directory,
    env: { PATH: process.env.PATH, HOME: at('home'), NO_COLOR: '1', TERM: 'xterm', ...environment },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let output = '';
  let isTyped = false;
  child.stdout.on('data', (piece: Buffer) => {
    output += piece;
    if (!typed || isTyped || !output.includes(typed.after)) return;
    isTyped = true;
    child.stdin.write(typed.text);
  });
  return new Promise<{ readonly output: string; readonly code: number | null }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ output, code }));
  });
}

const erase = '\r\u001b[K\u001b[J';

/** What stays of each row once all is over. */
function left(output: string): readonly string[] {
  return output.split('\r\n').map((line) => line.split(erase).at(-1) ?? '');
}

describe('on a terminal', () => {
  testWithTool('script', 'progress is one line that goes away', async () => {
    const { output, code } = await onTerminal(build('whole'));
    expect(code).toBe(0);
    expect(output).toContain('reading layer 1 of 1');
    expect(left(output).filter((line) => line.includes('reading layer'))).toEqual([]);
  });

  testWithTool('script', 'the line fits where that is narrow', async () => {
    const { output } = await onTerminal(build('narrow'), { columns: 14 });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the line is between these two
    const drawn = [...output.matchAll(/\u001b\[\?7l(.*?)\u001b\[\?7h/g)].map(([, line]) => line ?? '');
    expect(drawn.length).toBeGreaterThan(0);
    for (const line of drawn) expect(line.length).toBeLessThan(14);
  });

  testWithTool('script', 'Ctrl-C in the middle of a download removes the line', async () => {
    const double = await startDouble();
    await stock(double, 'app', '1', imageOf([layerOf('stalls', 100_000)]));
    double.fail('GET', /blobs/, { kind: 'stall-download', bytes: 50_000 }, 9);
    const typed = { after: 'reading layer 1 of 1', text: '\u0003' };
    const { output, code } = await onTerminal(build('stopped', `docker://${double.domain}/app:1`), { typed });
    expect(code).toBe(130);
    expect(
      left(output)
        .filter((line) => line !== '')
        .at(-1),
    ).toBe('gsc: interrupted; partial output was removed');
    expect(output).not.toContain('\u001b[?25l');
    expect(output.lastIndexOf('\u001b[?7h')).toBeGreaterThan(output.lastIndexOf('\u001b[?7l'));
  });

  testWithTool('script', 'CI and --progress none show no line', async () => {
    for (const [words, environment] of [
      [build('ci'), { CI: '1' }],
      [`${build('none')} --progress none`, {}],
    ] as const) {
      const { output } = await onTerminal(words, { environment });
      expect(output).toContain('trusted files');
      expect(output).not.toContain('\u001b');
    }
  });
});

describe('in a pipe', () => {
  test('each line of --progress json is an object, the error too, and stdout is as ever', async () => {
    const good = await gsc(['--progress', 'json', ...build('json').split(' ')]);
    const events = good.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).event);
    expect(good.code, good.stderr).toBe(0);
    expect(new Set(events)).toEqual(new Set(['begin', 'progress', 'end', 'step', 'message']));
    expect(good.stdout).toMatch(/^oci:json@sha256:[0-9a-f]{64}\n$/);
    const bad = await gsc(['build', '--progress=json', '--runtime', 'runtime', 'oci:missing']);
    expect(bad.code).toBe(1);
    expect(
      bad.stderr
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
        .at(-1),
    ).toMatchObject({
      event: 'error',
      code: 'not-found',
      hint: expect.any(String),
    });
  });

  test('--progress plain says each step, and there is no escape sequence', async () => {
    const { stderr } = await gsc([...build('plain').split(' '), '--progress', 'plain']);
    expect(stderr).toMatch(/^reading oci:app:latest: 1 layer, [\d.]+ k?B$/m);
    expect(stderr).toMatch(/^storing oci:plain: 3 layers, [\d.]+ k?B$/m);
    expect(stderr).not.toContain('\u001b');
  });

  test('CLICOLOR_FORCE colours it, NO_COLOR does not', async () => {
    const words = [...build('forced').split(' '), '--force', '--env', 'A=1', '--insecure-args'];
    const forced = await gsc(words, { env: { CLICOLOR_FORCE: '1' } });
    expect(forced.stderr).toContain('\u001b[33mwarning\u001b[39m');
    const plain = await gsc(words, { env: { CLICOLOR_FORCE: '1', NO_COLOR: '1' } });
    expect(plain.stderr).toMatch(/^warning: /m);
  });

  test.each(['fast', '', 'JSON'])('--progress %s is refused', async (how) => {
    const { code, stderr } = await gsc(['build', `--progress=${how}`, 'oci:app']);
    expect(code).toBe(2);
    expect(stderr).toContain('auto, plain, none, json');
  });
});
