import { describe, expect, it } from 'vitest';
import { readEnclaveSettings } from '../../src/enclave/enclave-settings.ts';
import { checkLoaderLimits } from '../../src/enclave/loader-limits.ts';
import { powerOfTwoFrom } from '../../src/manifest/schema/size.ts';
import { parseToml } from '../../src/manifest/toml/toml.ts';
import { parseRuntimeVersion } from '../../src/runtime/version.ts';

const check = (sgx: string, version = '1.9') => {
  const { root } = parseToml(`[sgx]\n${sgx}\n`, 'test');
  checkLoaderLimits(root, readEnclaveSettings(root, parseRuntimeVersion(version)));
};

describe('the limits of the loader', () => {
  it.each([
    '',
    'enclave_size = "256M"',
    'enclave_size = "1024G"',
    'enclave_size = "4096K"',
    'edmm_enable = true',
    'max_threads = 1',
    'max_threads = 4096',
  ])('let %j pass', (sgx) => {
    expect(() => check(sgx)).not.toThrow();
  });

  it.each([
    ['enclave_size = "0x40M"', 'decimal digits', 'write "64M"'],
    ['enclave_size = "1_024M"', 'decimal digits', 'write "1G"'],
    ['enclave_size = "+1G"', 'decimal digits', 'write "1G"'],
    ['enclave_size = "300M"', 'a power of two', 'give "512M"'],
    ['enclave_size = "2048G"', 'at most 1024G', 'give "1024G"'],
    ['max_threads = 4097', 'at most 4096', undefined],
    ['debug = 1', 'true or false', undefined],
    ['use_exinfo = 0', 'true or false', undefined],
  ])('stop %j', (sgx, expected, hint) => {
    expect(() => check(sgx)).toThrow(
      expect.objectContaining({
        code: 'manifest',
        hint,
        message: expect.stringContaining(`expected ${expected}`),
      }),
    );
  });

  it('name the power of two that is enough', () => {
    expect([0n, 1n, 2n, 3n, 4096n, 4097n].map(powerOfTwoFrom)).toEqual([1n, 1n, 2n, 4n, 4096n, 8192n]);
  });
});
