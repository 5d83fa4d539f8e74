import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { testKey } from '../support/signature/test-key.ts';

let gsc: GscHere;
beforeAll(async () => {
  gsc = gscInProcess();
  const at = (name: string) => join(gsc.directory, name);
  writeRuntime(at('runtime'));
  await writeApp(at('app'));
  writeFileSync(at('app.manifest'), 'sgx.max_threads = 8\nsgx.enclave_size = "512M"\n');
  writeFileSync(
    at('config.yaml'),
    'Distro: "auto"\nRegistry: ""\nGramine:\n    Image: "runtime"\nSGXDriver:\n    Repository: ""\n    Branch: ""\n',
  );
  copyFileSync(await testKey(), at('key.pem'));
});

// The options of the Python tool's commands, with its meanings; -o and the place of the image are ours.
describe("a command line of the Python tool's is taken as it is", () => {
  test.each([
    [
      'build',
      '--insecure-args',
      '-nc',
      '--rm',
      '-b',
      'release',
      '--build-arg',
      'A=b',
      '--build-arg',
      'C',
      '-c',
      'config.yaml',
    ],
    ['build', '--no-cache', '--buildtype', 'debugoptimized', 'app.manifest'],
    ['build', 'app.manifest'],
  ])('gsc %s %j', async (command, ...rest) => {
    const isManifest = rest.at(-1) === 'app.manifest';
    const options = isManifest ? rest.slice(0, -1) : rest;
    const words = [
      command,
      ...options,
      '-o',
      'oci:out:app',
      '--force',
      'oci:app',
      ...(isManifest ? ['app.manifest'] : []),
    ];
    const { code, stderr } = await gsc(words);
    expect(code, stderr).toBe(0);
  });

  test.each([
    [],
    ['-c', 'config.yaml', '-p', 'nothing'],
    ['-D', 'remove_gramine_deps=true', '-D', 'x'],
    ['--remove-gramine-deps'],
    ['--no-remove-gramine-deps'],
  ])('gsc sign-image %j', async (...options) => {
    await gsc(['build', '-o', 'oci:out:app', '--force', 'oci:app', 'app.manifest']);
    const { code, stderr } = await gsc([
      'sign-image',
      ...options,
      '-o',
      'oci:out:signed',
      '--force',
      'oci:out:app',
      'key.pem',
    ]);
    expect(code, stderr).toBe(0);
    expect((await gsc(['info-image', 'oci:out:signed'])).stdout).toMatch(/^mr_enclave = "[0-9a-f]{64}"$/m);
  });
});
