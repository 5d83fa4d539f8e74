import { execFileSync } from 'node:child_process';

/** True if the tool is installed. Without it: an error where CI is set, else false and a word on stderr. */
export function hasTool(name: string): boolean {
  try {
    execFileSync('/bin/sh', ['-c', `command -v ${name}`], { stdio: 'ignore' });
    return true;
  } catch {
    if (process.env.CI) throw new Error(`${name} is needed for this test`);
    process.stderr.write(`SKIPPED: ${name} is not installed\n`);
    return false;
  }
}
