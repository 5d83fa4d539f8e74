import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { gscHere } from '../../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../../support/cli/made-files.ts';

const sequence = '\u001b]0;title\u0007\u009b31m';

test('names in an image never steer the terminal, in reports, warnings and errors', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gsc-console-'));
  writeRuntime(join(directory, 'runtime'));
  const run = { Cmd: ['/app', sequence], WorkingDir: `/${sequence}` };
  await writeApp(join(directory, 'app'), { run });
  await writeApp(join(directory, 'user'), { run: { User: sequence } });
  for (const [name, code] of [
    ['app', 0],
    ['user', 1],
    [`none${sequence}`, 1],
  ] as const) {
    const args = ['build', '--no-cache', '--runtime', 'runtime', `oci:${join(directory, name)}`];
    const result = await gscHere(args, { workingDirectory: directory });
    expect(result.code, result.stderr).toBe(code);
    expect(result.stderr).toContain('title');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(result.stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
  }
});
