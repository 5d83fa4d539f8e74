import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { runProcess } from '../cli/gsc.ts';
import { writeApp } from '../cli/made-files.ts';
import { standinRuntime } from '../images/standin-runtime.ts';
import { testKey } from '../signature/test-key.ts';

/** What gsc is for, with a small image: builds, signs, inspects and checks it in a new directory, by this command. */
export async function mainJob(command: readonly string[], cwd: string) {
  mkdirSync(cwd);
  await writeApp(join(cwd, 'app'));
  const run = async (...words: readonly string[]) => {
    const env = { PATH: process.env.PATH ?? '', HOME: cwd };
    const result = await runProcess([...command, ...words], { cwd, env });
    expect(result.code, result.stderr).toBe(0);
    return result.stdout;
  };
  await run('build', '--runtime', (await standinRuntime()).root, '-o', 'oci:unsigned:1', 'oci:app:latest');
  await run('sign-image', '--date', '2026-01-02', '-o', 'oci:signed:1', 'oci:unsigned:1', await testKey());
  const info = await run('info-image', '--json', 'oci:signed:1');
  await run('verify-image', 'oci:signed:1');
  const index = readFileSync(join(cwd, 'signed/index.json'), 'utf8');
  return { help: await run('--help'), info, index };
}
