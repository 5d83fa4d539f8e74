import { describe, expect, test } from 'vitest';
import { graminize } from '../../src/graminize/graminize.ts';
import type { RunConfig } from '../../src/image/config.ts';
import { type AppOptions, appImage, staticProgram } from '../support/graminized/app-image.ts';
import { entriesOf, graminizeApp, runtimeOf, type Wishes } from '../support/graminized/graminized.ts';
import type { MadeEntry } from '../support/scan/made-layers.ts';

const shell: readonly MadeEntry[] = [staticProgram('bin/sh')];

async function graminizedApp(
  entries: readonly MadeEntry[] = shell,
  { run = {}, wishes = {}, ...options }: AppOptions & { run?: RunConfig; wishes?: Wishes } = {},
) {
  const app = await appImage([[staticProgram(), ...entries]], { Cmd: ['/app'], ...run }, options);
  const { image } = await graminizeApp(app, wishes);
  return { app, image, config: image.config.config ?? {}, added: image.layers.slice(app.layers.length) };
}

test('every option has a default: the image is scanned, named after the app, and labelled with the version of the build', async () => {
  const app = await appImage([[staticProgram(), ...shell]], { Cmd: ['/app'] });
  const { image, libc, trustLevel } = await graminize(app, await runtimeOf());
  expect([image.name, libc.choice, trustLevel]).toEqual(['test-unsigned', 'image', 'full']);
  const { image: explicit } = await graminizeApp(app, { libc: 'auto', toolVersion: __GSC_VERSION__ });
  expect(image.manifest).toEqual(explicit.manifest);
});

describe('the layers', () => {
  test('of the app stay as they are, below two new ones', async () => {
    const { app, image, added } = await graminizedApp();
    expect(image.layers.slice(0, 1).map(({ descriptor }) => descriptor)).toEqual(
      app.layers.map(({ descriptor }) => descriptor),
    );
    expect(added).toHaveLength(2);
    const { rootfs, history } = image.config;
    expect(rootfs.diff_ids).toEqual(image.layers.map(({ diffId }) => diffId));
    expect(history?.filter(({ empty_layer: isEmpty }) => !isEmpty)).toHaveLength(3);
  });

  test('hold runtime and app files, sorted, owned by root, with the modes that starting needs', async () => {
    const { added } = await graminizedApp();
    const [runtime = [], app = []] = await Promise.all(added.map(entriesOf));
    for (const entries of [runtime, app]) {
      const names = entries.map(({ name }) => name.replace(/\/$/, ''));
      expect(names).toEqual([...names].sort());
      expect(entries.every(({ uid, gid }) => uid === 0 && gid === 0)).toBe(true);
    }
    const modeOf = (path: string) => runtime.find(({ name }) => `/${name}` === path)?.mode;
    expect(modeOf('/gramine/runtime/sgx/loader')).toBe(0o755);
    expect(modeOf('/gramine/host/ld.so')).toBe(0o755);
    expect(modeOf('/gramine/runtime/libsysdb.so')).toBe(0o644);
    expect(app.map(({ name, mode }) => [name, mode])).toEqual([
      ['gramine/app_files/', 0o755],
      ['gramine/app_files/apploader.sh', 0o755],
      ['gramine/app_files/entrypoint.manifest', 0o644],
      ['gramine/app_files/hosts', 0o644],
      // Whoever signs reads this layer alone.
      ['gramine/runtime/sgx/libpal.so', 0o644],
    ]);
    expect(modeOf('/gramine/runtime/sgx/libpal.so')).toBeUndefined();
  });

  test('have no entry for a directory that exists, so it keeps its owner and mode', async () => {
    const { added } = await graminizedApp([
      ...shell,
      ['gramine', null, 0o700],
      ['gramine/host', null, 0o711],
    ]);
    const names = (await Promise.all(added.map(entriesOf))).flat().map(({ name }) => name);
    expect(names).not.toContain('gramine/');
    expect(names).not.toContain('gramine/host/');
    expect(names).toContain('gramine/runtime/');
  });

  test('make a missing working directory, with the directories above it that are missing', async () => {
    const { added } = await graminizedApp([...shell, ['srv', null]], { run: { WorkingDir: '/srv/a/b' } });
    const names = (await entriesOf(added[1])).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('srv'))).toEqual(['srv/a/', 'srv/a/b/']);
  });

  test('go through no link of the image', async () => {
    const entries: MadeEntry[] = [...shell, ['srv', { link: 'data' }], ['data', null]];
    const { added } = await graminizedApp(entries, { run: { WorkingDir: '/srv/new' } });
    const names = (await entriesOf(added[1])).map(({ name }) => name);
    expect(names.filter((name) => /^(srv|data)/.test(name))).toEqual(['data/new/']);
  });

  test("have OCI's media types, or Docker's if the app image has", async () => {
    const oci = await graminizedApp();
    expect(oci.image.manifest.mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
    expect(oci.added.map(({ descriptor }) => descriptor.mediaType)).toEqual(
      Array(2).fill('application/vnd.oci.image.layer.v1.tar'),
    );
    const docker = await graminizedApp(shell, { isDocker: true });
    expect(docker.image.manifest.mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json');
    expect(docker.image.configDescriptor.mediaType).toBe('application/vnd.docker.container.image.v1+json');
    expect(docker.added.map(({ descriptor }) => descriptor.mediaType)).toEqual(
      Array(2).fill('application/vnd.docker.image.rootfs.diff.tar'),
    );
  });
});

describe('times', () => {
  const epochSeconds = 1_700_000_000;

  test.each<[string, string | null, Wishes, string, number]>([
    ['of the app image', '2024-05-06T07:08:09Z', {}, '2024-05-06T07:08:09Z', 1714979289],
    ['with fractions', '2024-05-06T07:08:09.987654321Z', {}, '2024-05-06T07:08:09.987654321Z', 1714979289],
    ['with an offset', '2024-05-06T09:08:09+02:00', {}, '2024-05-06T09:08:09+02:00', 1714979289],
    ['of SOURCE_DATE_EPOCH', '2024-05-06T07:08:09Z', { epochSeconds }, '2023-11-14T22:13:20Z', epochSeconds],
    ['of 1970 where there are none', null, {}, '1970-01-01T00:00:00Z', 0],
    ['of 1970 where they are nonsense', 'yesterday', {}, '1970-01-01T00:00:00Z', 0],
    ["of Go's year 1", '0001-01-01T00:00:00Z', {}, '0001-01-01T00:00:00Z', 0],
  ])('%s', async (_, created, wishes, expected, seconds) => {
    const { image, added } = await graminizedApp(shell, { created, wishes });
    expect(image.config.created).toBe(expected);
    expect(image.config.history?.at(-1)).toMatchObject({ created: expected });
    const entries = (await Promise.all(added.map(entriesOf))).flat();
    expect(new Set(entries.map(({ mtimeSeconds }) => mtimeSeconds))).toEqual(new Set([seconds]));
  });
});

describe('the configuration', () => {
  test('starts the apploader where there is a shell, and keeps all else', async () => {
    const run: RunConfig = {
      Cmd: ['/app', 'x'],
      Env: ['A=1'],
      User: '12:13',
      WorkingDir: '/',
      ExposedPorts: { '80/tcp': {} },
      Volumes: { '/data': {} },
      StopSignal: 'SIGQUIT',
      Labels: { mine: 'kept' },
    };
    const { config } = await graminizedApp(shell, { run });
    const { Cmd: _, ...kept } = run;
    expect(config).toMatchObject(kept);
    expect(config.Entrypoint).toEqual(['/bin/sh', '/gramine/app_files/apploader.sh']);
    expect(config.Cmd).toBeUndefined();
  });

  test.each<[string, readonly MadeEntry[]]>([
    ['there is no shell', []],
    ['the shell is not executable', [['bin/sh', 'x', 0o644]]],
    ['the shell is a link to nothing', [['bin/sh', { link: 'dash' }]]],
    ['the shell is a directory', [['bin/sh', null]]],
  ])('starts the SGX loader itself where %s', async (_, entries) => {
    const run = { Env: ['A=1', 'LD_LIBRARY_PATH=/lib', 'LD_PRELOAD=/x.so', 'LD_AUDIT=/y.so'] };
    const { config, added } = await graminizedApp(entries, { run });
    expect(config.Entrypoint).toEqual([
      '/gramine/runtime/sgx/loader',
      '/gramine/runtime/sgx/libpal.so',
      'init',
      '/gramine/app_files/entrypoint',
    ]);
    expect(config.Env).toEqual(['A=1', 'LD_LIBRARY_PATH=/gramine/host']);
    const names = (await entriesOf(added[1])).map(({ name }) => name);
    expect(names).not.toContain('gramine/app_files/apploader.sh');
  });

  test('finds a shell through links', async () => {
    const entries: MadeEntry[] = [
      ['bin', { link: 'usr/bin' }],
      ['usr/bin/sh', { link: 'busybox' }],
      staticProgram('usr/bin/busybox'),
    ];
    const { config } = await graminizedApp(entries);
    expect(config.Entrypoint?.[0]).toBe('/bin/sh');
  });

  test('carries labels that tell where the image comes from', async () => {
    const runtime = await runtimeOf('1.8');
    const { app, config, added } = await graminizedApp(shell, { wishes: { runtime } });
    expect(config.Labels).toEqual({
      'org.opencontainers.image.base.digest': app.manifest.digest,
      'gsc.version': '0.0.0-test',
      'gsc.family': 'gramine',
      'gsc.runtime.version': '1.8',
      'gsc.runtime.digest': expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      'gsc.runtime.layer': added[0]?.diffId,
    });
  });

  test('names no digest of an app image that has no manifest of its own', async () => {
    const Labels = { 'org.opencontainers.image.base.digest': 'sha256:00' };
    const app = await appImage([[staticProgram(), ...shell]], { Cmd: ['/app'], Labels });
    const { image } = await graminizeApp({ ...app, isManifestSynthesized: true });
    expect(image.config.config?.Labels).not.toHaveProperty(['org.opencontainers.image.base.digest']);
    expect(image.isManifestSynthesized).toBeUndefined();
  });

  test("drops the app image's word on its own base, which is not the result's", async () => {
    const Labels = {
      'org.opencontainers.image.base.name': 'docker.io/library/debian:12',
      'org.opencontainers.image.base.digest': 'sha256:00',
      'org.opencontainers.image.title': 'kept',
    };
    const { app, config } = await graminizedApp(shell, { run: { Labels } });
    expect(config.Labels?.['org.opencontainers.image.base.name']).toBeUndefined();
    expect(config.Labels?.['org.opencontainers.image.base.digest']).toBe(app.manifest.digest);
    expect(config.Labels?.['org.opencontainers.image.title']).toBe('kept');
  });

  test('keeps keys that gsc does not know', async () => {
    const run = { OnBuild: ['RUN x'], ArgsEscaped: true } as RunConfig;
    const { config } = await graminizedApp(shell, { run });
    expect(config).toMatchObject(run);
  });
});

test('same inputs, same bytes', async () => {
  const [one, two] = [await graminizedApp(), await graminizedApp()];
  expect(two.image.manifest).toEqual(one.image.manifest);
  expect(two.image.configBytes).toEqual(one.image.configBytes);
});
