import { spawnSync } from 'node:child_process';
import { DockerfileParser } from 'dockerfile-ast';
import { describe, expect, test } from 'vitest';
import { distributionNames } from '../../../src/runtime/recipe/distribution.ts';
import { makeRecipe } from '../../../src/runtime/recipe/make-recipe.ts';
import { linearParsePatch } from '../../../src/runtime/recipe/patches/linear-parse.ts';
import {
  baseImage,
  isUnresolved,
  namedSpec,
  type RuntimeBuildSpec,
  recipeDigest,
} from '../../../src/runtime/recipe/recipe.ts';
import { archive, orderOn, textOf } from '../../support/runtime/recipe/orders.ts';

const byDistribution: readonly (readonly [string, RuntimeBuildSpec])[] = [
  ...distributionNames('gramine').map((name) => [name, orderOn(name)] as const),
  ...distributionNames('graphene').map((name) => [name, orderOn(name, { family: 'graphene' })] as const),
];

const driver = { repository: 'https://git.example.com/linux-sgx-driver.git', revision: 'sgx_driver_1.9' };
const ownPatch = { name: 'mine.patch', fileName: 'mine.patch', content: Buffer.from('a diff') };
const byOption: readonly (readonly [string, RuntimeBuildSpec])[] = [
  ['debug', orderOn('debian:12', { buildType: 'debug' })],
  ['debugoptimized', orderOn('debian:12', { buildType: 'debugoptimized' })],
  ['registry', orderOn('ubuntu:22.04', { registry: 'registry.example.com/mirror' })],
  ['subprojects', orderOn('debian:12', { subprojects: [archive] })],
  ['patches', orderOn('debian:12', { subprojects: [archive], patches: [linearParsePatch, ownPatch] })],
  ['driver', orderOn('debian:12', { driver })],
  ['login', orderOn('debian:12', { driver: { ...driver, login: { username: 'user', password: 'secret' } } })],
  [
    'arguments',
    orderOn('debian:12', {
      buildArguments: new Map([
        ['PIP_INDEX_URL', 'x'],
        ['https_proxy', 'y'],
      ]),
    }),
  ],
  ...[
    'debian:12',
    'quay.io/centos/centos:stream9',
    'redhat/ubi9-minimal:9.4',
    'registry.suse.com/suse/sle15:15.4',
  ].map((name) => [`mirror-${name}`, orderOn(name, { mirror: 'https://mirror.example.com' })] as const),
  ['graphene-driver', orderOn('ubuntu:16.04', { family: 'graphene', driver, buildType: 'debug' })],
  ['graphene-subprojects', orderOn('ubuntu:18.04', { family: 'graphene', subprojects: [archive] })],
];
const all = [...byDistribution, ...byOption];

describe('the Dockerfile of', () => {
  test.each(all)('%s is the golden one', async (name, order) => {
    const text = textOf(makeRecipe(order).files, 'Dockerfile');
    await expect(text).toMatchFileSnapshot(`golden/${name.replace(/[/:]/g, '-')}.Dockerfile`);
  });

  test.each(all)(
    '%s is one to a parser of Dockerfiles: two stages, the second empty but for the result',
    (_name, order) => {
      const dockerfile = DockerfileParser.parse(textOf(makeRecipe(order).files, 'Dockerfile'));
      const froms = dockerfile.getFROMs().map((from) => [from.getImage(), from.getBuildStage()]);
      expect(froms).toEqual([
        [baseImage(order), 'build'],
        ['scratch', null],
      ]);
      const known = new Set(['FROM', 'ARG', 'ENV', 'RUN', 'COPY']);
      for (const instruction of dockerfile.getInstructions())
        expect(known).toContain(instruction.getKeyword());
      const [last] = dockerfile.getCOPYs().slice(-1);
      expect(last?.getFromFlag()?.getValue()).toBe('build');
    },
  );

  test.each(all)('%s runs only what a shell understands', (_name, order) => {
    const { files } = makeRecipe(order);
    const dockerfile = DockerfileParser.parse(textOf(files, 'Dockerfile'));
    for (const run of dockerfile.getInstructions().filter((each) => each.getKeyword() === 'RUN')) {
      const command = (run.getRawArgumentsContent() ?? '').replace(/^(--mount=\S+\s+)+/, '');
      expectShell(command.replaceAll('\\\n', ''));
    }
    expectShell(textOf(files, 'collect-runtime.sh'));
  });

  test.each(all)('%s wants just the secrets that it mounts, and no COPY of them', (_name, order) => {
    const { files, secrets, logins } = makeRecipe(order);
    const text = textOf(files, 'Dockerfile');
    const mounted = [...text.matchAll(/--mount=type=secret,id=([\w-]+),required=true/g)].map(
      (match) => match[1],
    );
    expect([...secrets.map(({ id }) => id), ...logins.keys()].sort()).toEqual(mounted.sort());
    expect(secrets.length > 0).toBe(order.distribution.entitlement !== undefined);
    expect(files.map(({ path }) => path).filter((path) => !/^(subprojects|patches)\//.test(path))).toEqual([
      'Dockerfile',
      'collect-runtime.sh',
    ]);
  });

  test.each([
    ['https://mirror.example.com', true],
    ['http://mirror.example.com', false],
  ])('a mirror at %s gives Debian its authorities first, if it takes them: %j', (mirror, isWanted) => {
    const text = textOf(makeRecipe(orderOn('debian:12', { mirror })).files, 'Dockerfile');
    expect(/Verify-Peer=false install .* ca-certificates\n/.test(text)).toBe(isWanted);
    // What is built with comes over a checked connection.
    expect(text).toMatch(/^RUN apt-get update/m);
  });

  test('a proxy is not an ARG: every Dockerfile knows it', () => {
    const buildArguments = new Map([
      ['https_proxy', 'p'],
      ['NO_PROXY', 'q'],
      ['PIP_INDEX_URL', 'r'],
    ]);
    const text = textOf(makeRecipe(orderOn('debian:12', { buildArguments })).files, 'Dockerfile');
    expect(text.match(/^ARG .*$/gm)).toEqual(['ARG PIP_INDEX_URL']);
  });
});

describe('a value that would change the Dockerfile itself', () => {
  test.each([
    ['a newline in a branch', { source: { repository: 'https://a/b', revision: 'v1\nRUN evil' } }],
    ['an option as a branch', { source: { repository: 'https://a/b', revision: '--upload-pack=evil' } }],
    ['an option as a repository', { source: { repository: '--upload-pack=evil', revision: 'v1' } }],
    ['an empty repository', { source: { repository: '', revision: 'v1' } }],
    ['a control character in a branch', { source: { repository: 'https://a/b', revision: 'a\u0007' } }],
    ['a newline in a registry', { registry: 'a\nRUN evil' }],
  ])('%s is refused', (_name, more) => {
    expect(() => makeRecipe(orderOn('debian:12', more))).toThrow(/cannot be written in a Dockerfile/);
  });

  test('quotes, blanks, dollars and backslashes of a branch stay a branch', () => {
    const revision = `a'b c"$(touch /evil)\\d;e`;
    const text = textOf(
      makeRecipe(orderOn('debian:12', { source: { repository: 'https://a/b', revision } })).files,
      'Dockerfile',
    );
    const quoted = /checkout --quiet --detach ('.*?;e') 2>/.exec(text)?.[1];
    const said = spawnSync('sh', ['-c', `printf %s ${quoted}`], { encoding: 'utf8' });
    expect(said.stdout).toBe(revision);
  });

  test.each(['', '1A', 'A B', 'A\nRUN x'])('the build argument %j is refused', (name) => {
    const buildArguments = new Map([[name, 'x']]);
    expect(() => makeRecipe(orderOn('debian:12', { buildArguments }))).toThrow(/expected NAME or NAME=VALUE/);
  });
});

describe('a login for a repository', () => {
  const login = { username: 'user', password: 'sesame' };
  const { source } = orderOn('debian:12');
  const order = orderOn('debian:12', { source: { ...source, login }, driver: { ...driver, login } });
  const recipe = makeRecipe(order);

  test('is a secret of the step that clones it, in the words of git, and in no file', () => {
    const text = textOf(recipe.files, 'Dockerfile');
    expect(text).toMatch(
      /^RUN --mount=type=secret,id=gramine-login,required=true git config .*\n.*git clone/m,
    );
    expect(text).toMatch(
      /^RUN --mount=type=secret,id=driver-login,required=true git config .*\n.*git clone/m,
    );
    expect([...recipe.logins].map(([id, content]) => [id, content.toString()])).toEqual([
      ['gramine-login', 'username=user\npassword=sesame\n'],
      ['driver-login', 'username=user\npassword=sesame\n'],
    ]);
    expect(recipe.files.some(({ content }) => content.includes('sesame'))).toBe(false);
  });

  test('does not decide on the digest: another password makes the same runtime', () => {
    const other = { username: 'user', password: 'other' };
    const changed = { ...order, source: { ...source, login: other } };
    expect(recipeDigest(makeRecipe(changed))).toBe(recipeDigest(recipe));
  });
});

describe('the digest of a recipe', () => {
  const digestOfOrder = (more: Partial<RuntimeBuildSpec>) =>
    recipeDigest(makeRecipe(orderOn('debian:12', more)));

  test('is the same for the same order', () => {
    expect(digestOfOrder({})).toBe(digestOfOrder({}));
  });

  test.each<[string, Partial<RuntimeBuildSpec>]>([
    [
      'the commit',
      { source: { repository: 'https://git.example.com/gramine.git', revision: 'ffff', name: 'v1.9' } },
    ],
    ['the build type', { buildType: 'debug' }],
    ['a mirror', { mirror: 'https://m.example.com' }],
    ['a subproject', { subprojects: [archive] }],
    ['a patch', { patches: [ownPatch] }],
    ['a build argument', { buildArguments: new Map([['A', '1']]) }],
    ['the distribution', orderOn('debian:13')],
  ])('changes with %s', (_name, more) => {
    expect(digestOfOrder(more)).not.toBe(digestOfOrder({}));
  });

  test('does not change with the name of the commit: a branch, a tag and its digits are one', () => {
    const { source } = orderOn('debian:12');
    const { name: _name, ...bare } = source;
    expect(digestOfOrder({ source: bare })).toBe(digestOfOrder({}));
    expect(digestOfOrder({ source: { ...bare, name: 'main' } })).toBe(digestOfOrder({}));
  });

  test('of the order by its names is that of an order whose names were not resolved', () => {
    const { source } = orderOn('debian:12');
    const { repository } = source;
    const resolved = orderOn('debian:12', { driver: { repository, revision: 'ffff', name: 'main' } });
    const unresolved = orderOn('debian:12', {
      source: { repository, revision: 'v1.9', isUnresolved: true },
      driver: { repository, revision: 'main', isUnresolved: true },
    });
    expect(recipeDigest(makeRecipe(namedSpec(resolved)))).toBe(recipeDigest(makeRecipe(unresolved)));
    expect([resolved, unresolved].map(isUnresolved)).toEqual([false, true]);
    // One of them is known to have moved, perhaps.
    expect(isUnresolved({ ...unresolved, source })).toBe(false);
  });

  test('changes with the content of a subproject and the value of an argument', () => {
    const other = { ...archive, content: Buffer.from('other') };
    expect(digestOfOrder({ subprojects: [other] })).not.toBe(digestOfOrder({ subprojects: [archive] }));
    const [one, two] = ['1', '2'].map((value) => digestOfOrder({ buildArguments: new Map([['A', value]]) }));
    expect(one).not.toBe(two);
  });

  test('changes with the order and the content of patches', () => {
    const digests = [
      [linearParsePatch, ownPatch],
      [ownPatch, linearParsePatch],
      [linearParsePatch, { ...ownPatch, content: Buffer.from('other') }],
      [linearParsePatch],
    ].map((patches) => digestOfOrder({ patches }));
    expect(new Set(digests).size).toBe(digests.length);
  });

  test('does not change with a proxy or the order of arguments', () => {
    expect(digestOfOrder({ buildArguments: new Map([['https_proxy', 'x']]) })).toBe(digestOfOrder({}));
    const pairs = [
      ['A', '1'],
      ['B', '2'],
    ] as const;
    expect(digestOfOrder({ buildArguments: new Map(pairs) })).toBe(
      digestOfOrder({ buildArguments: new Map([...pairs].reverse()) }),
    );
  });
});

function expectShell(script: string): void {
  const checked = spawnSync('sh', ['-n'], { input: script, encoding: 'utf8' });
  expect([checked.status, checked.stderr], script).toEqual([0, '']);
}
