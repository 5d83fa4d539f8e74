import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEnclaveSize } from '../../src/enclave/enclave-settings.ts';
import { showManifestSize } from '../../src/manifest/schema/size.ts';

describe('sgx.enclave_size', () => {
  it.each([
    ['4096', 4096n],
    ['256M', 256n << 20n],
    ['1024G', 1n << 40n],
    ['4K', 4096n],
    ['0x1000', 4096n],
    ['0X10_00', 4096n],
    ['0x_1000', 4096n],
    ['0x40M', 64n << 20n],
    ['0o10_000', 4096n],
    ['0b1G', 1n << 30n],
    ['1_024M', 1n << 30n],
    ['+1G', 1n << 30n],
    [' 1 G', 1n << 30n],
  ])('takes %j, as the signer does', (text, bytes) => {
    expect(parseEnclaveSize(text)).toBe(bytes);
  });

  it.each([
    '',
    'G',
    '1g',
    '1T',
    '256MB',
    '0256M',
    '1__0M',
    '_1M',
    '1_M',
    '0xM',
    '0xgM',
    '0o8K',
    '0b2K',
    '1.5G',
    '1e3M',
    '-1G',
    '1GG',
    '1G ',
    '٤K',
    '0',
    '0G',
    '00',
    '4097',
    '17179869184G',
  ])('refuses %j', (text) => {
    expect(() => parseEnclaveSize(text)).toThrow(
      expect.objectContaining({
        code: 'manifest',
        subject: 'sgx.enclave_size',
        message: expect.stringContaining(`got ${JSON.stringify(text)}`),
      }),
    );
  });

  it('is shown with the largest unit that fits, and reads back the same', () => {
    expect(showManifestSize(1n << 40n)).toBe('1024G');
    expect(showManifestSize(3n << 19n)).toBe('1536K');
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 1n << 40n }), (pages) => {
        expect(parseEnclaveSize(showManifestSize(pages * 4096n))).toBe(pages * 4096n);
      }),
    );
  });
});
