import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundledGsc, type Gsc, gscInScratch, runProcess } from '../support/cli/gsc.ts';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';

let gsc: GscHere;
/** The same as a process, for what is about that. */
let asProcess: Gsc;
beforeAll(async () => {
  gsc = gscInProcess();
  asProcess = await gscInScratch();
  writeRuntime(join(gsc.directory, 'runtime'));
  await writeApp(join(gsc.directory, 'app'));
});

const commands = [
  'build',
  'sign-image',
  'info-image',
  'gen-private-key',
  'sgx-sign',
  'sigstruct-view',
  'manifest-check',
];

describe('help and version', () => {
  test('go to stdout and end with 0', async () => {
    for (const args of [['--help'], ['-h'], ['help']]) {
      const { code, stdout, stderr } = await asProcess(args);
      expect([code, stderr]).toEqual([0, '']);
      for (const command of commands) expect(stdout).toContain(`  ${command} `);
    }
    expect(await asProcess(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });

  test.each(commands)('of %s are there in both forms', async (command) => {
    const [short, long] = [await gsc(['help', command]), await gsc([command, '--help'])];
    expect(short).toEqual(long);
    expect(long).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining(`Usage: gsc ${command}`),
    });
    expect(long.stdout).not.toContain('default: []');
  });

  test('of gsc alone go to stderr and end with 2', async () => {
    expect(await asProcess([])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('Usage: gsc'),
    });
  });
});

describe('wrong usage', () => {
  test.each<[string, readonly string[], RegExp]>([
    ['an unknown command', ['bild', 'x'], /unknown command 'bild'\nhint: did you mean build\?/],
    [
      'an unknown option',
      ['build', '--forse', 'oci:x'],
      /unknown option '--forse'\nhint: did you mean --force\?/,
    ],
    ['a missing argument', ['build'], /missing required argument 'IMAGE'\nhint: gsc build --help/],
    ['a missing value', ['build', 'oci:x', '--runtime'], /argument missing/],
    ['too many arguments', ['info-image', 'a', 'b'], /too many arguments/],
    [
      'a value that is no choice',
      ['build', '--libc', 'uclibc', 'oci:x'],
      /--libc: expected one of auto, runtime, image, got "uclibc"\nhint: choose one of these/,
    ],
    ['a misspelt preset', ['build', '--preset', 'pyton', 'oci:x'], /hint: did you mean python\?/],
    ['a misspelt preset of init', ['init', '--preset', 'Rediss', 'oci:x'], /hint: did you mean redis\?/],
    ['a misspelt level', ['build', '--trust-level', 'lena', 'oci:x'], /hint: did you mean lean\?/],
    ['a misspelt build type', ['build-gramine', '-b', 'relase', 'x'], /hint: did you mean release\?/],
    ['a misspelt format', ['sigstruct-view', '--output-format', 'tolm', 'x'], /hint: did you mean toml\?/],
    ['a misspelt action', ['cache', 'prone'], /ACTION: .*\nhint: did you mean prune\?/],
    ['a release before 1.4', ['build', '--runtime-version', '1.3', 'oci:x'], /1\.4/],
    ['a day that never was', ['build', '--date', '2023-02-29', 'oci:x'], /--date: expected a day/],
    ['a reference without a path', ['build', '--runtime', 'runtime', 'oci:'], /oci:/],
    ['a path in place of a reference', ['build', '--runtime', 'runtime', './app'], /oci:\.\/app/],
    [
      'a report on no image',
      ['build', '-G', '--report', 'r.html', 'oci:app'],
      /--report: -G builds the runtime alone/,
    ],
    ['two images in place of one name', ['info-image', 'oci:app', 'oci:app'], /too many/],
  ])('%s ends with 2, one message and one hint', async (_, args, message) => {
    const { code, stdout, stderr } = await gsc(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^gsc: [^\n]+\nhint: [^\n]+\n$/);
  });

  test.each([
    ['http://registry.test:5000', 'registry.test:5000'],
    ['registry.test/', 'registry.test'],
    ['10.0.0.0/8', '10.0.0.0'],
    ['', 'localhost:5000'],
  ])('of --insecure-registry, which would never be met: %j', async (host, proposed) => {
    const { code, stderr } = await gsc([
      'info-image',
      'docker://registry.test/app',
      '--insecure-registry',
      host,
    ]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      `gsc: --insecure-registry: expected HOST or HOST:PORT, as in image names, got ${host}\nhint: write it as ${proposed}\n`,
    );
  });

  test('is one JSON object on stdout with --json', async () => {
    const { code, stdout } = await gsc(['build', '--json', '--bogus']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'usage',
        subject: 'command line',
        message: expect.stringContaining('--bogus'),
        hint: expect.any(String),
      },
    });
  });

  test('of SOURCE_DATE_EPOCH is reported before an image is read', async () => {
    const env = { SOURCE_DATE_EPOCH: 'yesterday' };
    const result = await gsc(['build', '--runtime', 'runtime', 'oci:app'], { env });
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining('SOURCE_DATE_EPOCH') });
  });
});

describe('a configuration', () => {
  const words = (file: string) => ['build', '-q', '-c', file, '-o', `oci:out-${file}`, 'oci:app'];

  test.each<[string, string, RegExp]>([
    [
      'an unknown key',
      'Distro: auto\nGramin:\n  Image: x\n',
      /:2:1: unknown key Gramin\nhint: did you mean Gramine\?/,
    ],
    [
      'an unknown key below another',
      'Gramine:\n  Imag: x\n',
      /:2:3: unknown key Gramine\.Imag\nhint: did you mean Image\?/,
    ],
    ['a value of the wrong kind', 'Distro:\n  - a\n', /:1:1: Distro: expected a string, got a list/],
    ['a table of the wrong kind', 'Gramine: yes\n', /:1:1: Gramine: expected keys with values, got "yes"/],
    [
      'a truth value for a text',
      'Gramine:\n  Image: true\n',
      /:2:3: Gramine\.Image: expected a string or a list of strings, got the boolean true/,
    ],
    ['a list', '- a\n', /:1:1: expected keys with values, got a list/],
    ['bad YAML', 'Gramine: [\n', /:2:1: not valid YAML/],
    ['a tab', 'Gramine:\n\tImage: x\n', /:2:1: not valid YAML/],
    ['one key twice', 'Distro: a\nDistro: b\n', /:2:1: not valid YAML/],
    ['bad JSON', '{"Gramine": {"Image": }', /:1:\d+: not valid YAML/],
  ])('with %s ends with 2, line, column and a hint', async (_, text, message) => {
    writeFileSync(join(gsc.directory, 'bad.yaml'), text);
    const { code, stdout, stderr } = await gsc(words('bad.yaml'));
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^gsc: bad\.yaml:\d+:\d+: [^\n]+\nhint: [^\n]+\n$/);
  });

  test.each<[string, string]>([
    ['config.yaml', 'Distro: auto\nRegistry: ""\nGramine:\n  Image: runtime\n  Branch: master\n'],
    ['other.json', '{"Gramine": {"Image": "runtime", "Repository": null}}'],
  ])('%s names the runtime', async (file, text) => {
    writeFileSync(join(gsc.directory, file), text);
    const result = await gsc(words(file));
    expect(result.code, result.stderr).toBe(0);
  });

  test('is config.yaml of the working directory if none is named, and yields to options', async () => {
    writeFileSync(join(gsc.directory, 'config.yaml'), 'Gramine:\n  Image: nowhere\n');
    const found = await gsc(['build', '-q', '--runtime', 'runtime', '-o', 'oci:default', 'oci:app']);
    expect(found.code, found.stderr).toBe(0);
    writeFileSync(join(gsc.directory, 'config.yaml'), 'Gramine:\n  Image: runtime\n');
    const named = await gsc(['build', '-q', '-o', 'oci:default', 'oci:app']);
    expect(named).toMatchObject({ code: 0, stdout: found.stdout });
  });

  test.each(['none.yaml', 'app'])('%s that cannot be read ends with 1', async (file) => {
    expect(await gsc(words(file))).toMatchObject({ code: 1, stderr: expect.stringContaining(file) });
  });
});

test.each(['build', 'explain'])(
  'the many options of %s stand under headings, a few under each',
  async (name) => {
    const { stdout } = await gsc([name, '--help']);
    const groups = stdout
      .split(/\n\n/)
      .slice(1)
      .filter((part) => /^.*:\n +-/.test(part));
    expect(groups.map((group) => group.split(':', 1)[0])).toContain('What is trusted');
    for (const group of groups) expect(group.match(/^ {2}-/gm)?.length).toBeLessThanOrEqual(6);
  },
);

describe('stdout and stderr', () => {
  test('the result goes to stdout alone, the talk to stderr', async () => {
    const args = ['build', '--runtime', 'runtime', '-o', 'oci:talk', 'oci:app'];
    const result = await asProcess(args, { cwd: gsc.directory });
    expect(result.stdout).toMatch(/^oci:talk@sha256:[0-9a-f]{64}\n$/);
    expect(result.stderr).toMatch(/oci:app: 1 layer, untouched; 2 added\n/);
    expect(result.stderr).not.toContain('\u001b');
    expect(result.stderr).not.toContain('\r');
  });

  test('-q leaves nothing but result, warnings and errors; -v says more', async () => {
    const build = (...more: string[]) =>
      gsc(['build', '--runtime', 'runtime', '-o', 'oci:talk', 'oci:app', ...more]);
    const [usual, quiet, verbose] = [await build(), await build('-q'), await build('-v')];
    expect(quiet.stderr).toBe('');
    expect(quiet.stdout).toBe(usual.stdout);
    expect(verbose.stderr.length).toBeGreaterThanOrEqual(usual.stderr.length);
    const insecure = await gsc([
      ...['build', '-q', '--runtime', 'runtime', '--insecure-args', '-o', 'oci:talk2', 'oci:app'],
    ]);
    expect(insecure.stderr).toMatch(/^warning: insecure: loader\.insecure__use_cmdline_argv: .*\n$/);
  });

  test('a reader that closes the pipe is not a failure', async () => {
    const script = '"$0" "$1" --help | head -n 0; "$0" "$1" manifest-check --json </dev/null | true';
    const result = await runProcess(['sh', '-c', script, process.execPath, await bundledGsc()], {});
    expect(result).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('without a stack where something fails', async () => {
    writeFileSync(join(gsc.directory, 'file'), 'x');
    for (const args of [
      ['info-image', 'oci-archive:file'],
      ['info-image', 'docker-archive:file'],
      ['info-image', 'oci:file'],
      ['info-image', 'oci:none'],
      ['sign-image', 'oci:app:latest', 'file'],
      ['build', '--runtime', 'file', 'oci:app'],
    ]) {
      const { code, stderr } = await gsc(args);
      expect([1, 2], args.join(' ')).toContain(code);
      expect(stderr).toMatch(/^gsc: [^\n]+\nhint: [^\n]+\n$/);
    }
  });
});
