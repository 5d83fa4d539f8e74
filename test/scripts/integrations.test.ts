import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { NoOperationTraceWriter } from '@actions/workflow-parser';
import { parseAction } from '@actions/workflow-parser/actions/index';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { addBuild } from '../../src/cli/commands/build-command.ts';
import { addCommonOptions } from '../../src/cli/program.ts';
import { bundledGsc, type GscResult, runProcess } from '../support/cli/gsc.ts';
import { writeApp } from '../support/cli/made-files.ts';
import { runTool } from '../support/images/run-tool.ts';
import { standinRuntime } from '../support/images/standin-runtime.ts';
import { longTest } from '../support/long-test.ts';
import { nodeProgram, otherNodes } from '../support/package/packed-gsc.ts';
import { testKey } from '../support/signature/test-key.ts';
import { testWithTool } from '../support/tool.ts';

const action = parse(readFileSync('integrations/github/action.yml', 'utf8'));
const [spec, jobs] = parseAllDocuments(readFileSync('integrations/gitlab/templates/build.yml', 'utf8')).map(
  (each) => each.toJS(),
);
const job = jobs['$[[ inputs.job-name ]]'];
const task = parse(readFileSync('integrations/tekton/task.yaml', 'utf8'));
const [installStep, buildStep] = action.runs.steps;
const [taskStep] = task.spec.steps;

/** The shell part of each, and how it names an input where it is handed over. */
const shellParts = {
  GitHub: { script: buildStep.run as string, environment: buildStep.env },
  GitLab: { script: job.script[0] as string, environment: job.variables },
  Tekton: {
    script: taskStep.script as string,
    environment: Object.fromEntries(
      taskStep.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
    ),
  },
};

const scratch = mkdtempSync(join(tmpdir(), 'gsc-integrations-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('the integrations', () => {
  test('are up to date', () => {
    execFileSync(process.execPath, ['scripts/integrations.mjs', '--check'], { stdio: 'pipe' });
  });

  test('have the options of gsc build as inputs, but for those that make no sense there', () => {
    const program = new Command();
    addBuild(program, () => async () => undefined);
    for (const command of program.commands) addCommonOptions(command);
    const options = program.commands[0]?.options ?? [];
    const left = ['passphrase', 'linux', 'graphene', 'json', 'quiet'];
    const names = options
      .flatMap(({ long }) => long?.replace(/^--/, '') ?? [])
      .filter((name) => !left.includes(name));
    const inputs = {
      GitHub: Object.keys(action.inputs),
      GitLab: Object.keys(spec.spec.inputs),
      Tekton: task.spec.params.map(({ name }: { name: string }) => name),
    };
    const own = ['package', 'key-pem', 'passphrase', 'stage', 'job-name', 'gsc-image'];
    for (const all of Object.values(inputs))
      expect(all.filter((name: string) => !own.includes(name)).sort()).toEqual(
        [...names, 'image', 'manifests'].sort(),
      );
  });

  test('hand inputs over as variables: none is in the text of a shell program', () => {
    for (const { script } of [...Object.values(shellParts), { script: installStep.run }])
      expect(script).not.toMatch(/\$\{\{|\$\[\[|\$\((?:params|inputs|workspaces|results)\./);
  });
});

describe('what the platforms say', () => {
  test('GitHub takes the action, expressions included', () => {
    const errorsIn = (content: string) => {
      const { context } = parseAction({ name: 'action.yml', content }, new NoOperationTraceWriter());
      return context.errors.getErrors().map(String);
    };
    const text = readFileSync('integrations/github/action.yml', 'utf8');
    expect(errorsIn(text)).toEqual([]);
    expect(errorsIn(text.replace('using: composite', 'using: nothing'))).not.toEqual([]);
    expect(errorsIn(text.replace('inputs.trust }}', 'nothing.trust }}'))).not.toEqual([]);
  });

  test('the linter of Tekton has nothing to say about the task', () => {
    const lint = async (file: string) =>
      (await runProcess([process.execPath, 'node_modules/.bin/tekton-lint', file], {})).stdout;
    const broken = join(scratch, 'task.yaml');
    writeFileSync(
      broken,
      readFileSync('integrations/tekton/task.yaml', 'utf8').replace('$(params.trust)', '$(params.nothing)'),
    );
    return Promise.all([
      expect(lint('integrations/tekton/task.yaml')).resolves.toBe('\n'),
      expect(lint(broken)).resolves.toContain("Undefined param 'nothing'"),
    ]);
  });

  testWithTool('shellcheck', 'shellcheck has nothing to say about the shell parts', () => {
    for (const { script } of [...Object.values(shellParts), { script: installStep.run as string }]) {
      execFileSync('shellcheck', ['--shell=sh', '--exclude=SC2034,SC2154', '-'], {
        input: script,
        encoding: 'utf8',
      });
    }
  });
});

describe('the shell part', () => {
  const bin = join(scratch, 'bin');
  const log = join(scratch, 'calls');
  let runtime = '';
  let keyText = '';

  beforeAll(async () => {
    runtime = (await standinRuntime()).root;
    await writeApp(join(scratch, 'app'), { entries: [['var/a', '1']] });
    const key = await testKey();
    keyText = readFileSync(key, 'utf8');
    mkdirSync(join(scratch, 'key'));
    copyFileSync(key, join(scratch, 'key/key.pem'));
    mkdirSync(bin);
    // gsc itself, with a list of what it was called with.
    const bundle = await bundledGsc();
    const words = `tr '\\0' '\\n' </proc/self/cmdline >>"${log}"\n`;
    writeFileSync(
      join(bin, 'gsc'),
      `#!/bin/sh\nprintf '%s\\n' "$@" >>"${log}"\n${words}exec "${process.execPath}" "${bundle}" "$@"\n`,
      { mode: 0o755 },
    );
  });

  /** The variables of a platform with these inputs, as it would expand them; all others have their defaults. */
  function variables(platform: keyof typeof shellParts, inputs: Readonly<Record<string, string>>) {
    const defaults = {
      ...Object.fromEntries(
        Object.entries<{ default?: string }>(action.inputs).map(([name, input]) => [
          name,
          input.default ?? '',
        ]),
      ),
      ...Object.fromEntries(
        Object.entries<{ default?: string }>(spec.spec.inputs).map(([name, input]) => [
          name,
          input.default ?? '',
        ]),
      ),
    };
    const value = (_: string, name: string) => ({ ...defaults, ...inputs })[name] ?? '';
    return Object.fromEntries(
      Object.entries<string>(shellParts[platform].environment).map(([name, text]) => [
        name,
        text
          .replace(
            /\$\{\{ inputs\.([\w-]+) \}\}|\$\[\[ inputs\.([\w-]+) \]\]|\$\(params\.([\w-]+)\)/g,
            (all, a, b, c) => value(all, a ?? b ?? c),
          )
          .replace(/\$\(results\.(\w+)\.path\)/g, (_, result) => join(scratch, result))
          .replace('$(workspaces.key.path)', inputs.keyDirectory ?? '')
          .replace('$(workspaces.dockerconfig.path)', ''),
      ]),
    );
  }

  function runPart(
    platform: keyof typeof shellParts,
    shell: readonly string[],
    inputs: Readonly<Record<string, string>>,
    more = {},
  ): Promise<GscResult> {
    rmSync(log, { force: true });
    const file = join(scratch, 'part.sh');
    writeFileSync(file, shellParts[platform].script);
    const env = {
      PATH: `${bin}:${process.env.PATH}`,
      HOME: scratch,
      TMPDIR: scratch,
      ...variables(platform, inputs),
      ...more,
    };
    return runProcess([...shell, file], { cwd: scratch, env });
  }

  /** What each platform made of its results. */
  const resultsOf = {
    GitHub: () => linesOf('github-output'),
    GitLab: () => linesOf('gsc.env'),
    Tekton: () =>
      Object.fromEntries(
        ['IMAGE_URL', 'IMAGE_DIGEST', 'MRENCLAVE'].map((name) => [
          name,
          readFileSync(join(scratch, name), 'utf8'),
        ]),
      ),
  };
  function linesOf(file: string): Readonly<Record<string, string>> {
    const lines = readFileSync(join(scratch, file), 'utf8').trim().split('\n');
    rmSync(join(scratch, file));
    return Object.fromEntries(
      lines
        .map((line) => line.split('=') as [string, string])
        .map(([name, value]) => [name.toUpperCase().replace('-', '_'), value]),
    );
  }
  const github = { GITHUB_OUTPUT: join(scratch, 'github-output') };

  const rows = [
    ['GitHub', ['bash', '--noprofile', '--norc', '-eo', 'pipefail'], {}, github],
    ['GitHub', ['bash', '-eu'], {}, github],
    ['GitLab', ['bash', '-eu'], { key: join(scratch, 'key/key.pem') }, {}],
    ['GitLab', ['busybox', 'sh'], { key: join(scratch, 'key/key.pem') }, {}],
    ['Tekton', ['bash', '-eu'], { keyDirectory: join(scratch, 'key') }, {}],
    ['Tekton', ['dash'], { keyDirectory: join(scratch, 'key') }, {}],
  ] as const;

  for (const [platform, shell, inputs, more] of rows)
    longTest(`of ${platform} builds and signs in ${shell.join(' ')}, and says what came out`, async () => {
      const output = `oci:out-${platform}-${shell[0]}:1`;
      const secret = platform === 'GitHub' ? { 'key-pem': keyText } : {};
      const all = {
        image: 'oci:app',
        runtime,
        output,
        date: '2026-01-02',
        force: 'true',
        ...secret,
        ...inputs,
      };
      const result = await runPart(
        platform,
        shell,
        { ...all, env: 'A=one two\nB=$(touch x) `y` "z"', trust: '/var/*\n' },
        more,
      );
      expect(result.code, result.stderr).toBe(0);
      const info = JSON.parse(
        await runTool(join(bin, 'gsc'), ['info-image', '--json', output], { cwd: scratch }),
      );
      expect(resultsOf[platform]()).toEqual({
        IMAGE_URL: output,
        IMAGE_DIGEST: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        MRENCLAVE: info.mr_enclave,
      });
      const called = readFileSync(log, 'utf8');
      expect(called).toContain('--env=A=one two\n--env=B=$(touch x) `y` "z"\n');
      expect(called).toContain('--trust=/var/*\n');
      expect(called + result.stdout + result.stderr).not.toContain(keyText.split('\n')[1]);
      expect(called).not.toContain('--debug');
    });

  longTest('takes the passphrase of a key through the environment', async () => {
    const pass = 'correct horse';
    const encrypted = await runTool('openssl', [
      'pkcs8',
      '-topk8',
      '-v2',
      'aes-256-cbc',
      '-in',
      join(scratch, 'key/key.pem'),
      '-passout',
      `pass:${pass}`,
    ]);
    const inputs = {
      image: 'oci:app',
      runtime,
      output: 'oci:out-pass:1',
      'key-pem': encrypted,
      passphrase: pass,
    };
    const result = await runPart('GitHub', ['bash', '-eu'], inputs, github);
    expect(result.code, result.stderr).toBe(0);
    expect(resultsOf.GitHub().MRENCLAVE).toMatch(/^[0-9a-f]{64}$/);
    expect(readFileSync(log, 'utf8') + result.stdout + result.stderr).not.toContain(pass);
    writeFileSync(join(scratch, 'key/passphrase'), `${pass}\n`, { mode: 0o600 });
    writeFileSync(join(scratch, 'key/key.pem'), encrypted, { mode: 0o600 });
    const again = await runPart('Tekton', ['dash'], {
      image: 'oci:app',
      runtime,
      output: 'oci:out-pass:2',
      keyDirectory: join(scratch, 'key'),
    });
    expect(again.code, again.stderr).toBe(0);
    writeFileSync(join(scratch, 'key/key.pem'), keyText, { mode: 0o600 });
    rmSync(join(scratch, 'key/passphrase'));
  });

  longTest('makes an unsigned image without a key, and no measurement', async () => {
    const result = await runPart(
      'GitHub',
      ['bash', '-eu'],
      { image: 'oci:app', runtime, output: 'oci:unsigned:1' },
      github,
    );
    expect(result.code, result.stderr).toBe(0);
    expect(resultsOf.GitHub()).toMatchObject({ IMAGE_URL: 'oci:unsigned:1', MRENCLAVE: '' });
  });

  longTest('fails as gsc fails, leaves no key, and says which input is wrong', async () => {
    const failing = await runPart(
      'GitHub',
      ['bash', '-eu'],
      { image: 'oci:nothing', runtime, 'key-pem': keyText },
      github,
    );
    expect(failing.code).toBe(1);
    expect(failing.stderr).toMatch(/gsc: nothing: the OCI layout cannot be read/);
    const wrong = await runPart(
      'GitHub',
      ['bash', '-eu'],
      { image: 'oci:app', runtime, force: 'yes' },
      github,
    );
    expect(wrong).toMatchObject({ code: 2, stderr: 'force: expected true or false\n' });
    const missing = await runPart('GitHub', ['bash', '-eu'], { runtime }, github);
    expect(missing.stderr).toMatch(/the input image is missing/);
    expect(await runTool('sh', ['-c', `ls -d "${scratch}"/tmp.* 2>/dev/null || true`])).toBe('');
  });

  testWithTool('rsync git', 'of GitLab runs as a component: inputs, schema, job and report', async () => {
    const project = join(scratch, 'project');
    mkdirSync(project);
    cpSync(resolve('integrations/gitlab/templates'), join(project, 'templates'), { recursive: true });
    cpSync(join(scratch, 'app'), join(project, 'app'), { recursive: true });
    const inputs = {
      image: 'oci:app',
      runtime,
      key: '$SIGNING_KEY',
      output: 'oci:out:1',
      env: 'A=1\nB=2\n',
      force: 'true',
    };
    const include = [{ local: 'templates/build.yml', inputs }];
    const check = { stage: 'test', needs: ['gsc-build'], script: ['echo "measured $MRENCLAVE"'] };
    writeFileSync(join(project, '.gitlab-ci.yml'), JSON.stringify({ include, check }));
    const git = (...words: string[]) =>
      runTool('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.example', ...words], { cwd: project });
    await git('init', '--quiet', '--initial-branch=main');
    await git('remote', 'add', 'origin', 'git@gitlab.example:group/project.git');
    await git('add', '.');
    await git('commit', '--quiet', '--message', 'a');
    const node = await nodeProgram(otherNodes[0]);
    const words = [
      '--force-shell-executor',
      '--variable',
      `SIGNING_KEY=${join(scratch, 'key/key.pem')}`,
      '--home',
      scratch,
    ];
    const env = { PATH: `${bin}:${process.env.PATH}`, HOME: scratch };
    const run = await runProcess([node, resolve('node_modules/gitlab-ci-local/dist/index.js'), ...words], {
      cwd: project,
      env,
    });
    expect(run.code, run.stdout + run.stderr).toBe(0);
    expect(run.stdout + run.stderr).toContain('json schema validated');
    const info = JSON.parse(
      await runTool(join(bin, 'gsc'), ['info-image', '--json', 'oci:out:1'], { cwd: project }),
    );
    expect(run.stdout).toContain(`measured ${info.mr_enclave}`);
  });
});
