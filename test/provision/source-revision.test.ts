import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { findSource } from '../../src/provision/source-revision.ts';
import { testWorld } from '../support/cli/test-world.ts';
import { type LoopbackServer, serveFiles } from '../support/end-to-end/loopback-server.ts';
import { repositoryOf } from '../support/end-to-end/source-repository.ts';
import { closingAfterwards } from '../support/end-to-end/stage.ts';
import { runTool } from '../support/images/run-tool.ts';
import { scratchDirectory } from '../support/store/scratch.ts';

const afterwards = closingAfterwards();
const world = testWorld({ PATH: process.env.PATH ?? '' });
let server: LoopbackServer;
let first = '';
let second = '';
let directory = '';

beforeAll(async () => {
  directory = join(scratchDirectory(), 'repository');
  const repository = await repositoryOf(directory, { file: '1' });
  first = await repository.commit('first', 'v1.0');
  await runTool('git', [
    '-C',
    directory,
    '-c',
    'user.name=t',
    '-c',
    'user.email=t@example.com',
    'tag',
    '-a',
    '-m',
    'x',
    'annotated',
  ]);
  await runTool('git', ['-C', directory, 'branch', 'topic/one']);
  await runTool('git', ['-C', directory, 'branch', 'deadbeef']);
  writeFileSync(join(directory, 'file'), '2');
  second = await repository.commit('second');
  // A branch and a tag of one name, as git allows.
  await runTool('git', ['-C', directory, 'branch', 'both', second]);
  await runTool('git', ['-C', directory, 'tag', 'both', first]);
  await runTool('git', ['-C', directory, 'update-server-info']);
  server = await serveFiles({ repository: directory });
  afterwards(server.close);
});

const find = (branch?: string, repository = `${server.url}/repository/.git`) =>
  findSource(world, { repository, place: 'config.yaml:2:3', ...(branch !== undefined && { branch }) });

describe('the commit of', () => {
  test.each([
    ['a branch', 'main', () => second],
    ['a branch that could be the beginning of a commit', 'deadbeef', () => first],
    ['a branch with a slash', 'topic/one', () => first],
    ['a tag', 'v1.0', () => first],
    ['an annotated tag: not the tag object itself', 'annotated', () => first],
    ['a name of a branch and a tag: the branch, as for git clone', 'both', () => second],
  ])('%s is asked of the repository', async (_name, branch, commit) => {
    const source = await find(branch);
    expect(source).toEqual({ repository: `${server.url}/repository/.git`, revision: commit(), name: branch });
  });

  test('no name is that of the default branch', async () => {
    expect(await find()).toMatchObject({ revision: second, name: 'HEAD' });
  });

  test('a commit stands for itself, without a request', async () => {
    const commit = '0123456789abcdef0123456789abcdef01234567';
    expect(await find(commit, 'https://127.0.0.1:1/x.git')).toEqual({
      repository: 'https://127.0.0.1:1/x.git',
      revision: commit,
    });
    expect(await find('0123456', 'https://127.0.0.1:1/x.git')).toMatchObject({ revision: '0123456' });
  });
});

describe('a name', () => {
  test('that the repository does not have is an error with the place, and the name that is near', async () => {
    await expect(find('v1.1')).rejects.toMatchObject({
      code: 'config',
      subject: 'config.yaml:2:3',
      message: expect.stringContaining('has no branch or tag v1.1'),
      hint: 'did you mean v1.0?',
    });
    await expect(find('entirely-different')).rejects.toMatchObject({
      hint: expect.stringContaining('ls-remote'),
    });
  });

  test('that looks like an option is none to git', async () => {
    const trace = join(scratchDirectory(), 'made');
    for (const branch of [`--upload-pack=touch ${trace};`, '--symref', '-h']) {
      await expect(find(branch)).rejects.toMatchObject({
        code: 'config',
        message: expect.stringContaining(`has no branch or tag ${branch}`),
      });
    }
    expect(existsSync(trace)).toBe(false);
  });

  test('is never taken for another that ends like it', async () => {
    await expect(find('one')).rejects.toMatchObject({ code: 'config' });
  });

  test('stays where there is no answer, with the reason', async () => {
    const source = await find('main', 'http://127.0.0.1:1/repository/.git');
    expect(source).toMatchObject({
      revision: 'main',
      isUnresolved: true,
      obstacle: expect.stringContaining('unable to access'),
    });
  });

  test('stays where there is no git, with the reason', async () => {
    const empty = scratchDirectory();
    mkdirSync(join(empty, 'bin'));
    const source = await findSource(testWorld({ PATH: join(empty, 'bin') }), {
      repository: `${server.url}/repository/.git`,
      branch: 'main',
      place: 'x',
    });
    expect(source).toMatchObject({ revision: 'main', obstacle: 'git is not installed on this machine' });
  });
});

describe('a login in the URL', () => {
  const locked = async () => {
    const lock = await serveFiles({ repository: directory }, 'user:pass word');
    afterwards(lock.close);
    return (userinfo: string) => lock.url.replace('://', `://${userinfo}@`).concat('/repository/.git');
  };

  test('is passed to git, and is not part of the repository', async () => {
    const url = await locked();
    const source = await find('main', url('user:pass%20word'));
    expect(source).toEqual({
      repository: url('').replace('@', ''),
      revision: second,
      name: 'main',
      login: { username: 'user', password: 'pass word' },
    });
  });

  test('that is wrong is an obstacle that does not show it', async () => {
    const url = await locked();
    const { obstacle } = await find('main', url('user:wrong-one'));
    expect(obstacle).toMatch(/Authentication failed/);
    expect(obstacle).not.toContain('wrong-one');
  });

  test.each(['https://user:pass%0Aword@a/b.git', 'evil://user:password@a/b.git'])(
    '%s is refused without being shown',
    async (url) => {
      await expect(find('main', url)).rejects.toMatchObject({
        code: 'config',
        message: expect.not.stringMatching(/pass|word/),
      });
    },
  );

  test.each([
    ['https://TOKEN@a/b.git', { username: 'TOKEN', password: '' }],
    ['https://a:b:c%40d@a/b.git', { username: 'a', password: 'b:c@d' }],
    ['https://a:100%@a/b.git', { username: 'a', password: '100%' }],
  ])('%s is one', async (url, login) => {
    expect(await find('0123456789', url)).toEqual({
      repository: 'https://a/b.git',
      revision: '0123456789',
      login,
    });
  });
});

test.each([
  '/srv/gramine',
  './gramine',
  'file:///srv/gramine',
  'gramine',
  'ext::sh -c evil',
  'ssh://git@a/b',
  'git@git.example.com:a/b.git',
  '-u',
  'https://',
])('the repository %j is refused: no container could clone it', async (repository) => {
  await expect(find('main', repository)).rejects.toMatchObject({
    code: 'config',
    message: expect.stringContaining('can clone'),
  });
});

test.each(['https://a/b.git', 'git://a/b', 'http://a:8080/b'])(
  'the repository %j is one',
  async (repository) => {
    const commit = '0123456789abcdef0123456789abcdef01234567';
    expect(await find(commit, repository)).toEqual({ repository, revision: commit });
  },
);
