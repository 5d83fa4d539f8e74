import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { engineForTest, imageForTest } from '../support/images/image-for-test.ts';
import { standinRuntime } from '../support/images/standin-runtime.ts';
import { hasTool } from '../support/tool.ts';

let gsc: GscHere;
let here: (name: string) => string;
beforeAll(async () => {
  gsc = gscInProcess();
  here = (name) => join(gsc.directory, name);
  writeRuntime(here('runtime'));
  await writeApp(here('app'), { run: { Volumes: { '/data': {} }, Env: ['A=image'] } });
  await writeApp(here('empty'), { run: { Cmd: [] } });
  writeFileSync(here('page'), 'page\n');
});

/** Builds the small app image with options; the result is `oci:out:NAME`. */
function build(name: string, ...options: readonly string[]) {
  return gsc(['build', '--runtime', 'runtime', '-o', `oci:out:${name}`, ...options]);
}

describe('gsc build', () => {
  test('takes the options together and says in JSON what came of them', async () => {
    const { code, stdout, stderr } = await build(
      'all',
      ...['--volume', '/data=encrypted:key', '--volume', '/cache=tmpfs', '--secret', 'token'],
      ...['--env', 'A=1', '--env', 'B', '--file', 'page:/var/www/page', '--preset', 'bash'],
      ...['--entrypoint', '["/app", "x y"]', '--cmd', 'z', '--json', 'oci:app:latest'],
    );
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      argv: ['/app', 'x y', 'z'],
      preset: { name: 'bash', settings: [{ key: 'sgx.enclave_size', value: '"512M"' }, {}] },
      insecure: [{ key: 'loader.env.B.passthrough' }, { key: 'sgx.allowed_files' }],
    });
    expect(stderr).toContain('warning: insecure: --secret token: ');
  });

  test('names the option that decides about a VOLUME', async () => {
    const { code, stderr } = await build('volume', 'oci:app:latest');
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /^warning: VOLUME \/data: .*--volume \/data=encrypted\[:KEYNAME\], =tmpfs or =allowed$/m,
    );
  });

  test('says whose value won over which', async () => {
    writeFileSync(here('m.toml'), 'loader.env.A = "mine"\nsgx.enclave_size = "2G"\n');
    const { code, stderr } = await build(
      'won',
      ...['--env', 'A=option', '--preset', 'python', 'oci:app:latest', 'm.toml'],
    );
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('overridden     loader.env.A: "mine" (your manifest) instead of "option"');
    expect(stderr).toContain('overridden     sgx.enclave_size: "2G" (your manifest) instead of "1G"');
    expect(stderr).toContain('    sgx.max_threads = 32: ');
  });

  test('an image that says nothing of its start is an error that names --entrypoint, which then helps', async () => {
    const { code, stderr } = await build('empty', 'oci:empty:latest');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/hint: .*--entrypoint/)]);
    expect((await build('empty', '--entrypoint', '/app', 'oci:empty:latest')).code).toBe(0);
  });

  test.each<[string, readonly string[]]>([
    ['a volume without a use', ['--volume', '/data']],
    ['two volumes at one place', ['--volume', '/a=tmpfs', '--volume', '/a/=allowed']],
    ['a volume at the place of a secret', ['--volume', '/run/secrets/a=tmpfs', '--secret', 'a']],
    ['a secret with a slash', ['--secret', 'a/b']],
    ['a variable without a name', ['--env', '=b']],
    ["a variable of the host's own loader", ['--env', 'LD_LIBRARY_PATH']],
    ['one variable twice', ['--env', 'A=1', '--env', 'A']],
    ['a file without a place', ['--file', 'page']],
    ['two files at one place', ['--file', 'page:/a', '--file', 'page:/a']],
    ['an empty path to leave out', ['--exclude', '']],
    ['an empty path to trust', ['--trust', '']],
    ['an unknown preset', ['--preset', 'cobol']],
    ['several words without JSON', ['--entrypoint', 'python3 app.py']],
  ])('%s is wrong usage (2), with a hint, and makes nothing', async (_, options) => {
    const { code, stderr } = await build('wrong', ...options, 'oci:app:latest');
    expect([code, stderr]).toEqual([2, expect.stringContaining('\nhint: ')]);
    expect(existsSync(here('out/index.json')) && readFileSync(here('out/index.json'), 'utf8')).not.toContain(
      'wrong',
    );
  });

  test('a file that is missing, a directory or a pipe is an error, not a wait', async () => {
    execFileSync('mkfifo', [here('pipe')]);
    for (const file of ['missing', '.', '/dev/null', 'pipe']) {
      const { code, stderr } = await build('file', '--file', `${file}:/x`, 'oci:app:latest');
      expect([code, stderr]).toEqual([1, expect.stringContaining('hint: ')]);
    }
  });

  test('patterns among the files of a manifest are refused with the directory to write', async () => {
    writeFileSync(here('glob.toml'), '\nsgx.trusted_files = ["file:/etc/*.conf"]\n');
    const { code, stderr } = await build('glob', 'oci:app:latest', 'glob.toml');
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/glob\.toml:2:\d+: .*pattern.*\nhint: .*"file:\/etc\/"/),
    ]);
  });
});

describe('gsc init', () => {
  test('writes a manifest that gsc build takes and manifest-check finds nothing old in', async () => {
    const { code, stderr } = await gsc(['init', 'oci:app:latest', '-o', 'made.toml']);
    expect(code, stderr).toBe(0);
    expect(readFileSync(here('made.toml'), 'utf8')).toContain('# VOLUME /data: ');
    expect((await build('init', 'oci:app:latest', 'made.toml')).code).toBe(0);
    const migrated = await gsc(['manifest-check', '--migrate', 'made.toml']);
    expect([migrated.code, migrated.stderr]).toEqual([0, expect.stringContaining('nothing to rewrite')]);
  });

  test('names the places that programs may want to write to, but none that is decided already', async () => {
    await writeApp(here('places'), {
      run: { Volumes: { '/var/lib/app': {} } },
      entries: [
        ['dev/stdout', { link: '/proc/self/fd/1' }],
        ['tmp/x', 'y'],
        ['var/lib/app/x', 'y'],
        ['var/log/app/x', 'y'],
      ],
    });
    const { stdout } = await gsc(['init', 'oci:places:latest']);
    expect(stdout).toContain(
      '  # /var/log/app: a log directory\n  # { type = "tmpfs", path = "/var/log/app" },\n',
    );
    expect(stdout.match(/^ {2}# (\/|VOLUME)[^:]*/gm)).toEqual([
      '  # VOLUME /var/lib/app',
      '  # /var/log/app',
    ]);
  });

  test('never overwrites a file', async () => {
    writeFileSync(here('there.toml'), 'mine');
    const { code, stderr } = await gsc(['init', 'oci:app:latest', '-o', 'there.toml']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('there.toml')]);
    expect(readFileSync(here('there.toml'), 'utf8')).toBe('mine');
  });

  test('prints it on standard output, or in JSON with the name of the preset', async () => {
    const plain = await gsc(['init', 'oci:app:latest', '--preset', 'java']);
    expect(plain.stdout).toContain('sgx.enclave_size = "8G"\n');
    const json = JSON.parse((await gsc(['init', 'oci:app:latest', '--preset', 'java', '--json'])).stdout);
    expect(json).toEqual({ manifest: plain.stdout, preset: 'java' });
  });

  test('helps with an image that says nothing of its start, and refuses one that is graminized', async () => {
    expect((await gsc(['init', 'oci:empty:latest'])).stderr).toMatch(/hint: .*--entrypoint/);
    expect((await gsc(['init', 'oci:empty:latest', '--entrypoint', '/app'])).code).toBe(0);
    expect((await build('again', 'oci:app:latest')).code).toBe(0);
    expect((await gsc(['init', 'oci:out:again'])).stderr).toContain('expected an app image');
  });
});

describe.each([
  ['gsc migrate-manifest', ['migrate-manifest']],
  ['gsc manifest-check --migrate', ['manifest-check', '--migrate']],
])('%s', (_, command) => {
  const old = '# mine\nsgx.thread_num = 8\nsgx.wat = 1\n';

  test('prints the new manifest, says each change, the loss of comments and what is left (1)', async () => {
    const { code, stdout, stderr } = await gsc(command, { input: old });
    expect(code).toBe(1);
    expect(stdout).toBe('[sgx]\nwat = 1\nmax_threads = 8\n');
    expect(stderr).toContain('standard input: sgx.thread_num: became sgx.max_threads\n');
    expect(stderr).toContain('warning: standard input:3:5: sgx.wat: not a key');
    expect(stderr).toContain('warning: comments are not kept');
  });

  test('writes a new file, never one that is there', async () => {
    writeFileSync(here('old.toml'), 'sgx.thread_num = 8');
    const made = `${command.join('')}.toml`;
    const args = [...command, 'old.toml', '-o', made];
    expect(await gsc(args)).toMatchObject({ code: 0, stdout: '' });
    expect(readFileSync(here(made), 'utf8')).toBe('[sgx]\nmax_threads = 8\n');
    expect((await gsc(args)).code).toBe(1);
  });

  test('reads a Graphene manifest from before TOML, and says in comments what Gramine has nothing for', async () => {
    const input = [
      '# mine',
      'loader.exec = file:/usr/bin/app',
      'sgx.enclave_size = 1G',
      'sgx.thread_num = 8',
      'sgx.static_address = 1',
      'sgx.allow_file_creation = 1',
      'net.port.rebase_on_lo = 1',
      'sgx.trusted_files.a = file:/a',
      'fs.mount.lib.type = chroot',
      'fs.mount.lib.path = /lib',
      'fs.mount.lib.uri = file:/usr/lib',
      'loader.env.X = a "b"',
      '',
    ].join('\n');
    const { code, stdout, stderr } = await gsc(command, { input });
    expect(code).toBe(0);
    expect(stderr).toContain('comments are not kept');
    expect(stdout).toBe(
      `# Without an equivalent in Gramine 1.9:
#   sgx.static_address = true: the address is always fixed
#   sgx.allow_file_creation = true: files are made where sgx.allowed_files has them or a mount is writable
#   net.port: ports are those of the host

[loader.env]
X = 'a "b"'

[sgx]
enclave_size = "1G"
trusted_files = [
    "file:/a",
]
max_threads = 8

[fs]
mounts = [
    { type = "chroot", path = "/lib", uri = "file:/usr/lib" },
]

[libos]
entrypoint = "/usr/bin/app"
`.replace(`'a "b"'`, '"a \\"b\\""'),
    );
    expect(await gsc(['manifest-check', '--for', 'build'], { input: stdout })).toMatchObject({ code: 0 });
  });

  test.each([
    ['a key with another character', 'sgx.trusted_files.a-b = file:/a\n', /:1:1: expected KEY = VALUE/],
    ['a key that stands twice', 'sgx.debug = no\nsgx.debug = yes\n', /:2:1: sgx\.debug is set already/],
    ['a key below a value', 'loader.exec = file:/a\nloader.exec.b = c\n', /:2:1: loader\.exec\.b is set/],
    ['a value that is too long', `loader.exec = file:/${'a'.repeat(4095)}\n`, /at most 4095 bytes/],
  ])('names the place of %s in such a manifest', async (_, input, message) => {
    expect(await gsc(command, { input })).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(message),
    });
  });

  test('in JSON has the manifest, the changes and what is left', async () => {
    const { stdout } = await gsc([...command, '--json'], { input: old });
    expect(JSON.parse(stdout)).toMatchObject({
      manifest: expect.stringContaining('max_threads = 8'),
      changes: [{ key: 'sgx.thread_num' }],
      left: [{ key: 'sgx.wat', line: 3 }],
    });
  });
});

test('gsc manifest-check writes nothing without --migrate, and names the command where it would help', async () => {
  writeFileSync(here('older.toml'), 'sgx.thread_num = 8');
  expect(await gsc(['manifest-check', 'older.toml', '-o', 'x'])).toMatchObject({ code: 2 });
  const check = (...more: readonly string[]) => gsc(['manifest-check', ...more, 'older.toml']);
  expect((await check()).stderr).toContain('gsc migrate-manifest rewrites older.toml');
  expect((await check('--for', 'complete')).stderr).toContain('gsc migrate-manifest rewrites');
  const other = await gsc(['manifest-check'], { input: 'sgx.wat = 1' });
  expect(other).toMatchObject({ code: 1, stderr: expect.not.stringContaining('migrate') });
});

/** Images are loaded by a tool that is not gsc. */
function needSkopeo(context: TestContext): void {
  if (hasTool('skopeo')) return;
  if (process.env.CI) throw new Error('this test needs skopeo');
  process.stderr.write(`SKIPPED: ${context.task.name}: skopeo is not installed\n`);
  context.skip('skopeo is not installed');
}

describe('in a container', () => {
  const direct = ['run', '--rm', '--security-opt', 'seccomp=unconfined', '-e', 'GRAMINE_MODE=direct'];

  test('added files, variables, a secret, an allowed volume and another command arrive', async (context) => {
    const [engine, app] = [await engineForTest(context), await imageForTest(context, 'busybox')];
    needSkopeo(context);
    const { root } = await standinRuntime();
    writeFileSync(
      here('run.sh'),
      '#!/bin/sh\necho "$0 $1 $A $HOSTS"; cat /run/secrets/token /etc/page /srv/in/x\n',
    );
    chmodSync(here('run.sh'), 0o755);
    writeFileSync(here('token'), 'secret\n');
    writeFileSync(here('x'), 'volume\n');
    const built = await gsc([
      ...['build', '--runtime', root, '-o', 'oci:out:run', app.reference],
      ...['--file', 'run.sh:/opt/run.sh', '--file', 'page:/etc/page', '--entrypoint', '/opt/run.sh'],
      ...['--cmd', '["two words"]', '--env', 'A=1', '--env', 'HOSTS', '--secret', 'token'],
      ...['--volume', '/srv/in=allowed'],
    ]);
    expect(built.code, built.stderr).toBe(0);
    await engine.load(`oci:${here('out')}:run`, 'options:run');
    const mounts = ['-v', `${here('token')}:/run/secrets/token:ro`, '-v', `${here('x')}:/srv/in/x`];
    const environment = ['-e', 'HOSTS=mine', '-e', 'A=other', '-e', 'GSC_STANDIN_VERIFY=all'];
    const printed = await engine.docker(...direct, ...mounts, ...environment, 'options:run');
    expect(printed).toBe('/opt/run.sh two words 1 mine\nsecret\npage\nvolume\n');
  });

  test('with insecure arguments, --cmd is what docker run replaces', async (context) => {
    const [engine, app] = [await engineForTest(context), await imageForTest(context, 'scratch')];
    needSkopeo(context);
    const { root } = await standinRuntime();
    const options = ['--insecure-args', '--entrypoint', '["/hello", "fixed"]', '--cmd', '["a", "b c"]'];
    const built = await gsc(['build', '--runtime', root, '-o', 'oci:out:args', ...options, app.reference]);
    expect(built.code, built.stderr).toBe(0);
    await engine.load(`oci:${here('out')}:args`, 'options:args');
    const loader = ['--entrypoint', '/gramine/runtime/direct/loader', 'options:args'];
    const { Entrypoint, Cmd } = JSON.parse(
      await engine.docker('inspect', '--format', '{{json .Config}}', 'options:args'),
    );
    const fixed = ['/gramine/runtime/direct/libpal.so', ...Entrypoint.slice(2)];
    expect(await engine.docker(...direct, ...loader, ...fixed, ...Cmd)).toContain(
      'argument 1: fixed\nargument 2: a\nargument 3: b c\n',
    );
    expect(await engine.docker(...direct, ...loader, ...fixed, 'new')).toMatch(
      /argument 1: fixed\nargument 2: new\n$/,
    );
  });
});
