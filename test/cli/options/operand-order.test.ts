import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type GscHere, gscInProcess } from '../../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../../support/cli/made-files.ts';

/** Nothing listens there. */
const host = 'localhost:1';

let gsc: GscHere;
beforeAll(async () => {
  gsc = gscInProcess();
  const { directory } = gsc;
  writeRuntime(join(directory, 'runtime'));
  await writeApp(join(directory, 'app'));
  writeFileSync(join(directory, 'app.manifest'), 'sgx.max_threads = 8\n');
  writeFileSync(join(directory, 'key.pem'), '-----BEGIN PRIVATE KEY-----\n');
  mkdirSync(join(directory, host, 'redis'), { recursive: true });
  writeFileSync(join(directory, host, 'python'), '#!/usr/bin/python3\n');
});

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
const here = (...args: readonly string[]) => gsc(args, { env: noEngine });

describe('operands in the wrong order', () => {
  test.each([
    ['build', 'app.manifest', 'oci:app'],
    ['build', 'app.manifest', 'python:3.12'],
    ['build', './app.manifest', 'app'],
    ['build', 'app.manifest', `${host}/redis`],
    ['sign-image', 'key.pem', 'oci:app'],
    ['sign-image', './key.pem', 'python:3.12'],
  ])('gsc %s %s %s gets the right order in the hint', async (command, file, image) => {
    const { code, stdout, stderr } = await here(command, '--force', file, image);
    expect([code, stdout]).toEqual([2, '']);
    const name = command === 'build' ? 'MANIFEST' : 'KEY';
    expect(stderr).toBe(
      `gsc: command line: IMAGE ${file} is a file, and ${name} ${image} is not: they are in the wrong order\n` +
        `hint: write gsc ${command} ${image} ${file}\n`,
    );
  });

  test.each([
    ['sign-image', 'IMAGE', 'oci:app'],
    ['sign-prepared', 'FILE', 'to-sign'],
  ])('gsc %s does not repeat a PIN in what it takes for %s', async (command, name, other) => {
    const { code, stdout, stderr } = await here(command, 'pkcs11:token=x?pin-value=975312', other);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      `gsc: command line: ${name} and KEY: they are in the wrong order\nhint: write gsc ${command} ${name} KEY\n`,
    );
  });

  test('an absolute path before the image', async () => {
    expect(await here('explain', '/usr/bin/app', 'oci:app')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('hint: write gsc explain oci:app /usr/bin/app\n'),
    });
  });
});

describe('operands in the right order', () => {
  test('may have a name that a file here has too', async () => {
    const { stderr } = await here('build', '--runtime', 'runtime', `${host}/python`, 'app.manifest');
    expect(stderr).not.toContain('wrong order');
    expect(stderr).toContain('neither an Engine nor the registry');
  });

  test('a manifest may come through a pipe or a device', async () => {
    const args = ['build', '-q', '--runtime', 'runtime', '-o', 'oci:null', 'oci:app', '/dev/null'];
    expect(await here(...args)).toMatchObject({ code: 0, stderr: '' });
  });

  test('a manifest that is not there is reported as such', async () => {
    expect(await here('build', '--runtime', 'runtime', 'oci:app', 'none.manifest')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/none\.manifest: the manifest cannot be read/),
    });
  });
});

describe('a name that no image has', () => {
  test.each([
    ['python', /hint: localhost:1\/python is a file here: .*docker-archive:localhost:1\/python/],
    ['redis', /hint: localhost:1\/redis is a directory here: .*oci:localhost:1\/redis\n/],
    ['nothing', /hint: (?!localhost:1\/nothing is)/],
  ])('%s: what is here under that name is reported', async (name, message) => {
    const { code, stderr } = await here('info-image', `${host}/${name}`);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });
});
