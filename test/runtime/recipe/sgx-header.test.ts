import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sgxHeaderCommands } from '../../../src/runtime/recipe/sgx-header.ts';
import { scratchDirectory } from '../../support/store/scratch.ts';

interface Machine {
  /** True if the system's own headers have the kernel's description. */
  readonly hasHeader: boolean;
  readonly given?: string;
  readonly driverFile?: string;
}

/** Runs the commands on a machine with these headers, with places of the test's own; `wget` gives what is not the header. */
function runOn({ hasHeader, given, driverFile }: Machine) {
  const directory = scratchDirectory();
  const at = (name: string) => join(directory, name);
  for (const name of ['bin', 'archives', 'driver']) mkdirSync(at(name));
  const program = (name: string, text: string) => writeFileSync(at(`bin/${name}`), text, { mode: 0o755 });
  program('cc', `#!/bin/sh\nexit ${hasHeader ? 0 : 1}\n`);
  program('wget', `#!/bin/sh\necho asked >${at('asked')}\necho another >${at('sgx/asm/sgx.h')}\n`);
  if (given !== undefined) writeFileSync(at('archives/sgx.h'), given);
  if (driverFile !== undefined) writeFileSync(at(`driver/${driverFile}`), '');
  const commands = sgxHeaderCommands({
    archives: at('archives'),
    options: at('options'),
    ...(driverFile !== undefined && { driver: at('driver') }),
  });
  const script = commands.join(' && ').replaceAll('/sgx/asm', at('sgx/asm')).replaceAll('\\\n', '');
  const env = { PATH: `${at('bin')}:${process.env.PATH}` };
  const { status } = spawnSync('sh', ['-c', script], { env });
  return {
    status,
    options: readFileSync(at('options'), 'utf8').replaceAll(directory, ''),
    isAsked: existsSync(at('asked')),
  };
}

describe('the header of the SGX driver', () => {
  test("is the system's, if it has one: Meson gets no option", () => {
    expect(runOn({ hasHeader: true })).toEqual({ status: 0, options: '', isAsked: false });
  });

  test('is that of an old driver, if one was cloned', () => {
    const options = '-Dsgx_driver=oot -Dsgx_driver_include_path=/driver\n';
    expect(runOn({ hasHeader: true, driverFile: 'sgx_user.h' })).toEqual({
      status: 0,
      options,
      isAsked: false,
    });
  });

  test("of a newer driver is the kernel's", () => {
    expect(runOn({ hasHeader: true, driverFile: 'sgx.h' })).toEqual({
      status: 0,
      options: '',
      isAsked: false,
    });
  });

  test('must be just the one of the kernel: another one, given or fetched, ends the build', () => {
    expect(runOn({ hasHeader: false, given: 'another' })).toEqual({ status: 1, options: '', isAsked: false });
    expect(runOn({ hasHeader: false })).toEqual({ status: 1, options: '', isAsked: true });
  });
});
