import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { readTrace } from '../../src/trace/opened-names.ts';
import { asToml, canRunStandin, useWorld } from '../support/standin/world.ts';

const world = useWorld();

/** Runs a script of busybox's shell, traced, and gives what the log says was opened. */
async function traced(script: string, more = '') {
  const log = join(world().directory, 'log');
  world().manifest(
    `loader.argv = ${asToml(['busybox', 'sh', '-c', script])}
loader.log_level = "trace"
loader.log_file = "${log}"
fs.start_dir = "/"
${more}`,
  );
  const outcome = world().run();
  const trace = await readTrace(createReadStream(log), { startDirectory: imagePath(world().directory) });
  return { outcome, trace, text: readFileSync(log, 'latin1') };
}

describe.skipIf(!canRunStandin)('with loader.log_level trace and a loader.log_file', () => {
  test('what the program and its children open is in the log, in the form of Gramine; the exit code passes', async () => {
    world().write('data/one', '1');
    world().write('data/two', '2');
    const { outcome, trace, text } = await traced(
      'read x <data/one; cd data; (read y <two; /bin/busybox cat /nowhere ); echo done >made; exit 7',
    );
    expect(outcome.code).toBe(7);
    const directory = world().directory;
    const opened = trace.opened.map(({ path }) => path);
    expect(opened).toContain(`${directory}/data/one`);
    expect(opened).toContain(`${directory}/data/two`);
    expect(opened.some((path) => path.includes('nowhere'))).toBe(false);
    expect(trace.written).toEqual([`${directory}/data/made`]);
    expect(trace.processCount).toBeGreaterThan(1);
    const form = /^\(libos_parser\.c:\d+:buf_write_all\) \[P\d+:T\d+:[\w.-]+\] trace: /;
    for (const line of text.trimEnd().split('\n')) expect(line).toMatch(form);
  });

  test('programs that are started are in it, and speak under their own names', async () => {
    const { trace } = await traced('/bin/busybox true; /bin/busybox cat /etc/passwd >/dev/null');
    const program = trace.opened.find(({ path }) => path === '/bin/busybox');
    expect(
      [...(program?.byProgram.values() ?? [])].reduce((sum, count) => sum + count, 0),
    ).toBeGreaterThanOrEqual(1);
  });

  test('long names come in pieces, and a signal reaches the program', async () => {
    const name = `data/${'d'.repeat(200)}/${'e'.repeat(200)}`;
    world().write(name, 'x');
    const { outcome, trace, text } = await traced(
      `read x <${name}; trap "exit 5" TERM; kill -TERM $PPID; sleep 5 & wait`,
      'sys.enable_sigterm_injection = true',
    );
    expect(trace.opened.map(({ path }) => path)).toContain(`${world().directory}/${name}`);
    expect(text).not.toContain('e'.repeat(200));
    expect(outcome.code).toBe(5);
  });

  test.each([
    ['another level', 'loader.log_level = "debug"'],
    ['no file', ''],
  ])('nothing is traced with %s', (_name, line) => {
    world().manifest(`loader.argv = ["busybox", "true"]\n${line}`);
    expect(world().run().code).toBe(0);
  });
});
