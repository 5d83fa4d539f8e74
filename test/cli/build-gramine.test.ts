import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';

let gsc: GscHere;
beforeAll(async () => {
  gsc = gscInProcess();
});

const commit = '0123456789abcdef0123456789abcdef01234567';
const gramine = `Gramine:\n  Repository: https://git.example.com/gramine.git\n  Branch: ${commit}\n`;
const withoutEngine = { env: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } };

/** Runs it in its own directory with this configuration. */
async function run(config: string, args: readonly string[], more: Parameters<GscHere>[1] = {}) {
  const cwd = join(gsc.directory, `run-${Math.floor(performance.now() * 1000)}`);
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'config.yaml'), config);
  const result = await gsc(['build-gramine', ...args], { ...withoutEngine, ...more, cwd });
  return { ...result, at: (name: string) => join(cwd, name) };
}

describe('gsc build-gramine --file-only', () => {
  test('writes Dockerfile and context without an Engine and prints the path', async () => {
    const { code, stdout, at } = await run(`Distro: debian:12\n${gramine}`, ['-f', 'my/gramine:1.9']);
    expect([code, stdout]).toEqual([0, 'build/gsc-my-gramine-1.9/Dockerfile\n']);
    expect(readFileSync(at(stdout.trim()), 'utf8')).toMatch(
      new RegExp(`^FROM debian:12 AS build$[\\s\\S]*checkout --quiet --detach ${commit}`, 'm'),
    );
    expect(existsSync(at('build/gsc-my-gramine-1.9/collect-runtime.sh'))).toBe(true);
  });

  test('changes the sources by default so that starts are fast, and says so', async () => {
    const { stderr, at } = await run(`Distro: debian:12\n${gramine}`, ['-f', '-o', 'out', 'x']);
    expect(stderr).toContain('patches of Gramine: linear-parse, sha-extensions (Gramine.Patches)\n');
    expect(readFileSync(at('out/Dockerfile'), 'utf8')).toMatch(
      /^COPY patches\/ \/patches\/\nRUN python3 \/patches\/apply-patches\.py \/gramine \/patches\/1-linear-parse\.c \/patches\/2-sha-extensions\.c$/m,
    );
    expect(readFileSync(at('out/patches/1-linear-parse.c'), 'utf8')).toMatch(/^\/\*\n \* linear-parse: /);
    expect(readFileSync(at('out/patches/2-sha-extensions.c'), 'utf8')).toMatch(/^\/\*\n \* sha-extensions: /);
  });

  test('takes own patches by their paths, from the directory of the configuration, and none for []', async () => {
    const cwd = join(gsc.directory, 'patches');
    mkdirSync(join(cwd, 'sub'), { recursive: true });
    const diff = 'diff --git a/meson.build b/meson.build\n';
    writeFileSync(join(cwd, 'sub/my own.diff'), diff);
    const recipeOf = async (patches: string) => {
      writeFileSync(join(cwd, 'sub/c.yaml'), `Distro: debian:12\n${gramine}  Patches: ${patches}\n`);
      const args = ['build-gramine', '-f', '-o', 'out', '--force', '--json', '-c', 'sub/c.yaml', 'x'];
      const { code, stdout, stderr } = await gsc(args, { ...withoutEngine, cwd });
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('hint')]);
      return {
        recipe: JSON.parse(stdout).recipe,
        dockerfile: readFileSync(join(cwd, 'out/Dockerfile'), 'utf8'),
      };
    };
    const both = await recipeOf('[linear-parse, ./my own.diff]');
    expect(both.dockerfile).toContain(' /patches/1-linear-parse.c /patches/2-my-own.patch\n');
    expect(readFileSync(join(cwd, 'out/patches/2-my-own.patch'), 'utf8')).toBe(diff);
    const byDefault = await recipeOf('');
    const off = await recipeOf('[]');
    expect(off.dockerfile).not.toContain('patches');
    expect(existsSync(join(cwd, 'out/patches'))).toBe(false);
    expect(new Set([both.recipe, byDefault.recipe, off.recipe]).size).toBe(3);
  });

  test('says which secrets the build wants, and reads none', async () => {
    const { code, stderr } = await run(`Distro: redhat/ubi9:9.4\n${gramine}`, ['--file-only', 'x']);
    expect([code, stderr]).toEqual([0, expect.stringContaining('--secret id=rhel-key,src=FILE')]);
  });

  test("knows the Python tool's spelling of no cache, and its build types", async () => {
    const { code, stdout, at } = await run(`Distro: debian:12\n${gramine}`, [
      '-nc',
      '-b',
      'debug',
      '--rm',
      '-f',
      '-o',
      'out',
      'x',
    ]);
    expect([code, stdout]).toEqual([0, 'out/Dockerfile\n']);
    expect(readFileSync(at('out/Dockerfile'), 'utf8')).toContain('--buildtype=debug ');
    expect((await run(gramine, ['-b', 'fast', '-f', 'x'])).code).toBe(2);
  });

  test('takes build arguments with a value, or with that of this machine; an unset one is none', async () => {
    const { code, at } = await run(
      `Distro: debian:12\n${gramine}`,
      [
        '-f',
        '-o',
        'out',
        '--build-arg',
        'A=1=2',
        '--build-arg',
        'B',
        '--build-arg',
        'C',
        '--build-arg',
        'https_proxy=p',
        'x',
      ],
      { env: { ...withoutEngine.env, B: 'two' } },
    );
    expect(code).toBe(0);
    expect(readFileSync(at('out/Dockerfile'), 'utf8').match(/^ARG .*$/gm)).toEqual(['ARG A', 'ARG B']);
  });

  test('says the same in JSON', async () => {
    const { stdout } = await run(`Distro: debian:12\n${gramine}`, ['-f', '--json', 'x']);
    expect(JSON.parse(stdout)).toEqual({
      directory: 'build/gsc-x',
      dockerfile: 'build/gsc-x/Dockerfile',
      recipe: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      outcome: 'written',
    });
  });

  test('without a Distro takes the default and says so; for Graphene that of Graphene', async () => {
    const first = await run(gramine, ['-f', 'x']);
    expect(first.stderr).toContain('no Distro is configured: ubuntu:22.04 is used');
    const second = await run(gramine.replace('Gramine:', 'Graphene:'), ['-f', 'x']);
    expect(second.stderr).toContain('no Distro is configured: ubuntu:18.04 is used');
    expect(readFileSync(second.at('build/gsc-x/Dockerfile'), 'utf8')).toContain('make -C /graphene');
  });

  test('is the same by its other name', async () => {
    const cwd = join(gsc.directory, 'alias');
    mkdirSync(cwd);
    writeFileSync(
      join(cwd, 'config.json'),
      JSON.stringify({ Distro: 'ubuntu18.04', Graphene: { Repository: 'https://a/b', Branch: commit } }),
    );
    const { code, stdout } = await gsc(['build-graphene', '-f', 'x'], { cwd });
    expect([code, stdout]).toEqual([0, 'build/gsc-x/Dockerfile\n']);
  });

  test('takes the files of the Python tool as they are', async () => {
    const python = `# a comment
Distro: "ubuntu:20.04"
Registry: ""
Gramine:
    Repository: "https://git.example.com/gramine.git"
    Branch:     "${commit}"
SGXDriver:
    Repository: ""
    Branch:     ""
`;
    expect((await run(python, ['-f', 'x'])).code).toBe(0);
  });

  test('takes the DCAP driver as the template of the Python tool names it, without the command after it', async () => {
    const config = `Distro: ubuntu:20.04
${gramine}SGXDriver:
  Repository: http://127.0.0.1:1/SGXDataCenterAttestationPrimitives.git
  Branch: "DCAP_1.11 && cp -r driver/linux/* ."
`;
    const { code, at } = await run(config, ['-f', '-o', 'out', 'x']);
    expect(code).toBe(0);
    const dockerfile = readFileSync(at('out/Dockerfile'), 'utf8');
    expect(dockerfile).toMatch(/-C \/driver .*checkout --quiet --detach DCAP_1\.11 /);
    expect(dockerfile).toContain('cp -r /driver/driver/linux/. /driver/');
    expect(dockerfile).not.toContain('&& cp -r driver/linux/* .');
  });

  test('puts a registry before the distribution as it is written', async () => {
    const config = `Distro: centos:stream9\nRegistry: quay.io/centos\n${gramine}`;
    const { at } = await run(config, ['-f', '-o', 'out', 'x']);
    expect(readFileSync(at('out/Dockerfile'), 'utf8')).toContain('FROM quay.io/centos/centos:stream9 AS');
  });
});

describe('gsc build-gramine refuses', () => {
  test.each<[string, string, readonly string[], RegExp]>([
    [
      'auto: there is no app image',
      `Distro: auto\n${gramine}`,
      [],
      /config\.yaml:1:1: Distro: auto means the distribution of the app image[\s\S]*hint: name one of ubuntu:20\.04, /,
    ],
    [
      'another distribution, with the near one',
      `Distro: ubuntu:22.40\n${gramine}`,
      [],
      /config\.yaml:1:1: Distro: Gramine is not built on ubuntu:22\.40\nhint: did you mean ubuntu:22\.04\?/,
    ],
    [
      'a built runtime',
      `Distro: debian:12\nGramine:\n  Image: x\n`,
      [],
      /config\.yaml:3:3: .*nothing to build/,
    ],
    [
      'two kinds of sources',
      `${gramine}${gramine.replace('Gramine:', 'Graphene:')}`,
      [],
      /config\.yaml:5:3: .*both Gramine and Graphene/,
    ],
    [
      'a repository that is a path',
      `Distro: debian:12\nGramine:\n  Repository: /srv/gramine\n`,
      [],
      /config\.yaml:3:3: expected a repository/,
    ],
    [
      'a registry that is a URL',
      `Distro: debian:12\nRegistry: https://registry.example.com\n${gramine}`,
      [],
      /config\.yaml:2:1: Registry: expected HOST/,
    ],
    [
      'a mirror that is no URL',
      `Distro: debian:12\nMirror: mirror.example.com\n${gramine}`,
      [],
      /config\.yaml:2:1: Mirror: expected the URL/,
    ],
    [
      'a login for a mirror: layers would keep it',
      `Distro: debian:12\nMirror: https://user:sesame@a\n${gramine}`,
      [],
      /^(?![\s\S]*sesame)[\s\S]*config\.yaml:2:1: Mirror: the URL has a login/,
    ],
    [
      'a mirror that would end the command',
      `Distro: debian:12\nMirror: "http://a/#;evil"\n${gramine}`,
      [],
      /Mirror: expected the URL/,
    ],
    [
      'archives that are not there',
      `Distro: debian:12\n${gramine}  Subprojects: none\n`,
      [],
      /none: the directory of subprojects cannot be read/,
    ],
    [
      'an unknown patch, with the near one',
      `Distro: debian:12\n${gramine}  Patches: linear-pars\n`,
      [],
      /config\.yaml:5:3: Gramine\.Patches: unknown patch linear-pars\nhint: did you mean linear-parse\?/,
    ],
    [
      'an unknown patch that may have been meant as a file',
      `Distro: debian:12\n${gramine}  Patches: [linear-parse, mine]\n`,
      [],
      /Gramine\.Patches: unknown patch mine\nhint: .*linear-parse, sha-extensions; .*\.\/mine\.patch/,
    ],
    [
      'a patch that is not there',
      `Distro: debian:12\n${gramine}  Patches: ./nowhere.patch\n`,
      [],
      /nowhere\.patch: the patch cannot be read/,
    ],
    [
      'a patch that is not a diff',
      `Distro: debian:12\n${gramine}  Patches: ./config.yaml\n`,
      [],
      /config\.yaml:5:3: Gramine\.Patches: \.\/config\.yaml is not a unified diff\nhint: make it with git diff/,
    ],
    [
      'a patch twice',
      `Distro: debian:12\n${gramine}  Patches: [linear-parse, linear-parse]\n`,
      [],
      /config\.yaml:5:3: Gramine\.Patches: linear-parse is named twice/,
    ],
    [
      'a build argument without a name',
      `Distro: debian:12\n${gramine}`,
      ['--build-arg', '=x'],
      /--build-arg: expected NAME or NAME=VALUE/,
    ],
    [
      'an unknown setting, with the near one',
      `Distro: debian:12\n${gramine}  Subproject: x\n`,
      [],
      /config\.yaml:5:3: unknown key Gramine\.Subproject\nhint: did you mean Subprojects\?/,
    ],
  ])('%s', async (_name, config, more, message) => {
    const { code, stderr } = await run(config, ['-f', ...more, 'x']);
    expect(stderr).toMatch(message);
    expect(code).toBe(stderr.includes('cannot be read') ? 1 : 2);
  });

  test('a directory of subprojects without an archive in it', async () => {
    const directory = join(gsc.directory, 'checkout/subprojects');
    mkdirSync(join(directory, 'packagecache'), { recursive: true });
    writeFileSync(join(directory, 'glibc.wrap'), '');
    const { code, stderr } = await run(`Distro: debian:12\n${gramine}  Subprojects: ${directory}\n`, [
      '-f',
      'x',
    ]);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/got one without any directly in it\nhint: .*packagecache/),
    ]);
  });

  test.each(['oci:dir:x', 'docker-daemon:x:1', 'docker://host/x', 'docker-archive:x.tar', 'UPPER', 'a:b:c'])(
    '%s: a result that no Engine can have',
    async (name) => {
      const { code } = await run(`Distro: debian:12\n${gramine}`, ['-f', name]);
      expect(code).toBe(2);
    },
  );
});

test('without an Engine gsc build-gramine says what is missing', async () => {
  const { code, stderr } = await run(`Distro: debian:12\n${gramine}`, ['x']);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/the Engine is not running/)]);
});
