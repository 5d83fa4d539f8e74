import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseProfile } from '../../src/profile/profile-text.ts';
import { container, directly, type EngineStage, engineWith } from '../support/end-to-end/engine-stage.ts';
import { reporting, stageForTests, succeeding } from '../support/end-to-end/stage.ts';

vi.setConfig({ testTimeout: 600_000 });

const stage = stageForTests();
const at = (name: string) => join(stage().gsc.directory, name);
const script = (text: string) => ['--entrypoint', JSON.stringify(['/bin/sh', '-c', text])];
const trace = (image: string, ...more: readonly string[]) => [
  ...['trace', '--runtime', stage().runtime, '--network', 'none'],
  ...[image, ...more],
];

let used: EngineStage | undefined;

/** What an Engine has besides the app images; nothing of a trace may stay. */
async function leftIn({ engine }: EngineStage): Promise<readonly string[]> {
  const containers = await engine.docker('ps', '--all', '--quiet');
  const images = await engine.docker('images', '--format', '{{.Repository}}:{{.Tag}}');
  return [...containers.trim().split('\n'), ...images.trim().split('\n')].filter(
    (line) => line !== '' && (!line.includes(':') || /gsc-trace|<none>/.test(line)),
  );
}

afterEach(async () => {
  if (used) expect(await leftIn(used)).toEqual([]);
});

async function place(...args: Parameters<typeof engineWith>): Promise<EngineStage> {
  used = await engineWith(...args);
  return used;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('gsc trace', () => {
  test('writes what an application and its children open; a build trusts it, explain knows it, and it runs', async (context) => {
    const { gsc } = stage();
    const { engine, env } = await place(context, 'busybox');
    const profile = at('busybox.profile');
    const work = 'cat /etc/group >/dev/null; cd /etc; (cat passwd | wc -l); echo made >/tmp/made';
    const traced = await succeeding(gsc, trace('busybox:1', ...script(work), '-o', profile), { env });
    expect(traced.stdout).toBe(`${profile}\n`);
    expect(traced.stderr).toContain('ended with code 0\n');
    const { entries, header } = parseProfile(readFileSync(profile), profile);
    expect(header[0]).toBe('# gsc profile of docker.io/library/busybox:1');
    const patterns = entries.map(({ pattern }) => pattern);
    expect(patterns).toEqual(expect.arrayContaining(['/etc/group', '/etc/passwd']));
    expect(patterns).toEqual([...patterns].sort());
    expect(patterns.some((pattern) => /made|nowhere|^\/dev|^\/gramine/.test(pattern))).toBe(false);
    const build = ['--runtime', stage().runtime, ...script(work), '--profile', profile, 'busybox:1'];
    const report = await reporting(gsc, ['build', ...build, '-o', 'traced:1', '--force'], { env });
    expect(report).toMatchObject({
      profile: { traced: expect.arrayContaining(['/etc/passwd']), required: expect.any(Array) },
      start_costs: { traced: { trusted_files: expect.any(Number) }, full: {}, lean: {} },
    });
    const explained = await succeeding(
      gsc,
      ['explain', ...build, '/etc/group', '/bin/busybox', '/etc/nowhere'],
      { env },
    );
    expect(explained.stdout).toMatch(
      /^\/etc\/group: trusted\n {2}sha256 .*\n {2}traced +opened by busybox \(1\)$/m,
    );
    expect(await engine.docker(...directly, 'traced:1')).toBe(
      await engine.docker(...container, '--entrypoint', '/bin/sh', 'busybox:1', '-c', work),
    );
    await engine.docker('rmi', '--force', 'traced:1');
  });

  test('of an image without a shell, to stdout', async (context) => {
    const { gsc } = stage();
    const { env } = await place(context, 'scratch');
    const { code, stdout, stderr } = await gsc(trace('scratch:1', '--for', '20'), { env });
    // The program opens nothing but itself: that it was started is not in the log of a process.
    expect([code, stderr + stdout]).toEqual([
      expect.any(Number),
      expect.stringMatching(/# gsc profile of|names no file of the image/),
    ]);
  });

  test('asks a server until it answers, then stops it', async (context) => {
    const { gsc } = stage();
    const { env } = await place(context, 'busybox');
    const port = await freePort();
    const server = [
      '--entrypoint',
      JSON.stringify(['/bin/busybox', 'httpd', '-f', '-p', `127.0.0.1:${port}`, '-h', '/etc']),
    ];
    const { stdout, stderr } = await succeeding(
      gsc,
      [
        'trace',
        '--runtime',
        stage().runtime,
        '--network',
        'host',
        'busybox:1',
        ...server,
        '--http',
        `http://localhost:${port}/passwd`,
        '--for',
        '0',
        '--json',
      ],
      { env },
    );
    expect(stderr).toContain(`--http http://localhost:${port}/passwd: done\n`);
    expect(JSON.parse(stdout)).toMatchObject({
      profile: null,
      text: expect.stringContaining('\n/etc/passwd  # opened by busybox (1)\n'),
    });
  });

  test('runs commands of the machine, which learn of the container', async (context) => {
    const { gsc } = stage();
    const { env } = await place(context, 'busybox');
    const probe = `test "$(wc -c <${at('flag')})" -ge 3 || { printf x >>${at('flag')}; exit 1; }; test \${#GSC_CONTAINER} = 64 && test -n "$GSC_ADDRESS"`;
    writeFileSync(at('flag'), '');
    const args = trace('busybox:1', ...script('cat /etc/group; sleep 60'), '--probe', probe, '--for', '0');
    const { stdout } = await succeeding(gsc, args, { env });
    expect(readFileSync(at('flag'), 'utf8')).toBe('xxx');
    expect(stdout).toContain('/etc/group  # opened by ');
  });

  test('adds to a profile, keeps its comments, and overwrites none', async (context) => {
    const { gsc } = stage();
    const { env } = await place(context, 'busybox');
    const profile = at('grown.profile');
    writeFileSync(profile, '# ours\n\n# by hand\n/etc/hand  # note\n/etc/group  # opened by cat (2)\n');
    const refused = await gsc(trace('busybox:1', ...script('cat /etc/passwd'), '-o', profile), { env });
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/grown\.profile: the file exists already/),
    ]);
    const args = trace('busybox:1', ...script('cat /etc/passwd /etc/group'), '--add', profile);
    const { stderr } = await succeeding(gsc, args, { env });
    expect(stderr).toMatch(/ of them were not in .*grown\.profile yet\n|1 of them was not in/);
    const text = readFileSync(profile, 'utf8');
    expect(text).toMatch(/^# ours\n\n/);
    expect(text).toContain('# by hand\n/etc/hand  # note\n');
    expect(text).toContain('/etc/group  # opened by busybox (1), cat (2)\n');
    expect(text).toContain('/etc/passwd  # opened by busybox (1)\n');
  });

  test('a probe that fails is an error with the output of the application', async (context) => {
    const { gsc } = stage();
    const { env } = await place(context, 'busybox');
    const args = trace(
      'busybox:1',
      ...script('echo "out of order" >&2; exit 3'),
      '--probe',
      'echo no >&2; exit 4',
    );
    const { code, stdout, stderr } = await gsc(args, { env });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^gsc: --probe "echo no.*": it ended with 4: no; the application has ended with code 3\n/m,
    );
    expect(stderr).toMatch(/^ {2}\| out of order$/m);
  });

  test.each<[string, readonly string[], RegExp]>([
    ['a word as a URL', ['--http', 'localhost'], /--http: expected a URL, got "localhost"/],
    ['another protocol', ['--http', 'ftp://localhost/'], /--http: expected a URL/],
    ['a time that is none', ['--for', 'long'], /Expected a number of seconds/],
  ])('refuses %s before it runs anything', async (_name, more, message) => {
    const { code, stderr } = await stage().gsc(['trace', 'busybox:1', ...more]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  test('refuses a profile to add to that is not there, or is none', async () => {
    writeFileSync(at('none.profile'), 'hello\n');
    const missing = await stage().gsc(['trace', 'busybox:1', '--add', 'nowhere.profile']);
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringMatching(/nowhere\.profile: the profile cannot be read/),
    ]);
    const none = await stage().gsc(['trace', 'busybox:1', '--add', at('none.profile')]);
    expect([none.code, none.stderr]).toEqual([
      2,
      expect.stringMatching(/none\.profile:1: profile: expected a path/),
    ]);
  });
});
