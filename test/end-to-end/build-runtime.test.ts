import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, type TestContext, test, vi } from 'vitest';
import { countOf, directly, type EngineStage, engineWith, idOf } from '../support/end-to-end/engine-stage.ts';
import { serveFiles } from '../support/end-to-end/loopback-server.ts';
import { startGsc } from '../support/end-to-end/running-gsc.ts';
import { type BuildWorld, layBuildWorld, loadBuildBase } from '../support/end-to-end/runtime-build-stage.ts';
import {
  closingAfterwards,
  needs,
  reporting,
  stageForTests,
  succeeding,
} from '../support/end-to-end/stage.ts';
import { runTool } from '../support/images/run-tool.ts';
import { makeDebianPackage } from '../support/runtime/make-package.ts';
import { scratchDirectory } from '../support/store/scratch.ts';

vi.setConfig({ testTimeout: 900_000 });

const stage = stageForTests();
const afterwards = closingAfterwards();

interface Place extends EngineStage {
  readonly world: BuildWorld;
}

let laid: Promise<Place> | undefined;

/** An Engine with an app and a base to build on; the sources beside it. Laid once. */
async function placeFor(context: TestContext): Promise<Place> {
  needs(context, 'cc git skopeo');
  laid ??= (async () => {
    const engineStage = await engineWith(context, 'busybox');
    const { mirror } = await loadBuildBase(context, engineStage.engine);
    const world = await layBuildWorld(join(stage().gsc.directory, 'world'), mirror);
    afterwards(world.server.close);
    return { ...engineStage, world };
  })();
  const place = await laid;
  place.wire.reset();
  return place;
}

const network = ['--network', 'host'];
const builds = /^POST .*\/build\?/;

/** Names of runtimes and of what the tests call so; what else is in the Engine does not count. */
async function namesIn({ engine }: EngineStage): Promise<readonly string[]> {
  const names = (await engine.docker('images', '--format', '{{.Repository}}:{{.Tag}}')).trim().split('\n');
  return names.filter((name) => !/<none>|^(busybox|debian|ubuntu):/.test(name)).sort();
}

/** Images without a name: what stages leave behind. */
async function danglingIn({ engine }: EngineStage): Promise<readonly string[]> {
  return (await engine.docker('images', '--filter', 'dangling=true', '--quiet')).trim().split('\n').sort();
}

async function labelOf(engine: EngineStage['engine'], name: string): Promise<string> {
  const format = '{{index .Config.Labels "gsc.runtime.patches"}}';
  return (await engine.docker('image', 'inspect', '--format', format, name)).trim();
}

/** The files of an image as another image, which has nothing else of it. */
async function copyWithoutLabels(engine: EngineStage['engine'], name: string): Promise<string> {
  const container = (await engine.docker('create', '--network=none', name, 'none')).trim();
  const file = join(scratchDirectory(), 'files.tar');
  await engine.docker('export', '-o', file, container);
  await engine.docker('rm', container);
  await engine.docker('import', file, 'copied-runtime:1');
  return 'copied-runtime:1';
}

async function forgetAll(place: EngineStage): Promise<void> {
  for (const name of await namesIn(place)) await place.engine.docker('rmi', '--force', name);
}

beforeEach(async () => {
  if (laid) await forgetAll(await laid);
});

describe('gsc build with a repository in the configuration', () => {
  test('builds the runtime, then graminizes with it, and the second time builds none', async (context) => {
    const { gsc } = stage();
    const place = await placeFor(context);
    const { engine, wire, env, world } = place;
    const config = world.configure('first.yaml');
    const args = ['build', '-c', config, ...network, 'busybox:1', '-o', 'first:1', '--json'];
    const first = await succeeding(gsc, args, { env });
    expect(first.stderr).toMatch(/RUN meson|RUN cd \/gramine/);
    expect(first.stderr).toContain('Run-time dependency libprotobuf-c found');
    expect(countOf(wire, builds)).toBe(1);
    expect(world.server.served().some((path) => /\/mirror\/debian\/pool\/nasm_.*\.deb$/.test(path))).toBe(
      true,
    );
    const names = await namesIn(place);
    expect(names).toEqual(['first:1', expect.stringMatching(/^gsc-runtime:[0-9a-f]{16}$/)]);
    wire.reset();
    const second = await succeeding(gsc, args, { env });
    expect(countOf(wire, builds)).toBe(0);
    expect(second.stderr).toMatch(/gsc-runtime:\w+ exists already; it is not built again/);
    const timeless = (text: string) => ({ ...JSON.parse(text), seconds: undefined });
    expect(timeless(second.stdout)).toEqual({ ...timeless(first.stdout), outcome: 'unchanged' });
    expect(await engine.docker(...directly, 'first:1')).toBe(
      await engine.docker('run', '--rm', '--network=none', 'busybox:1'),
    );
  });

  test('gives what the same runtime gives as Gramine.Image, a directory, an archive and a package', async (context) => {
    const { gsc, key } = stage();
    const place = await placeFor(context);
    const { engine, env, world } = place;
    const at = (name: string) => join(gsc.directory, name);
    const built = (runtime: readonly string[]) =>
      reporting(
        gsc,
        ['build', ...runtime, ...network, 'busybox:1', '-o', 'forms:1', '--force', '--key', key],
        { env },
      );
    const expected = await built(['-c', world.configure('forms.yaml')]);
    const [runtime = ''] = (await namesIn(place)).filter((name) => name.startsWith('gsc-runtime:'));
    writeFileSync(at('image.yaml'), `Gramine:\n  Image: ${runtime}\n`);
    await engine.docker('save', '-o', at('runtime-saved.tar'), runtime);
    const container = (await engine.docker('create', '--network=none', runtime, 'none')).trim();
    mkdirSync(at('unpacked'), { recursive: true });
    await engine.docker('export', '-o', at('exported.tar'), container);
    await engine.docker('rm', container);
    await runTool('tar', [
      '-xf',
      at('exported.tar'),
      '-C',
      at('unpacked'),
      '--exclude=dev/*',
      '--exclude=.dockerenv',
    ]);
    const deb = await makeDebianPackage(at('unpacked'), at('packaged'), {
      name: 'gramine',
      version: '1.9',
      compression: 'gzip',
    });
    for (const form of [
      ['-c', at('image.yaml')],
      ['--runtime', runtime],
      ['--runtime', at('unpacked')],
      ['--runtime', `docker-archive:${at('runtime-saved.tar')}`],
      ['--runtime', deb],
    ]) {
      const { image_id, mr_enclave } = await built(form);
      expect({ form, image_id, mr_enclave }).toEqual({
        form,
        image_id: expected.image_id,
        mr_enclave: expected.mr_enclave,
      });
    }
  });

  test('takes an app image that is not there for what it is before it builds anything', async (context) => {
    const { gsc } = stage();
    const { env, wire, world } = await placeFor(context);
    const { code, stderr } = await gsc(
      ['build', '-c', world.configure('missing.yaml'), ...network, 'docker-daemon:nothing:1'],
      { env },
    );
    expect([code, stderr]).toEqual([1, expect.stringMatching(/there is no such image/)]);
    expect(countOf(wire, builds)).toBe(0);
  });

  test('with Distro: auto builds on what the app image is, else on the default, and says so', async (context) => {
    const { gsc } = stage();
    const { engine, env, world } = await placeFor(context);
    const auto = world.configure('auto.yaml', { Distro: 'auto' });
    await engine.docker('tag', 'debian:12', 'own-debian:1');
    const onDebian = await succeeding(
      gsc,
      ['build', '-c', auto, ...network, 'own-debian:1', '--entrypoint', '/bin/true', '-o', 'auto:1'],
      { env },
    );
    expect(onDebian.stderr).toMatch(/building the runtime gsc-runtime:\w+ on debian:12 /);
    const elsewhere = await gsc(['build', '-c', auto, '--network', 'none', 'busybox:1', '-o', 'auto:2'], {
      env,
    });
    expect(elsewhere.stderr).toMatch(
      /no runtime is built on the app image's distribution: ubuntu:22\.04 is used/,
    );
    await engine.docker('rmi', 'own-debian:1');
  });
});

describe.each([
  ['the classic builder', '0', /RUN sh \/collect-runtime\.sh/],
  ['BuildKit', '1', /\[build \d+\/\d+\] RUN sh \/collect-runtime\.sh/],
])('gsc build-gramine with %s', (_name, wish, step) => {
  test('gives a complete runtime that name; again it is unchanged, under another name reused', async (context) => {
    const { gsc } = stage();
    const place = await placeFor(context);
    const { engine, wire, world } = place;
    const env = { ...place.env, DOCKER_BUILDKIT: wish };
    const build = (name: string, ...more: readonly string[]) =>
      succeeding(gsc, ['build-gramine', '-c', world.configure('builder.yaml'), ...network, ...more, name], {
        env,
      });
    const before = await danglingIn(place);
    const first = await build('my-gramine:1.9', '--rm', '--no-cache');
    expect(first.stderr).toMatch(step);
    const id = await idOf(engine, 'my-gramine:1.9');
    expect(first.stdout).toBe(`my-gramine:1.9 ${id}\n`);
    expect(await danglingIn(place)).toEqual(before);
    wire.reset();
    expect((await build('my-gramine:1.9')).stderr).toMatch(/exists already, built in the same way/);
    expect((await build('other:1')).stdout).toBe(`other:1 ${id}\n`);
    expect(countOf(wire, builds)).toBe(0);
    const report = JSON.parse((await build('other:1', '--json')).stdout);
    expect(report).toEqual({
      image: 'other:1',
      image_id: id,
      recipe: expect.stringMatching(/^sha256:/),
      outcome: 'unchanged',
    });
  });

  test('of a step that fails says which, shows its output, and leaves no name', async (context) => {
    const { gsc } = stage();
    const place = await placeFor(context);
    const { world } = place;
    writeFileSync(
      join(world.gramine.directory, 'meson.build'),
      "project('gramine', 'c')\nerror('this cannot be built')\n",
    );
    await world.gramine.commit('broken', `broken-${wish}`);
    const { code, stdout, stderr } = await gsc(
      [
        'build-gramine',
        '-q',
        '-c',
        world.configure('broken.yaml', { 'Gramine.Branch': `broken-${wish}` }),
        ...network,
        'broken:1',
        '--json',
      ],
      { env: { ...place.env, DOCKER_BUILDKIT: wish } },
    );
    expect([code, JSON.parse(stdout)]).toMatchObject([1, { error: { code: 'build' } }]);
    expect(stderr).toMatch(
      /the build failed at the step .*RUN cd \/gramine .*: it ended with code 1\n[\s\S]*\| .*ERROR: Problem encountered: this cannot be built/,
    );
    expect(stderr.startsWith('gsc: the runtime gsc-runtime:')).toBe(true);
    expect(await namesIn(place)).toEqual([]);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
    'ended by %s in the middle leaves no name and no running step',
    async (signal) => {
      const { gsc, bundle } = stage();
      if (!laid) throw new Error('the tests before this one lay the place');
      const place = await laid;
      const { engine, world } = place;
      const args = [
        'build-gramine',
        '-c',
        world.configure('ended.yaml', { 'Gramine.Branch': 'main' }),
        ...network,
        '--no-cache',
        'ended:1',
      ];
      const env = {
        PATH: process.env.PATH ?? '',
        HOME: join(gsc.directory, 'home'),
        ...place.env,
        DOCKER_BUILDKIT: wish,
      };
      const running = startGsc(bundle, args, { cwd: gsc.directory, env });
      await vi.waitFor(() => expect(running.stderr()).toMatch(/RUN apt-get update/), {
        timeout: 120_000,
        interval: 50,
      });
      running.process.kill(signal);
      const ended = await running.done;
      if (signal === 'SIGKILL') expect(ended.signal).toBe(signal);
      else expect([ended.code, ended.stderr]).toEqual([130, expect.stringContaining('gsc: interrupted')]);
      await expect.poll(() => engine.docker('ps', '--quiet'), { timeout: 60_000 }).toBe('');
      expect(await namesIn(place)).toEqual([]);
    },
  );
});

describe('what a runtime is built from', () => {
  test('a branch that has moved is built again; one that has not is not', async (context) => {
    const { gsc } = stage();
    const place = await placeFor(context);
    const { wire, env, world } = place;
    const { gramine } = world;
    await runTool('git', ['-C', gramine.directory, 'checkout', '--quiet', '-B', 'moving', 'v1.9']);
    await gramine.commit('first of moving');
    const config = world.configure('moving.yaml', { 'Gramine.Branch': 'moving' });
    const build = async () =>
      JSON.parse(
        (
          await succeeding(
            gsc,
            ['build-gramine', '-c', config, ...network, 'moving:1', '--force', '--json'],
            { env },
          )
        ).stdout,
      );
    const first = await build();
    expect(first.outcome).toBe('built');
    expect((await build()).outcome).toBe('unchanged');
    writeFileSync(join(gramine.directory, 'NEWS'), 'moved');
    await gramine.commit('second of moving');
    const moved = await build();
    expect(moved).toMatchObject({ outcome: 'built' });
    expect(moved.recipe).not.toBe(first.recipe);
    expect(countOf(wire, builds)).toBe(2);
    // Back to a commit that was built: by its digits.
    const commit = (await runTool('git', ['-C', gramine.directory, 'rev-parse', 'moving~1'])).trim();
    const byCommit = world.configure('commit.yaml', { 'Gramine.Branch': commit });
    const again = JSON.parse(
      (await succeeding(gsc, ['build-gramine', '-c', byCommit, ...network, 'commit:1', '--json'], { env }))
        .stdout,
    );
    expect(again).toMatchObject({ outcome: 'reused', image_id: first.image_id, recipe: first.recipe });
    // Where what the branch stands for cannot be queried: the last that was built for it.
    const withoutGit = { env: { ...env, PATH: scratchDirectory() } };
    const offline = ['build-gramine', '-c', config, ...network, '--json'];
    const { stdout, stderr } = await succeeding(gsc, [...offline, 'moving:1'], withoutGit);
    expect(stderr).toMatch(/the commit of moving cannot be looked up/);
    expect(JSON.parse(stdout)).toEqual({ ...moved, outcome: 'unchanged' });
    const other = await succeeding(gsc, [...offline, 'offline:1'], withoutGit);
    expect(JSON.parse(other.stdout)).toEqual({ ...moved, image: 'offline:1', outcome: 'reused' });
    expect(countOf(wire, builds)).toBe(2);
  });

  test('archives of a directory stand for downloads', async (context) => {
    const { gsc } = stage();
    const { env, world } = await placeFor(context);
    const { gramine } = world;
    const at = (name: string) => join(gsc.directory, name);
    mkdirSync(at('extra-1.0'), { recursive: true });
    writeFileSync(at('extra-1.0/meson.build'), "project('extra', 'c')\nmessage('the archive was taken')\n");
    mkdirSync(at('archives'), { recursive: true });
    await runTool('tar', ['-czf', at('archives/extra-1.0.tar.gz'), '-C', gsc.directory, 'extra-1.0']);
    const hash = (await runTool('sha256sum', [at('archives/extra-1.0.tar.gz')])).split(' ')[0];
    await runTool('git', ['-C', gramine.directory, 'checkout', '--quiet', '-B', 'subprojects', 'v1.9']);
    mkdirSync(join(gramine.directory, 'subprojects'), { recursive: true });
    writeFileSync(
      join(gramine.directory, 'subprojects/extra.wrap'),
      `[wrap-file]\ndirectory = extra-1.0\nsource_url = http://127.0.0.1:1/extra-1.0.tar.gz\nsource_filename = extra-1.0.tar.gz\nsource_hash = ${hash}\n`,
    );
    const main = join(gramine.directory, 'meson.build');
    writeFileSync(main, `${readFileSync(main, 'utf8')}\nsubproject('extra')\n`);
    await gramine.commit('with a subproject');
    const more = { 'Gramine.Branch': 'subprojects' };
    const without = await gsc(
      ['build-gramine', '-c', world.configure('no-archives.yaml', more), ...network, 'archives:1'],
      { env },
    );
    expect([without.code, without.stderr]).toEqual([
      1,
      expect.stringMatching(/the build failed at the step/),
    ]);
    const config = world.configure('archives.yaml', { ...more, 'Gramine.Subprojects': at('archives') });
    const { stderr } = await succeeding(gsc, ['build-gramine', '-c', config, ...network, 'archives:1'], {
      env,
    });
    expect(stderr).toContain('the archive was taken');
  });

  test('a driver outside of the kernel is cloned, with the login of its URL, and its headers count', async (context) => {
    const { gsc } = stage();
    const { env, world } = await placeFor(context);
    const locked = await serveFiles({ driver: world.driver.directory }, 'user:pass word');
    afterwards(locked.close);
    const config = world.configure('driver.yaml', {
      'SGXDriver.Repository': `${locked.url.replace('://', '://user:pass%20word@')}/driver/.git`,
      'SGXDriver.Branch': 'sgx_driver_1.9',
    });
    const { stdout, stderr } = await succeeding(
      gsc,
      ['build-gramine', '-v', '-c', config, ...network, 'driver:1'],
      { env },
    );
    expect(stdout + stderr).not.toMatch(/pass(?:%20| )word/);
    expect(stderr).toMatch(/Has header "\/driver\/sgx_user\.h" : YES/);
  });
});

test('gsc build-graphene builds Graphene with make, with the headers of its driver, below /graphene', async (context) => {
  const { gsc } = stage();
  const { engine, env, world } = await placeFor(context);
  mkdirSync(join(gsc.directory, 'world/wheels/toml'), { recursive: true });
  await makeWheel(join(gsc.directory, 'world/wheels'));
  const config = world.configure('graphene.yaml', {
    Distro: 'ubuntu:18.04',
    'Gramine.Repository': '',
    'Gramine.Branch': '',
    'Graphene.Repository': `${world.server.url}/graphene/.git`,
    'Graphene.Branch': 'v1.1',
    'SGXDriver.Repository': `${world.server.url}/driver/.git`,
    'SGXDriver.Branch': 'sgx_driver_1.9',
  });
  // Debian's pip needs it twice; its index is on loopback like all else.
  const pip = [
    'PIP_BREAK_SYSTEM_PACKAGES=1',
    'PIP_NO_INDEX=1',
    `PIP_FIND_LINKS=${world.server.url}/wheels/index.html`,
  ];
  const options = [...network, ...pip.flatMap((argument) => ['--build-arg', argument])];
  await succeeding(gsc, ['build-graphene', '-c', config, ...options, 'my-graphene:1.1'], { env });
  const container = (await engine.docker('create', '--network=none', 'my-graphene:1.1', 'none')).trim();
  await engine.docker('export', '-o', join(gsc.directory, 'graphene.tar'), container);
  await engine.docker('rm', container);
  const files = (await runTool('tar', ['-tf', join(gsc.directory, 'graphene.tar')])).split('\n');
  for (const name of [
    'pal-Linux',
    'pal-Linux-SGX',
    'libpal-Linux.so',
    'libpal-Linux-SGX.so',
    'libsysdb.so',
    'libc.so.6',
  ])
    expect(files).toContain(`graphene/Runtime/${name}`);
  expect(files.some((file) => file.endsWith('libprotobuf-c.so.1'))).toBe(true);
  const image = ['build', '-c', config, ...options, 'busybox:1', '-o', 'graphene-busybox:1'];
  const { stderr } = await succeeding(gsc, image, { env });
  expect(stderr).toMatch(/^ {2}runtime +Graphene 1\.1 /m);
  const run = ['run', '--rm', '--network=none', '-e', 'GSC_PAL=Linux', 'graphene-busybox:1'];
  expect(await engine.docker(...run)).toBe(await engine.docker('run', '--rm', '--network=none', 'busybox:1'));
});

// Last: they build the same runtime as other tests, and one leaves sources behind that do not fit.
describe('patches of the sources', () => {
  test('the sources are changed by default: report, labels, files and info-image say so', async (context) => {
    const { gsc, key } = stage();
    const place = await placeFor(context);
    const { engine, env, world } = place;
    const config = world.configure('patched.yaml');
    const args = ['build', '-c', config, ...network, 'busybox:1', '-o', 'patched:1', '--key', key, '--json'];
    const { stdout, stderr } = await succeeding(gsc, args, { env });
    expect(stderr).toContain('patches of Gramine: linear-parse, sha-extensions (Gramine.Patches)');
    expect(stderr).toMatch(/^ {2}runtime +Gramine 1\.9, linear parse, sha extensions from gsc-runtime:/m);
    expect(JSON.parse(stdout)).toMatchObject({
      runtime: { version: '1.9', patches: ['linear-parse', 'sha-extensions'] },
    });
    const [runtime = ''] = (await namesIn(place)).filter((name) => name.startsWith('gsc-runtime:'));
    for (const name of [runtime, 'patched:1'])
      expect(await labelOf(engine, name)).toBe('linear-parse,sha-extensions');
    const info = await succeeding(gsc, ['info-image', 'patched:1'], { env });
    expect(info.stdout).toMatch(/^# Gramine 1\.9, linear parse, sha extensions$/m);
    // Without its labels the files still tell.
    const copied = await copyWithoutLabels(engine, runtime);
    const again = await reporting(gsc, ['build', '--runtime', copied, 'busybox:1', '-o', 'copied:1'], {
      env,
    });
    expect(again).toMatchObject({ runtime: { patches: ['linear-parse', 'sha-extensions'] } });
  });

  test('[] builds the sources as they are, into another runtime', async (context) => {
    const { gsc } = stage();
    const { engine, env, world } = await placeFor(context);
    const config = world.configure('unpatched.yaml');
    writeFileSync(config, readFileSync(config, 'utf8').replace('Gramine:\n', 'Gramine:\n  Patches: []\n'));
    const args = ['build', '-c', config, ...network, 'busybox:1', '-o', 'unpatched:1'];
    const { stderr } = await succeeding(gsc, args, { env });
    expect(stderr).toMatch(/^ {2}runtime +Gramine 1\.9 from gsc-runtime:/m);
    expect(await labelOf(engine, 'unpatched:1')).toBe('');
  });

  test('sources that a patch does not fit end the build with its hint, and nothing is named', async (context) => {
    const { gsc } = stage();
    const place = await placeFor(context);
    const { env, world } = place;
    const { directory, commit } = world.gramine;
    await runTool('git', ['-C', directory, 'checkout', '--quiet', '-B', 'other-parser', 'v1.9']);
    writeFileSync(join(directory, 'subprojects/tomlc99/toml.c'), '/* another parser */\n');
    await commit('with another parser');
    const config = world.configure('unfit.yaml', { 'Gramine.Branch': 'other-parser' });
    const { code, stderr } = await gsc(['build-gramine', '-c', config, ...network, 'unfit:1'], { env });
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/1-linear-parse\.c: does not fit subprojects\/tomlc99\/toml\.c/),
    ]);
    expect(stderr).toMatch(/^hint: .*Gramine\.Patches: \[\] builds the sources as they are$/m);
    expect(await namesIn(place)).toEqual([]);
  });
});

/** A package for pip that has nothing in it, and the page that links to it. */
async function makeWheel(directory: string): Promise<void> {
  const name = 'toml-0.10.2-py3-none-any.whl';
  const info = join(directory, 'toml-0.10.2.dist-info');
  mkdirSync(info, { recursive: true });
  writeFileSync(join(directory, 'toml/__init__.py'), '');
  writeFileSync(join(info, 'METADATA'), 'Metadata-Version: 2.1\nName: toml\nVersion: 0.10.2\n');
  writeFileSync(
    join(info, 'WHEEL'),
    'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  );
  writeFileSync(join(info, 'RECORD'), '');
  await runTool('/usr/bin/python3', ['-m', 'zipfile', '-c', name, 'toml', 'toml-0.10.2.dist-info'], {
    cwd: directory,
  });
  writeFileSync(join(directory, 'index.html'), `<a href="${name}">${name}</a>`);
}
