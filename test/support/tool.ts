import { spawnSync } from 'node:child_process';
import { test } from 'vitest';

/** True if the program is installed. */
export function hasTool(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
}

/** As {@link hasTool}, for what cannot do without: an error where CI is set, else a line on stderr says what is skipped. */
export function hasNeededTool(name: string): boolean {
  if (hasTool(name)) return true;
  if (process.env.CI) throw new Error(`${name} is needed for this test`);
  process.stderr.write(`SKIPPED: tests that need ${name}, which is not installed\n`);
  return false;
}

/** A test that needs foreign programs: without them it fails in CI and is skipped, with a line that says so, elsewhere. */
export function testWithTool(tools: string, title: string, run: () => void | Promise<void>): void {
  const missing = tools.split(' ').filter((tool) => !hasTool(tool));
  if (missing.length === 0) test(title, run);
  else if (process.env.CI) {
    test(title, () => {
      throw new Error(`not installed: ${missing.join(', ')}`);
    });
  } else test.skip(`${title} (SKIPPED: ${missing.join(', ')} not installed)`, run);
}
