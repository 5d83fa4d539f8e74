import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { graminizedPaths } from '../../src/image/graminized-paths.ts';
import { appLoaderScript } from '../../src/runtime/apploader.ts';
import { launchArguments } from '../../src/runtime/launch.ts';
import { hasNeededTool } from '../support/tool.ts';

const shells = [
  { name: 'dash', command: ['dash'] },
  { name: 'bash as sh', command: ['bash', '--posix'] },
  { name: 'bash', command: ['bash'] },
  { name: 'busybox ash', command: ['busybox', 'ash'] },
] as const;

/** A loader that tells what it was given: every argument and the variables that matter, one per line. */
const tellingLoader = `#!/bin/sh
for word in "$0" "$@"; do echo "arg=$word"; done
echo "LD_LIBRARY_PATH=\${LD_LIBRARY_PATH-unset}"
echo "LD_PRELOAD=\${LD_PRELOAD-unset}"
exit 7
`;

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'apploader-'));
  for (const mode of ['sgx', 'direct'] as const) {
    const loader = join(root, mode, 'loader');
    mkdirSync(dirname(loader), { recursive: true });
    writeFileSync(loader, tellingLoader);
    chmodSync(loader, 0o755);
  }
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Runs the script with the runtime's directory moved to a place of the test, and without any PATH. */
function run(
  shell: readonly [string, ...string[]],
  options: {
    readonly mode?: string;
    readonly insecure?: boolean;
    readonly words?: readonly string[];
    readonly env?: Record<string, string>;
  } = {},
) {
  const script = join(root, 'apploader.sh');
  const text = appLoaderScript({ commandLineArguments: options.insecure ? 'passed' : 'ignored' });
  writeFileSync(script, text.replaceAll(`${graminizedPaths.packageDirectory}/`, `${root}/`));
  const [command, ...flags] = shell;
  const program = execFileSync('/bin/sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).trim();
  const env = {
    PATH: '/nowhere',
    ...options.env,
    ...(options.mode !== undefined && { GRAMINE_MODE: options.mode }),
  };
  return spawnSync(program, [...flags, script, ...(options.words ?? [])], { encoding: 'utf8', env });
}

function argumentsOf(stdout: string): string[] {
  return stdout.split('\n').flatMap((line) => (line.startsWith('arg=') ? [line.slice(4)] : []));
}

const expected = (mode: 'sgx' | 'direct') =>
  launchArguments(mode).map((word) => word.replace(`${graminizedPaths.packageDirectory}/`, `${root}/`));

for (const { name, command } of shells) {
  describe.skipIf(!hasNeededTool(command[0]))(`under ${name}`, () => {
    const shell = [...command] as [string, ...string[]];

    test.each([undefined, '', 'sgx'])(
      'GRAMINE_MODE %o starts the SGX loader with the host libraries',
      (mode) => {
        const { stdout, stderr, status } = run(shell, mode === undefined ? {} : { mode });
        expect(argumentsOf(stdout)).toEqual(expected('sgx'));
        expect(stdout).toContain('LD_LIBRARY_PATH=/gramine/host\n');
        expect(stderr).toBe('');
        expect(status).toBe(7);
      },
    );

    test('GRAMINE_MODE direct starts the direct loader and leaves the environment alone', () => {
      const { stdout, stderr, status } = run(shell, { mode: 'direct' });
      expect(argumentsOf(stdout)).toEqual(expected('direct'));
      expect(stdout).toContain('LD_LIBRARY_PATH=unset\n');
      expect(stderr).toBe('');
      expect(status).toBe(7);
    });

    test.each(['SGX', 'direct ', 'sgx|direct', '*', '; echo arg=x'])(
      'GRAMINE_MODE %o starts nothing, says so on stderr and ends with 1',
      (mode) => {
        const { stdout, stderr, status } = run(shell, { mode });
        expect(stdout).toBe('');
        expect(stderr).toContain(`GRAMINE_MODE is ${mode}; expected sgx or direct`);
        expect(status).toBe(1);
      },
    );

    test('trusted arguments: what is given at run time is ignored, with a word on stderr', () => {
      const { stdout, stderr, status } = run(shell, { words: ['-c', 'two words'] });
      expect(argumentsOf(stdout)).toEqual(expected('sgx'));
      expect(stderr).toMatch(/^gsc: arguments given at run time are ignored.*\n$/);
      expect(status).toBe(7);
    });

    test.each(['sgx', 'direct'] as const)('insecure arguments pass unchanged in mode %s', (mode) => {
      const words = ['-c', 'two words', '', '$HOME "x"', '*', 'new\tline'];
      const { stdout, stderr } = run(shell, { mode, words, insecure: true });
      expect(argumentsOf(stdout)).toEqual([...expected(mode), ...words]);
      expect(stderr).toBe('');
    });

    test("the app's libraries are not loaded into the SGX loader", () => {
      const env = { LD_LIBRARY_PATH: '/opt/app/lib', LD_PRELOAD: '' };
      const { stdout } = run(shell, { env });
      expect(stdout).toContain('LD_LIBRARY_PATH=/gramine/host\n');
      expect(stdout).toContain('LD_PRELOAD=unset\n');
    });
  });
}

test('the script is the same each time and ASCII', () => {
  const text = appLoaderScript({ commandLineArguments: 'ignored' });
  expect(text).toBe(appLoaderScript({ commandLineArguments: 'ignored' }));
  expect(text).toMatch(/^[\n -~]*$/);
});
