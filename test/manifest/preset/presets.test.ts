import { describe, expect, test } from 'vitest';
import { mergeManifests } from '../../../src/manifest/merge.ts';
import { detectPreset } from '../../../src/manifest/preset/detect-preset.ts';
import { presets } from '../../../src/manifest/preset/preset-table.ts';
import { applyPreset, presetFor, presetNames } from '../../../src/manifest/preset/presets.ts';
import { checkManifest } from '../../../src/manifest/schema/check.ts';
import { checkRuntimeRules } from '../../../src/manifest/schema/runtime-rules.ts';
import { serializeManifest } from '../../../src/manifest/toml/serialize.ts';
import { parseToml, showPath } from '../../../src/manifest/toml/toml.ts';
import { gramineReleases, parseRuntimeVersion } from '../../../src/runtime/version.ts';
import { scanImage } from '../../../src/scan/scan-image.ts';
import { type ContainerProcess, findStart } from '../../../src/start/container-process.ts';
import { appImage, staticProgram } from '../../support/graminized/app-image.ts';
import type { MadeEntry } from '../../support/scan/made-layers.ts';

const newest = parseRuntimeVersion('1.9');

async function startOf(argv: readonly string[], entries: readonly MadeEntry[]): Promise<ContainerProcess> {
  const app = await appImage([entries], { Entrypoint: [...argv], Env: ['PATH=/bin'] });
  return findStart(app.config, (await scanImage(app)).tree, 'test');
}

describe('the table of presets', () => {
  const cases = presets.flatMap((preset) =>
    gramineReleases.flatMap((release) =>
      [false, true].map((hasEdmm) => [preset.name, release, hasEdmm, preset] as const),
    ),
  );

  test.each(cases)('%s is a valid manifest for Gramine %s (EDMM: %s)', (_, release, hasEdmm, preset) => {
    const version = parseRuntimeVersion(release);
    const { manifest } = applyPreset(preset, { version, hasEdmm });
    const user = parseToml(`sgx.edmm_enable = ${hasEdmm}`, 'm').root;
    const document = parseToml(serializeManifest(mergeManifests(user, manifest).merged), 'preset');
    expect(checkManifest(document, version, 'user')).toEqual([]);
    expect(checkRuntimeRules(document, version)).toEqual([]);
  });

  test('gives a reason for each value, and no name twice', () => {
    for (const { settings } of presets) for (const { reason } of settings) expect(reason).toMatch(/\w{3}/);
    expect(new Set(presetNames).size).toBe(presets.length + 1);
  });

  test('leaves out what the release does not have, and tells', () => {
    const java = presets.find(({ name }) => name === 'java');
    if (java === undefined) throw new RangeError('no java');
    const old = applyPreset(java, { version: parseRuntimeVersion('1.5'), hasEdmm: false });
    expect(old.leftOut.map(({ path }) => showPath(path))).toEqual(['sgx.use_exinfo']);
    expect(serializeManifest(old.manifest)).not.toContain('use_exinfo');
    expect(applyPreset(java, { version: newest, hasEdmm: false }).leftOut).toEqual([]);
  });

  test('with EDMM has one thread at the start, exception information and no preheating', () => {
    for (const preset of presets) {
      const text = serializeManifest(applyPreset(preset, { version: newest, hasEdmm: true }).manifest);
      expect(text).toMatch(/max_threads = 1\n/);
      expect(text).toMatch(/use_exinfo = true\n/);
      expect(text).not.toContain('preheat');
    }
  });
});

describe('finding a preset by the program', () => {
  const programs: readonly MadeEntry[] = [
    staticProgram('usr/bin/python3.11'),
    ['bin/python3', { link: '/usr/bin/python3.11' }],
    staticProgram('bin/busybox'),
    ['bin/sh', { link: 'busybox' }],
    staticProgram('bin/bash'),
    staticProgram('bin/env'),
    staticProgram('bin/redis-server'),
    staticProgram('bin/nginx'),
    staticProgram('bin/node'),
    staticProgram('bin/tini'),
    staticProgram('usr/lib/jvm/bin/java'),
    ['bin/java', { link: '/usr/lib/jvm/bin/java' }],
    staticProgram('bin/thing'),
    ['bin/tool', '#!/bin/env python3\n', 0o755],
    ['bin/strict', '#!/bin/env -S FOO=1 node --abort\n', 0o755],
    ['bin/docker-entrypoint.sh', '#!/bin/sh\nexec "$@"\n', 0o755],
  ];

  test.each<[readonly string[], string | undefined]>([
    [['python3', 'app.py'], 'python'],
    [['/usr/bin/python3.11'], 'python'],
    [['tool'], 'python'],
    [['strict'], 'node'],
    [['java', '-jar', 'node'], 'java'],
    [['docker-entrypoint.sh', 'redis-server'], 'redis'],
    [['tini', '--', 'nginx', '-g', 'daemon off;'], 'nginx'],
    [['sh', '-c', 'umask 7; exec redis-server --port 1'], 'redis'],
    [['bash', '-c', 'cd /x && FOO=python3 nginx'], 'nginx'],
    [['bash'], 'bash'],
    [['sh', '-c', 'thing'], 'bash'],
    [['thing', 'python3'], undefined],
    [['docker-entrypoint.sh', 'thing'], undefined],
  ])('%j is for %s', async (argv, name) => {
    expect(detectPreset(await startOf(argv, programs))?.name).toBe(name);
  });

  test('names of what a program is given count only if it starts others', async () => {
    expect((await startOf(['thing', 'x'], programs)).programs.named).toEqual(['thing']);
  });

  test.each(['python', 'pytorch', 'scikit-learn', 'node', 'java', 'r', 'rust'])(
    '%s has one arena of malloc, which fork copies',
    (name) => {
      const preset = presets.find((each) => each.name === name);
      const setting = preset?.settings.find(({ path }) => path.join('.') === 'loader.env.MALLOC_ARENA_MAX');
      expect(setting).toMatchObject({ value: '1', reason: expect.stringMatching(/64 MiB/) });
    },
  );

  test('java is started without performance data, unless its arguments or another place decide', async () => {
    const argvOf = async (argv: readonly string[], setsArguments = true) => {
      const found = { user: undefined, version: newest, setsArguments };
      const preset = presetFor('java', await startOf(argv, programs), found);
      return preset?.settings.find(({ path }) => path.join('.') === 'loader.argv')?.value;
    };
    expect(await argvOf(['java', '-jar', 'x'])).toEqual(['java', '-XX:-UsePerfData', '-jar', 'x']);
    expect(await argvOf(['java', '-XX:+UsePerfData', 'X'])).toBeUndefined();
    expect(await argvOf(['java', 'X'], false)).toBeUndefined();
    expect(await argvOf(['docker-entrypoint.sh', 'java'])).toBeUndefined();
  });

  test('auto finds none rather than failing; an unknown name is an error', async () => {
    const start = await startOf(['thing'], programs);
    const found = { user: undefined, version: newest };
    expect(presetFor('auto', start, found)).toBeUndefined();
    expect(presetFor(undefined, start, found)).toBeUndefined();
    expect(() => presetFor('perl', start, found)).toThrow(/expected one of auto, bash, python/);
  });

  test('EDMM in the manifest of the user counts', async () => {
    const start = await startOf(['python3'], programs);
    const user = parseToml('sgx.edmm_enable = true', 'm');
    const preset = presetFor('auto', start, { user, version: newest });
    expect(serializeManifest(preset?.manifest ?? new Map())).toContain('max_threads = 1\n');
  });
});
