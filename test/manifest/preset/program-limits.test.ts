import { describe, expect, test } from 'vitest';
import { starterManifest } from '../../../src/graminize/starter-manifest.ts';
import { detectPreset } from '../../../src/manifest/preset/detect-preset.ts';
import { limitNotes } from '../../../src/manifest/preset/program-limits.ts';
import { parseRuntimeVersion } from '../../../src/runtime/version.ts';
import { scanImage } from '../../../src/scan/scan-image.ts';
import { type ContainerProcess, findStart } from '../../../src/start/container-process.ts';
import { appImage, staticProgram } from '../../support/graminized/app-image.ts';
import { graminizeApp, type Wishes } from '../../support/graminized/graminized.ts';
import type { MadeEntry } from '../../support/scan/made-layers.ts';

const names = [
  'dash',
  'postgres',
  'mariadbd',
  'gunicorn',
  'redis-server',
  'sshd',
  'cron',
  'nginx',
  'python3',
];
const entries: readonly MadeEntry[] = [
  ...names.map((name) => staticProgram(`bin/${name}`)),
  ['bin/sh', { link: 'dash' }],
  ['entry.sh', '#!/bin/sh\nset -e\nexec "$@"\n', 0o755],
  ['start.sh', '#!/bin/sh\ncron\nexec /bin/redis-server --port 1\n', 0o755],
];

async function startOf(argv: readonly string[], Env: readonly string[] = []): Promise<ContainerProcess> {
  const app = await appImage([entries], { Entrypoint: [...argv], Env: ['PATH=/bin', ...Env] });
  return findStart(app.config, (await scanImage(app)).tree, 'test');
}

describe('a program that is known not to run inside', () => {
  test.each<[string, readonly string[], RegExp]>([
    ['itself', ['postgres', '-D', '/x'], /^PostgreSQL: does not run inside: .*shmget.*; keep .* outside/],
    ['behind an entrypoint script', ['/entry.sh', 'postgres'], /^PostgreSQL: /],
    ['in a command for a shell', ['sh', '-c', 'exec postgres'], /^PostgreSQL: /],
    [
      'with a script that prepares it',
      ['/entry.sh', 'mariadbd'],
      /^MariaDB .* share neither memory.*--entrypoint mariadbd/,
    ],
    ['in a script', ['/start.sh'], /^cron: /],
    ['that works if it is set up', ['gunicorn', 'app:app'], /^gunicorn: runs differently .*--timeout 0/],
  ])('is named with the reason and what to do instead: %s', async (_, argv, expected) => {
    expect(limitNotes(await startOf(argv))).toEqual([expect.stringMatching(expected)]);
  });

  test.each<[string, readonly string[], readonly string[]]>([
    ['what runs', ['redis-server'], []],
    ['a server that starts alone', ['mariadbd'], []],
    ['a name that only looks like it', ['python3', 'postgres'], []],
    ['what is set up for it in its arguments', ['gunicorn', '--timeout=0', 'app:app'], []],
    ['what is set up for it in the environment', ['gunicorn', 'app:app'], ['GUNICORN_CMD_ARGS=--timeout 0']],
  ])('is not reported for %s', async (_, argv, environment) => {
    expect(limitNotes(await startOf(argv, environment))).toEqual([]);
  });

  test('has no preset, and not that of the shell that starts it', async () => {
    expect(detectPreset(await startOf(['/entry.sh', 'postgres']))).toBeUndefined();
    expect(detectPreset(await startOf(['/entry.sh', 'redis-server']))?.name).toBe('redis');
    expect(detectPreset(await startOf(['/start.sh']))?.name).toBe('redis');
  });

  test('is named in a first manifest', async () => {
    const start = await startOf(['postgres']);
    const version = parseRuntimeVersion('1.9');
    expect(starterManifest({ appName: 'db', start, version, volumes: [] })).toMatch(
      /^# PostgreSQL: does not/m,
    );
  });
});

describe('several processes and a tmpfs', () => {
  const noteOf = async (argv: readonly string[], wishes: Wishes = {}) => {
    const { notes } = await graminizeApp(
      await appImage([entries], { Entrypoint: [...argv], Env: ['PATH=/bin'] }),
      wishes,
    );
    return notes.find((note) => note.startsWith('each process has its own tmpfs'));
  };

  test.each([[['/entry.sh', 'redis-server']], [['sh', '-c', 'x']], [['nginx']], [['gunicorn', '-t0']]])(
    'are told with the option that lets them share it: %j',
    async (argv) => {
      expect(await noteOf(argv)).toMatch(/at \/tmp, .*; if .*--volume \/tmp=encrypted:_sgx_mrenclave/);
    },
  );

  test.each<[string, readonly string[], string]>([
    ['one process', ['redis-server'], ''],
    [
      'a mount that they share',
      ['/entry.sh', 'redis-server'],
      `fs.mounts = [${['/tmp', '/var/tmp', '/run']
        .map(
          (path) =>
            `{ type = "encrypted", path = "${path}", uri = "file:${path}", key_name = "_sgx_mrenclave" }`,
        )
        .join(', ')}]`,
    ],
  ])('are not reported for %s', async (_, argv, manifest) => {
    expect(await noteOf(argv, { manifest })).toBeUndefined();
  });
});
