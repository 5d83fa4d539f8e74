import { copyFileSync, cpSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Gsc, type GscOptions, gscInScratch } from '../support/cli/gsc.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { runTool } from '../support/images/run-tool.ts';
import { testKey } from '../support/signature/test-key.ts';
import { testWithTool } from '../support/tool.ts';

let gsc: Gsc;
let round = 0;
const at = (...path: readonly string[]) => join(gsc.directory, ...path);

interface Digests {
  readonly digest: string;
  readonly imageId: string;
  readonly mrEnclave: string;
}

interface Way extends GscOptions {
  readonly image?: string;
  readonly runtime?: string;
  readonly more?: readonly string[];
}

/** Builds and signs under a new name, and gives what must be the same each time. */
async function made({ image = 'oci:app:latest', runtime = 'runtime', more = [], ...options }: Way = {}) {
  round += 1;
  const output = `oci:${at(`out-${round}`)}`;
  const words = ['build', '--json', '--runtime', runtime, '--key', at('key.pem'), '-o', output, ...more];
  const result = await gsc([...words, image, at('app.manifest')], options);
  expect(result.code, result.stderr).toBe(0);
  const { digest, image_id: imageId, mr_enclave: mrEnclave } = JSON.parse(result.stdout);
  return { digest, imageId, mrEnclave } as Digests;
}

let reference: Digests;
beforeAll(async () => {
  gsc = await gscInScratch();
  writeRuntime(at('runtime'));
  writeFileSync(at('app.manifest'), 'sgx.edmm_enable = true\nloader.env.Z = "ä"\n');
  await writeApp(at('app'), {
    run: { Cmd: ['/app'], Env: ['I=ı', 'Å=ß'], WorkingDir: '/new' },
    entries: [
      ['etc/Ä', '1'],
      ['etc/a', '2'],
      ['etc/B', '3'],
      ['etc/ı', '4'],
      ['etc/z', { link: 'a' }],
      ['lib', { link: 'etc' }],
    ],
  });
  copyFileSync(await testKey(), at('key.pem'));
  reference = await made();
});

describe('the same input gives the same bytes', () => {
  test.each<[string, Way]>([
    ['again', {}],
    ['without the cache', { more: ['--no-cache'] }],
    ['in another time zone', { env: { TZ: 'Pacific/Kiritimati' } }],
    ['under a Turkish locale', { env: { LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' } }],
    ['under the C locale', { env: { LC_ALL: 'C' } }],
    ['under another umask', { umask: '077' }],
    ['with another HOME', { env: { HOME: '/dev/null/home' } }],
    ['without any environment', { env: { HOME: '', PATH: '' } }],
    ['verbosely', { more: ['-v'] }],
  ])('%s', async (_, way) => {
    expect(await made(way)).toEqual(reference);
  });

  test('from another directory, with absolute paths', async () => {
    mkdirSync(at('elsewhere'));
    const way = { cwd: at('elsewhere'), image: `oci:${at('app')}:latest`, runtime: at('runtime') };
    expect(await made(way)).toEqual(reference);
  });

  test('of copies with other names, times and links on the way', async () => {
    cpSync(at('app'), at('copy'), { recursive: true });
    cpSync(at('runtime'), at('other-runtime'), { recursive: true, verbatimSymlinks: true });
    utimesSync(at('other-runtime/usr/bin/gramine-sgx'), 1, 1);
    symlinkSync('copy', at('link'));
    expect(await made({ image: 'oci:link:latest', runtime: 'other-runtime' })).toEqual(reference);
  });

  test('in one go or in two steps, now or with the times given', async () => {
    const env = { SOURCE_DATE_EPOCH: '1000000000' };
    const [one, two] = [await made({ env }), await made({ env, more: ['--no-cache'] })];
    expect(two).toEqual(one);
    expect(one.mrEnclave).toBe(reference.mrEnclave);
    expect(one.digest).not.toBe(reference.digest);
  });
});

describe('the same image in another form', () => {
  const forms = [
    'oci-archive:form.tar:latest',
    'docker-archive:form-docker.tar:app:1',
    'oci:form-zstd:latest',
  ];

  testWithTool('skopeo', 'has the same enclave, and as an OCI archive the same image', async () => {
    const [archive = '', docker = '', zstd = ''] = forms;
    await runTool('skopeo', ['copy', '-q', 'oci:app:latest', archive], { cwd: gsc.directory });
    await runTool('skopeo', ['copy', '-q', 'oci:app:latest', docker], { cwd: gsc.directory });
    const compressed = [
      'copy',
      '-q',
      '--dest-compress-format',
      'zstd',
      '--dest-compress',
      'oci:app:latest',
      zstd,
    ];
    await runTool('skopeo', compressed, { cwd: gsc.directory });
    expect(await made({ image: archive })).toEqual(reference);
    for (const image of [docker, zstd]) expect((await made({ image })).mrEnclave).toBe(reference.mrEnclave);
  });
});

describe('other input gives other bytes', () => {
  test.each<[string, Way]>([
    ['another manifest', { more: ['--env', 'NEW=1'] }],
    ['a file less', { more: ['--exclude', '/etc/B'] }],
    ['arguments from the host', { more: ['--insecure-args'] }],
    ['rules of another release', { more: ['--runtime-version', '1.7'] }],
  ])('%s', async (_, way) => {
    expect((await made(way)).mrEnclave).not.toBe(reference.mrEnclave);
  });
});
