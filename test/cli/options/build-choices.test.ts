import { describe, expect, test } from 'vitest';
import { type ImagePath, imagePath } from '../../../src/base/image-path.ts';
import { type BuildChoices, noChoices } from '../../../src/graminize/build-options.ts';
import type { RunConfig } from '../../../src/image/config.ts';
import { secretPath } from '../../../src/manifest/option-manifest.ts';
import { appImage, glibcProgram, staticProgram } from '../../support/graminized/app-image.ts';
import {
  entriesOf,
  fileIn,
  graminizeApp,
  manifestIn,
  trustedPathsIn,
  type Wishes,
} from '../../support/graminized/graminized.ts';
import type { MadeEntry } from '../../support/scan/made-layers.ts';

const data = imagePath('/data');

async function build(
  choices: Partial<BuildChoices>,
  { run = {}, entries = [], ...wishes }: Wishes & { run?: RunConfig; entries?: readonly MadeEntry[] } = {},
) {
  const app = await appImage([[staticProgram(), staticProgram('bin/sh'), ...entries]], {
    Cmd: ['/app'],
    ...run,
  });
  const result = await graminizeApp(app, { ...wishes, choices: { ...noChoices, ...choices } });
  const manifest = await manifestIn(result.image);
  return { result, manifest, notes: result.notes, trusted: await trustedPathsIn(result.image) };
}

describe('volumes', () => {
  const content: readonly MadeEntry[] = [['data/a', 'x']];

  test.each(['tmpfs', 'encrypted', 'allowed'] as const)(
    '%s: what the image has there is not trusted',
    async (kind) => {
      const volumes = [{ path: data, use: { kind } }];
      const { trusted, result } = await build({ volumes }, { entries: content });
      expect(trusted).not.toContain('/data/a');
      expect(result.hidden.map(({ path }) => path)).toEqual(['/data/a']);
      expect((await build({}, { entries: content })).trusted).toContain('/data/a');
    },
  );

  test('come after the tmpfs of a scratch place that they are in', async () => {
    const volumes = [
      { path: imagePath('/tmp/keep'), use: { kind: 'encrypted', keyName: 'k' } },
      { path: imagePath('/run/in'), use: { kind: 'allowed' } },
    ] as const;
    const { manifest } = await build({ volumes });
    const paths = manifest.fs.mounts.map(({ path }) => path);
    expect(paths.indexOf('/tmp')).toBeLessThan(paths.indexOf('/tmp/keep'));
    expect(paths.indexOf('/run')).toBeLessThan(paths.indexOf('/run/in'));
    expect(manifest.sgx.allowed_files).toEqual(['file:/run/in']);
  });

  test('take the place of the tmpfs of a scratch place, and of links below them', async () => {
    const volumes = [
      { path: imagePath('/tmp'), use: { kind: 'encrypted' } },
      { path: data, use: { kind: 'tmpfs' } },
    ] as const;
    const many = Array.from({ length: 20 }, (_, i): MadeEntry => [`srv/v/f${i}`, `${i}`]);
    const { manifest } = await build(
      { volumes },
      { entries: [...many, ['data/link', { link: '/srv/v' }], ['other', { link: '/srv/v' }]] },
    );
    expect(manifest.fs.mounts.filter(({ path }) => path === '/tmp').map(({ type }) => type)).toEqual([
      'encrypted',
    ]);
    expect(manifest.fs.mounts.map(({ path }) => path)).toContain('/other');
    expect(manifest.fs.mounts.map(({ path }) => path)).not.toContain('/data/link');
  });

  test('the manifest of the user wins on the same place, with a note', async () => {
    const { manifest, result } = await build(
      { volumes: [{ path: data, use: { kind: 'tmpfs' } }] },
      { manifest: 'fs.mounts = [{ type = "encrypted", path = "/data", uri = "file:/data" }]' },
    );
    const there = manifest.fs.mounts.filter(({ path }) => path === '/data');
    expect(there.map(({ type }) => type)).toEqual(['encrypted']);
    expect(result.overrides.map(({ own, from }) => [own, from])).toEqual([
      ['--volume /data=tmpfs', 'your manifest'],
    ]);
  });

  test('that are allowed are reported as insecure', async () => {
    const { notes, result } = await build({ volumes: [{ path: data, use: { kind: 'allowed' } }] });
    expect(notes.join('\n')).toContain('insecure: --volume /data=allowed');
    expect(result.insecure.map(({ path }) => path.join('.'))).toContain('sgx.allowed_files');
  });

  test('that are allowed through a link that became a mount are allowed by both names', async () => {
    const entries: readonly MadeEntry[] = [
      ...Array.from({ length: 20 }, (_, i): MadeEntry => [`srv/v/f${i}`, `${i}`]),
      ['data', { link: '/srv/v' }],
    ];
    const { manifest, trusted, notes } = await build(
      { volumes: [{ path: data, use: { kind: 'allowed' } }] },
      { entries },
    );
    expect(manifest.sgx.allowed_files).toEqual(['file:/data', 'file:/srv/v']);
    expect(trusted.filter((path) => path.startsWith('/srv'))).toEqual([]);
    expect(notes.join('\n')).not.toContain('no --volume is set');
    const below = await build(
      {},
      { entries, manifest: 'sgx.allowed_files = ["file:/data/new/x", "file:/q"]' },
    );
    expect(below.manifest.sgx.allowed_files).toEqual(['file:/data/new/x', 'file:/q', 'file:/srv/v/new/x']);
    expect(below.trusted).toContain('/srv/v/f1');
  });

  test('over the program are refused if nothing could start', async () => {
    const volumes = [{ path: imagePath('/opt'), use: { kind: 'tmpfs' } }] as const;
    const wishes = { run: { Cmd: ['/opt/x'] }, entries: [staticProgram('opt/x')] };
    await expect(build({ volumes }, wishes)).rejects.toThrow(/\/opt\/x is needed for the start/);
  });
});

describe('a VOLUME of the image', () => {
  const run: RunConfig = { Volumes: { '/data/': {}, '/b': {}, '/run/x': {} } };
  const undecided = async (...input: Parameters<typeof build>) =>
    (await build(input[0], { run, ...input[1] })).notes.filter((note) => note.startsWith('VOLUME'));

  test('without a decision is reported with the option that decides it, in the order of names', async () => {
    const notes = await undecided({});
    expect(notes.map((note) => note.slice(0, 13))).toEqual(['VOLUME /b: pr', 'VOLUME /data:']);
    expect(notes[1]).toContain('--volume /data=encrypted[:KEYNAME], =tmpfs or =allowed');
  });

  test('is decided by an option for it or a directory above', async () => {
    for (const kind of ['tmpfs', 'encrypted', 'allowed'] as const) {
      const volumes = [
        { path: data, use: { kind } },
        { path: imagePath('/b'), use: { kind } },
      ];
      expect(await undecided({ volumes })).toEqual([]);
    }
  });

  test('is decided by the manifest of the user', async () => {
    const manifest = 'fs.mounts = [{ type = "tmpfs", path = "/data" }]\nsgx.allowed_files = ["file:/b/"]';
    expect(await undecided({}, { manifest })).toEqual([]);
  });
});

describe('secrets', () => {
  test('are mounted on top of the tmpfs and allowed, and reported as insecure', async () => {
    const { manifest, notes } = await build({ secrets: [{ name: 'k', path: secretPath('k') }] });
    const paths = manifest.fs.mounts.map(({ path }) => path);
    expect(manifest.fs.mounts.at(paths.indexOf('/run/secrets/k'))).toEqual({
      type: 'chroot',
      path: '/run/secrets/k',
      uri: 'file:/run/secrets/k',
    });
    expect(paths.indexOf('/run')).toBeLessThan(paths.indexOf('/run/secrets/k'));
    expect(manifest.sgx.allowed_files).toEqual(['file:/run/secrets/k']);
    expect(notes.join('\n')).toContain('insecure: --secret k: the host reads /run/secrets/k');
  });
});

describe('variables', () => {
  test("replace the image's, also the PATH that finds the program", async () => {
    const { manifest } = await build(
      {
        environment: [
          { kind: 'value', name: 'PATH', value: '/b' },
          { kind: 'value', name: 'A', value: 'new' },
        ],
      },
      {
        run: { Cmd: ['tool'], Env: ['PATH=/a', 'A=old', 'B=1'] },
        entries: [staticProgram('a/tool'), staticProgram('b/tool')],
      },
    );
    expect(manifest.libos.entrypoint).toBe('/b/tool');
    expect(manifest.loader.env).toMatchObject({ PATH: '/b', A: 'new', B: '1' });
  });

  test("that are library paths come after the runtime's C library, as the image's do", async () => {
    const pathWith = async (...[choices, run]: [Partial<BuildChoices>, RunConfig]) => {
      const { manifest } = await build(choices, {
        run: { Cmd: ['/tool'], ...run },
        entries: glibcProgram('tool'),
      });
      return manifest.loader.env.LD_LIBRARY_PATH;
    };
    const given = { kind: 'value', name: 'LD_LIBRARY_PATH', value: '/opt/x' } as const;
    const byOption = await pathWith({ environment: [given] }, { Env: ['LD_LIBRARY_PATH=/old'] });
    expect(byOption).toMatch(/^\/gramine\/runtime\/runtime\/glibc:\/opt\/x:\/usr\/lib/);
    expect(await pathWith({}, { Env: ['LD_LIBRARY_PATH=/opt/x'] })).toBe(byOption);
  });

  test('without a value are passed through, which is insecure', async () => {
    const { manifest, result } = await build(
      { environment: [{ kind: 'passthrough', name: 'A' }] },
      { run: { Env: ['A=image'] } },
    );
    expect(manifest.loader.env.A).toEqual({ passthrough: true });
    expect(result.insecure.map(({ path }) => path.join('.'))).toEqual(['loader.env.A.passthrough']);
    expect(result.overrides).toMatchObject([{ from: 'an option', own: '"image"' }]);
  });

  test('of the manifest of the user win', async () => {
    const { manifest, result } = await build(
      { environment: [{ kind: 'value', name: 'A', value: 'option' }] },
      { manifest: 'loader.env.A = "manifest"', run: { Env: ['A=image'] } },
    );
    expect(manifest.loader.env.A).toBe('manifest');
    expect(result.overrides).toMatchObject([{ from: 'your manifest', user: '"manifest"', own: '"option"' }]);
  });
});

describe('added files', () => {
  const file = (path: string, content = 'x', mode = 0o644) => ({
    path: imagePath(path),
    mode,
    content: Buffer.from(content),
  });

  test('are in the layer, owned by root, with the time of the layer, and trusted wherever they are', async () => {
    const { result, trusted } = await build({
      files: [file('/var/www/page'), file('/etc/new/a', 'y', 0o755)],
    });
    expect(trusted).toEqual(expect.arrayContaining(['/var/www/page', '/etc/new/a']));
    const entries = await entriesOf(result.image.layers.at(-1));
    expect(entries.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['etc/', 'etc/new/', 'etc/new/a', 'var/www/page']),
    );
    expect(entries.find(({ name }) => name === 'etc/new/a')).toMatchObject({
      mode: 0o755,
      uid: 0,
      gid: 0,
      mtimeSeconds: Date.parse('2024-05-06T07:08:09Z') / 1000,
    });
    expect((await fileIn(result.image, '/var/www/page'))?.toString()).toBe('x');
  });

  test('leave directories of the image alone', async () => {
    const { result } = await build({ files: [file('/etc/a')] }, { entries: [['etc', null, 0o700]] });
    const names = (await entriesOf(result.image.layers.at(-1))).map(({ name }) => name);
    expect(names).toContain('etc/a');
    expect(names).not.toContain('etc/');
  });

  test('can be what starts, with an interpreter of the image', async () => {
    const { manifest } = await build({
      files: [file('/opt/run', '#!/bin/sh -e\n', 0o755)],
      entrypoint: ['/opt/run'],
      cmd: ['1'],
    });
    expect(manifest.libos.entrypoint).toBe('/opt/run');
    expect(manifest.loader.argv).toEqual(['/opt/run', '1']);
  });

  test.each<[string, readonly string[]]>([
    ['is there', ['/app']],
    ['is a directory of the image', ['/bin']],
    ['leads through a file', ['/app/x']],
    ['leads through a link', ['/link/x']],
    ['is given twice', ['/a', '/a']],
    ['is below another one', ['/a', '/a/b']],
    ["is among gsc's own", ['/gramine/app_files/x']],
  ])('are refused where the path %s', async (_, paths) => {
    const entries: MadeEntry[] = [['link', { link: '/bin' }]];
    await expect(build({ files: paths.map((path) => file(path)) }, { entries })).rejects.toMatchObject({
      code: expect.stringMatching(/^(state|usage)$/),
    });
  });

  test('below a tmpfs are reported: nothing can reach them', async () => {
    const { notes, trusted } = await build({ files: [file('/tmp/x')] });
    expect(trusted).not.toContain('/tmp/x');
    expect(notes.join('\n')).toContain('--file /tmp/x: a mount or a volume hides it');
  });
});

describe('the command', () => {
  const run: RunConfig = { Entrypoint: ['/app', '-a'], Cmd: ['b'] };

  test.each<[string, Partial<BuildChoices>, readonly string[]]>([
    ['nothing chosen', {}, ['/app', '-a', 'b']],
    ['an entrypoint drops CMD', { entrypoint: ['/bin/sh'] }, ['/bin/sh']],
    ['an entrypoint of several words', { entrypoint: ['/bin/sh', '-c', 'x y'] }, ['/bin/sh', '-c', 'x y']],
    ['a cmd alone', { cmd: ['c', 'd'] }, ['/app', '-a', 'c', 'd']],
    ['no cmd', { cmd: [] }, ['/app', '-a']],
    ['both', { entrypoint: ['/bin/sh'], cmd: ['s'] }, ['/bin/sh', 's']],
    ['no entrypoint, a cmd', { entrypoint: [], cmd: ['/bin/sh', '1'] }, ['/bin/sh', '1']],
  ])('%s', async (_, choices, argv) => {
    const { manifest } = await build(choices, { run });
    expect(manifest.loader.argv).toEqual(argv);
  });

  test('an ENTRYPOINT of one empty word counts as none', async () => {
    const { manifest } = await build({}, { run: { Entrypoint: [''], Cmd: ['/app', '1'] } });
    expect(manifest.loader.argv).toEqual(['/app', '1']);
  });

  test('nothing to start is an error that names --entrypoint', async () => {
    await expect(build({ entrypoint: [] }, { run })).rejects.toMatchObject({
      code: 'entrypoint',
      hint: expect.stringContaining('--entrypoint'),
    });
  });

  test.each<[string, Partial<BuildChoices>, readonly string[], readonly string[] | undefined]>([
    ['the image as it is', {}, ['-a'], ['b']],
    ['an entrypoint', { entrypoint: ['/bin/sh', '-e'] }, ['-e'], undefined],
    ['an entrypoint and a cmd', { entrypoint: ['/bin/sh'], cmd: ['s'] }, [], ['s']],
    ['a cmd', { cmd: ['c'] }, ['-a'], ['c']],
    ['no entrypoint, a cmd', { entrypoint: [], cmd: ['/bin/sh', '1', '2'] }, [], ['1', '2']],
    ['no entrypoint, a cmd of one word', { entrypoint: [], cmd: ['/bin/sh'] }, [], undefined],
  ])('with insecure arguments, of %s the fixed words stay and the others can be replaced', async (...row) => {
    const [, choices, fixed, replaceable] = row;
    const { result } = await build(choices, { run, insecureArguments: true });
    const { Entrypoint, Cmd } = result.image.config.config ?? {};
    expect(Entrypoint?.slice(2)).toEqual(fixed);
    expect(Cmd ?? undefined).toEqual(replaceable);
  });
});

describe('presets', () => {
  const python: readonly MadeEntry[] = [staticProgram('bin/python3'), staticProgram('bin/redis-server')];
  const run: RunConfig = { Cmd: ['/bin/python3'], Env: ['OMP_NUM_THREADS=64'] };
  const settings = { run, entries: python };

  test('set what the program needs, and say so', async () => {
    const { manifest, result } = await build({ preset: 'auto' }, settings);
    expect(manifest.sgx).toMatchObject({ enclave_size: '1G', max_threads: 32 });
    expect(manifest.sys).toMatchObject({ stack: { size: '2M' }, enable_sigterm_injection: true });
    expect(result.preset?.preset.name).toBe('python');
    expect(manifest.fs.mounts.filter(({ path }) => path === '/tmp')).toHaveLength(1);
  });

  test('win over the image, lose against options and these against the manifest', async () => {
    const environment = [{ kind: 'value', name: 'OMP_NUM_THREADS', value: '2' }] as const;
    const manifestText = 'sgx.enclave_size = "4G"';
    const plain = await build({ preset: 'python' }, settings);
    expect(plain.manifest.loader.env.OMP_NUM_THREADS).toBe('4');
    expect(plain.result.overrides).toMatchObject([{ from: 'preset python', user: '"4"', own: '"64"' }]);
    const { manifest, result } = await build(
      { preset: 'python', environment },
      { ...settings, manifest: manifestText },
    );
    expect(manifest.loader.env.OMP_NUM_THREADS).toBe('2');
    expect(manifest.sgx).toMatchObject({ enclave_size: '4G', max_threads: 32 });
    expect(result.overrides.map(({ from, path }) => `${from}: ${path.join('.')}`)).toContain(
      'your manifest: sgx.enclave_size',
    );
  });

  test('that would fit are named where the size of the enclave is not set', async () => {
    const about = async (wishes: Wishes) => {
      const app = await appImage([[staticProgram('bin/redis-server')]], { Cmd: ['/bin/redis-server'] });
      return (await graminizeApp(app, wishes)).notes;
    };
    expect(await about({})).toEqual([expect.stringContaining('--preset redis')]);
    expect(await about({ manifest: 'sgx.enclave_size = "1G"' })).toEqual([]);
    expect(await about({ choices: { ...noChoices, preset: 'auto' } })).toEqual([]);
  });

  test('that do not fit are a note', async () => {
    const { notes, result } = await build({ preset: 'auto' });
    expect(result.preset).toBeUndefined();
    expect(notes.join('\n')).toContain('--preset auto: no preset fits /app');
  });
});

test('the same choices give the same image', async () => {
  const choices: Partial<BuildChoices> = {
    volumes: [{ path: data, use: { kind: 'allowed' } }],
    files: [{ path: imagePath('/x'), mode: 0o644, content: Buffer.from('y') }],
    preset: 'python',
    environment: [{ kind: 'value', name: 'A', value: '1' }],
  };
  const [one, two] = [await build(choices), await build(choices)];
  expect(one.result.image.manifest.digest).toBe(two.result.image.manifest.digest);
});

test('what the user allows by its own name is not trusted as well', async () => {
  const path: ImagePath = imagePath('/etc/state');
  const { trusted } = await build(
    {},
    {
      entries: [
        ['etc/state', 'x'],
        ['etc/other', 'y'],
      ],
      manifest: `sgx.allowed_files = ["file:${path}"]`,
    },
  );
  expect(trusted).toContain('/etc/other');
  expect(trusted).not.toContain('/etc/state');
});
