import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { bundledGsc, runProcess } from '../support/cli/gsc.ts';
import { runTool } from '../support/images/run-tool.ts';
import { longTest } from '../support/long-test.ts';
import { mainJob } from '../support/package/main-job.ts';

const scratch = mkdtempSync(join(tmpdir(), 'gsc-executable-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const executable = join(scratch, 'bin/gsc');
beforeAll(async () => {
  expect(await runTool('scripts/make-executable', ['-o', executable])).toBe(`${executable}\n`);
});

describe('the single executable', () => {
  longTest('does what the command does, without a Node beside it', async () => {
    const command = [process.execPath, await bundledGsc()];
    const expected = await mainJob(command, join(scratch, 'command'));
    expect(await mainJob([executable], join(scratch, 'executable'))).toEqual(expected);
    const alone = await runProcess([executable, '--version'], { env: { PATH: '' } });
    expect(alone).toEqual({
      code: 0,
      stdout: `${JSON.parse(readFileSync('package.json', 'utf8')).version}\n`,
      stderr: '',
    });
  });

  longTest('is the same each time', async () => {
    const again = join(scratch, 'again');
    await runTool('scripts/make-executable', ['--output', again]);
    expect(readFileSync(again).equals(readFileSync(executable))).toBe(true);
  });

  longTest('fails as the command fails, with its exit codes', async () => {
    expect(await runProcess([executable, 'nothing'], {})).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/unknown command/),
    });
    const missing = await runProcess([executable, 'info-image', `oci:${join(scratch, 'none')}`], {});
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringMatching(/there is no such file/) });
  });

  longTest('says what a key on a token needs: pkcs11js beside it', async () => {
    const uri = `pkcs11:token=demo;object=key?module-path=${process.execPath}`;
    const result = await runProcess([executable, 'key', 'ls', uri], { cwd: scratch });
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/pkcs11js: keys on tokens need this package, which cannot be loaded/);
  });

  longTest('comes with an SBOM that has Node in it, and with its licence', async () => {
    const text = readFileSync(`${executable}.cdx.json`, 'utf8');
    expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text)).toBeNull();
    const node = JSON.parse(text).components.find((each: { name: string }) => each.name === 'node');
    expect(node.version).toBe(process.version.slice(1));
    expect(readFileSync(`${executable}.THIRD-PARTY-NOTICES.txt`, 'utf8')).toContain('undici 7');
  });
});
