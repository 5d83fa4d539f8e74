import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { bundledGsc, gscInScratch, runProcess } from '../support/cli/gsc.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { skipWithoutTokens, softTokens } from '../support/key/soft-token.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** The commands of docs/signing.md that lead from nothing to a signed image, as they are written. */
const commands = (/^```sh\n([\s\S]*?)^```$/m.exec(readFileSync('docs/signing.md', 'utf8'))?.[1] ?? '')
  .split('\n')
  .filter((line) => line !== '');

describe('the way from nothing to an image signed in SoftHSM2', () => {
  test('takes ten commands, of which the first two install what scripts/install-parts.sh installs, and gsc', () => {
    expect(commands).toHaveLength(10);
    const [parts = '', gsc = ''] = commands;
    const keys = /^keys='([^']*)'$/m.exec(readFileSync('scripts/install-parts.sh', 'utf8'))?.[1]?.split(' ');
    const [, packages = ''] = /^apt-get install --yes (.*)$/.exec(parts) ?? [];
    for (const name of packages.split(' ')) expect(keys).toContain(name);
    expect(gsc).toBe('npm install && npm run build && npm install --global .');
  });

  test.skipIf(skipWithoutTokens())('works as it is written', async () => {
    const { directory } = await gscInScratch();
    mkdirSync(join(directory, 'bin'));
    // Installed: the bundle under the name gsc, and pkcs11js where Node finds it.
    writeFileSync(
      join(directory, 'bin/gsc'),
      `#!/bin/sh\nexec '${process.execPath}' '${await bundledGsc()}' "$@"\n`,
    );
    chmodSync(join(directory, 'bin/gsc'), 0o755);
    const { module, env } = softTokens(directory);
    writeRuntime(join(directory, 'runtime'));
    await writeApp(join(directory, 'python'));
    writeFileSync(join(directory, 'config.yaml'), 'Gramine:\n  Image: runtime\n');
    // In place of a registry's image, and of Debian's path of the library on a distribution that has another.
    const lines = commands
      .slice(2)
      .map((line) =>
        line
          .replaceAll('gsc-python:3.12', 'oci:gsc-python:3.12')
          .replace(/ python:3\.12/, ' oci:python:3.12'),
      )
      .map((line) => line.replace('/usr/lib/softhsm/libsofthsm2.so', module));
    await runProcess(['sh', '-c', 'sed -i s/latest/3.12/ python/index.json'], { cwd: directory });
    const script = `set -eux\n${lines.join('\n')}\n`;
    const result = await runProcess(['sh', '-c', script], {
      cwd: directory,
      env: { PATH: `${directory}/bin:${process.env.PATH}`, HOME: directory, NODE_PATH: env.NODE_PATH ?? '' },
    });
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toMatch(/mr_signer = "[0-9a-f]{64}"/);
    const [, mrSigner = ''] = /MRSIGNER ([0-9a-f]{64})/.exec(result.stderr) ?? [];
    expect(result.stdout).toContain(`mr_signer = "${mrSigner}"`);
  });
});
