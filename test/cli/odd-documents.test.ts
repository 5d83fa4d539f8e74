import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/base/digest.ts';
import { assembleImage } from '../../src/image/append.ts';
import type { Image } from '../../src/image/image.ts';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { blobsOf, entryOf, indexOf, tagged, writeInto, writeLayout } from '../support/store/sample.ts';

let gsc: GscHere;
let app: Image;
const at = (...path: readonly string[]) => join(gsc.directory, ...path);
const build = (image: string, ...more: readonly string[]) =>
  gsc(['build', '--runtime', 'runtime', '--force', '-o', 'oci:out:1', ...more, image]);

beforeAll(async () => {
  gsc = gscInProcess();
  writeRuntime(at('runtime'));
  app = await writeApp(at('app'), { run: { Cmd: ['/app', 'x'] }, entries: [['opt/a', 'A']] });
});

/** The app with another config, given as text: what no JavaScript value would be written as. */
async function withConfig(layout: string, edit: (config: string) => string): Promise<string> {
  rmSync(at(layout), { recursive: true, force: true });
  const configBytes = Buffer.from(edit(app.configBytes.toString()));
  const { name, config, layers } = app;
  const image = assembleImage({ name, config, layers, isDocker: false, configBytes });
  const index = indexOf(entryOf(image.manifestBytes, tagged('1')));
  writeLayout(at(layout), await blobsOf(image), { 'index.json': index });
  return `oci:${layout}:1`;
}

/** The app with other members in its config. */
function changedApp(change: Partial<Image['config']>): Image {
  const { name, config, layers } = app;
  return assembleImage({ name, config: { ...config, ...change }, layers, isDocker: false });
}

/** The text of the config of the image that was written last. */
function writtenConfig(): string {
  const blob = (digest: string) =>
    readFileSync(at('out/blobs/sha256', digest.slice('sha256:'.length)), 'utf8');
  const [entry] = JSON.parse(readFileSync(at('out/index.json'), 'utf8')).manifests;
  return blob(JSON.parse(blob(entry.digest)).config.digest);
}

const inRunConfig = (members: string) => (config: string) => config.replace('"Cmd":', `${members},"Cmd":`);

describe('a config', () => {
  test.each([
    [
      'entrypoint beside Entrypoint',
      '"Entrypoint":["/bin/sh"],"entrypoint":["/app","y"]',
      ['/app', 'y', '/app', 'x'],
    ],
    ['entrypoint alone', '"entrypoint":["/app","z"]', ['/app', 'z', '/app', 'x']],
    ['ENTRYPOINT with the long s, the last empty', '"ENTRYPOINT":["/bin/sh"],"Entrypoint":[]', ['/app', 'x']],
  ])('with %s starts the apploader and nothing else', async (_, members, argv) => {
    const result = await build(await withConfig('odd', inRunConfig(members)), '--json');
    expect(JSON.parse(result.stdout), result.stderr).toMatchObject({ argv });
    const config = writtenConfig();
    expect(config.match(/"entrypoint"/gi)).toHaveLength(1);
    expect(JSON.parse(config).config.Entrypoint).toEqual(['/bin/sh', '/gramine/app_files/apploader.sh']);
  });

  test('with user, env and workingDir in lower case is started as these say', async () => {
    const members = '"user":"5:6","env":["A=1"],"wor\u212aingDir":"/opt","labels":{"a":"b"}';
    const result = await build(await withConfig('odd', inRunConfig(members)), '--json');
    expect(JSON.parse(result.stdout), result.stderr).toMatchObject({
      uid: 5,
      gid: 6,
      working_directory: '/opt',
    });
    const { config } = JSON.parse(writtenConfig());
    expect(config).toMatchObject({ User: '5:6', Env: ['A=1'], WorkingDir: '/opt', Labels: { a: 'b' } });
    expect(Object.keys(config).filter((key) => key !== `${key[0]?.toUpperCase()}${key.slice(1)}`)).toEqual(
      [],
    );
  });

  test('keeps labels and keys named __proto__, and numbers that no double holds', async () => {
    const members =
      '"Labels":{"__proto__":"x"},"Healthcheck":{"Test":["NONE"],"interval":9223372036854775807}';
    const reference = await withConfig('odd', (config) =>
      inRunConfig(members)(config).replace('{', '{"__proto__":{"n":1.0},"x.y":{"Size":-9007199254740993},'),
    );
    expect((await build(reference)).code).toBe(0);
    const config = writtenConfig();
    for (const kept of [
      '"__proto__":"x"',
      '"__proto__":{"n":1.0}',
      '"Interval":9223372036854775807',
      '{"Size":-9007199254740993}',
    ]) {
      expect(config).toContain(kept);
    }
  });

  test.each([
    [
      'an ENTRYPOINT that is a text',
      '"Entrypoint":"/app"',
      'config.Entrypoint: expected an array of texts, got a text',
    ],
    ['a USER that is a number', '"user":1000', 'config.user: expected a string, got a number'],
    ['labels that are a list', '"Labels":["a=b"]', 'config.Labels: expected an object, got an array'],
    ['a number among the variables', '"Env":["A=1",2]', 'config.Env[1]: expected a string, got a number'],
    [
      'JSON 5,000 levels deep',
      `"x":${'['.repeat(5000)}${']'.repeat(5000)}`,
      'nested deeper than 1000 levels',
    ],
    ['a comma too many', '"User":"1",', 'it is not JSON: expected a key in quotes at line 1, column'],
  ])('with %s is refused with the place and what is expected there', async (_, members, message) => {
    const { code, stderr } = await build(await withConfig('odd', inRunConfig(members)));
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
    expect(stderr).toMatch(/^gsc: oci:odd, image 1: config sha256:[0-9a-f]{64}: .*\nhint: /);
  });
});

describe('an index', () => {
  const levels = async () => {
    const made = ['v3', '', 'v2'].map((variant) => changedApp({ variant }));
    const blobs = (await Promise.all(made.map(blobsOf))).flat();
    const entries = made.map(({ manifestBytes, config: { variant } }) =>
      entryOf(manifestBytes, {
        platform: { os: 'linux', architecture: 'x86_64', ...(variant && { variant }) },
      }),
    );
    writeLayout(at('levels'), blobs, { 'index.json': indexOf(...entries) });
  };

  test.each([
    [[], '', 'took the image for linux/amd64; there is also linux/amd64/v3, linux/amd64/v2 (see --platform)'],
    [['--platform', 'linux/amd64/v3'], 'v3', 'took the image for linux/amd64/v3'],
    [['--platform', 'linux/x86_64/v2'], 'v2', 'took the image for linux/amd64/v2'],
    [['--platform', 'x86_64'], '', 'took the image for linux/amd64;'],
  ])('of several levels of amd64 with %j gives the image %j', async (options, variant, note) => {
    await levels();
    const { stderr, stdout } = await build('oci:levels', ...options, '--json');
    expect(stderr).toContain(`oci:levels: ${note}`);
    expect(JSON.parse(stdout).notes).toEqual([expect.stringContaining(note)]);
    expect(JSON.parse(writtenConfig()).variant ?? '').toBe(variant);
  });

  test.each(['linux/arm64', 'linux/amd64/v5', 'windows/amd64', 'linux/amd64/v3/x', ''])(
    'is not asked for the platform %j',
    async (platform) => {
      const { code, stderr } = await build('oci:levels', '--platform', platform);
      expect([code, stderr]).toEqual([2, expect.stringContaining(`got ${platform || 'nothing'}: SGX`)]);
    },
  );
});

describe('an image by its digest', () => {
  test('is named as gsc itself names its results, in every kind of file', async () => {
    for (const output of [
      'oci:by-digest:1',
      'oci-archive:by-digest.tar:1',
      'docker-archive:by-digest-2.tar:a:1',
    ]) {
      const built = await build('oci:app:latest', '-o', output);
      const name = built.stdout.trim();
      expect(name).toMatch(/@sha256:[0-9a-f]{64}$/);
      const untagged = name.replace(/(oci[^:]*:[^:@]*|docker-archive:[^:@]*)[^@]*/, '$1');
      for (const reference of [name, untagged]) {
        const explained = await gsc(['explain', reference, '/app']);
        expect([explained.code, explained.stdout], explained.stderr).toEqual([
          0,
          expect.stringContaining('trusted'),
        ]);
      }
    }
  });

  test('is what the hint proposes where two have one tag', async () => {
    const other = changedApp({ author: 'other' });
    const blobs = [...(await blobsOf(app)), ...(await blobsOf(other))];
    const entries = [app, other].map(({ manifestBytes }) => entryOf(manifestBytes, tagged('1')));
    writeLayout(at('twice'), blobs, { 'index.json': indexOf(...entries) });
    const refused = await build('oci:twice:1');
    const proposed = /^hint: .* (oci:twice@sha256:[0-9a-f]{64})$/m.exec(refused.stderr)?.[1] ?? '';
    expect((await build(proposed)).code).toBe(0);
    expect((await build(`oci:twice@${digestOf(other.manifestBytes)}`)).code).toBe(0);
    expect(JSON.parse(writtenConfig()).author).toBe('other');
  });
});

test('an archive whose config is not named by its digest is built, with a warning', async () => {
  await build('oci:app:latest', '-o', 'docker-archive:named.tar:a:1');
  const archive = readFileSync(at('named.tar'));
  const [{ Config }] = JSON.parse(/\[\{"Config.*?\}\]/.exec(archive.toString('latin1'))?.[0] ?? '[]');
  const renamed = `${Config.slice(0, -4)}0000`;
  const bytes = Buffer.from(archive.toString('latin1').replaceAll(Config, renamed), 'latin1');
  writeInto(gsc.directory, 'renamed.tar', fixChecksums(bytes));
  const { code, stderr } = await gsc(['explain', 'docker-archive:renamed.tar', '/app']);
  expect([code, stderr]).toEqual([
    0,
    expect.stringContaining(
      `warning: docker-archive:renamed.tar: the config ${renamed} is not named by its digest`,
    ),
  ]);
});

/** Tar headers whose names were changed, made valid again. POSIX, ustar interchange format. */
function fixChecksums(tar: Buffer): Buffer {
  for (let at = 0; at + 512 <= tar.length; ) {
    const header = tar.subarray(at, at + 512);
    if (header[0] === 0) break;
    header.fill(' ', 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const size = Number.parseInt(header.toString('latin1', 124, 135), 8);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return tar;
}
