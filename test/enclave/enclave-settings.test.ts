import { describe, expect, it } from 'vitest';
import { type EnclaveSettings, readEnclaveSettings } from '../../src/enclave/enclave-settings.ts';
import { parseToml } from '../../src/manifest/toml/toml.ts';
import { gramineReleases, parseRuntimeVersion } from '../../src/runtime/version.ts';

function settingsOf(sgx: string, version = '1.9'): EnclaveSettings {
  const text = sgx.startsWith('[') ? sgx : `[sgx]\n${sgx}\n`;
  return readEnclaveSettings(parseToml(text, 'test').root, parseRuntimeVersion(version));
}

describe('the settings of an enclave', () => {
  it('have the signer defaults where the manifest says nothing, even no [sgx]', () => {
    const defaults = {
      sizeBytes: 256n << 20n,
      maxThreads: 4,
      hasEdmm: false,
      isNonPie: false,
      namesStaticAddress: false,
      isDebug: false,
      usesExinfo: false,
      isvProdId: 0,
      isvSvn: 0,
    };
    for (const release of gramineReleases) {
      expect(settingsOf('[libos]\nentrypoint = "/bin/app"', release)).toMatchObject(defaults);
    }
  });

  it('have all cpu features as the machine has them, except mpx and pkru', () => {
    const policies = { avx: 'unspecified', avx512: 'unspecified', amx: 'unspecified' };
    expect(settingsOf('').cpuFeatures).toEqual({
      kind: 'policies',
      policies: { ...policies, mpx: 'disabled', pkru: 'disabled' },
    });
  });

  it('have 1024G by default with EDMM, but not yet in 1.4', () => {
    expect(settingsOf('edmm_enable = true').sizeBytes).toBe(1n << 40n);
    expect(settingsOf('edmm_enable = true', '1.5').sizeBytes).toBe(1n << 40n);
    expect(settingsOf('edmm_enable = true', '1.4')).toMatchObject({ sizeBytes: 256n << 20n, hasEdmm: true });
    expect(settingsOf('edmm_enable = true\nenclave_size = "1G"').sizeBytes).toBe(1n << 30n);
  });

  it('take the old name of max_threads in 1.4 only', () => {
    expect(settingsOf('thread_num = 9', '1.4').maxThreads).toBe(9);
    expect(settingsOf('thread_num = 9\nmax_threads = 9', '1.4').maxThreads).toBe(9);
    expect(settingsOf('thread_num = 9', '1.5').maxThreads).toBe(4);
    expect(() => settingsOf('thread_num = 9\nmax_threads = 8', '1.4')).toThrow(
      /sgx.thread_num: expected the same as sgx.max_threads \(8\), got 9/,
    );
  });

  it('take nonpie_binary in 1.4 only', () => {
    expect(settingsOf('nonpie_binary = true', '1.4').isNonPie).toBe(true);
    expect(settingsOf('nonpie_binary = true', '1.5').isNonPie).toBe(false);
  });

  it('count the integer 1 as true until 1.5, and no longer from 1.6 on', () => {
    expect(settingsOf('debug = 1', '1.5').isDebug).toBe(true);
    expect(settingsOf('debug = 1', '1.6').isDebug).toBe(false);
    expect(settingsOf('debug = 2', '1.5').isDebug).toBe(false);
    expect(settingsOf('debug = true', '1.6').isDebug).toBe(true);
    expect(settingsOf('use_exinfo = 1').usesExinfo).toBe(false);
    expect(settingsOf('use_exinfo = true').usesExinfo).toBe(true);
  });

  it('take require_* as the release has it', () => {
    const text = 'require_amx = true\nrequire_avx = true\nrequire_pkru = false\nrequire_exinfo = true';
    const required = { cpuFeatures: { kind: 'required', required: ['avx', 'amx'] }, usesExinfo: true };
    for (const version of ['1.4', '1.5', '1.6', '1.7'])
      expect(settingsOf(text, version)).toMatchObject(required);
    const ignored = { cpuFeatures: { kind: 'policies' }, usesExinfo: false };
    for (const version of ['1.8', '1.9', 'master']) expect(settingsOf(text, version)).toMatchObject(ignored);
  });

  it('may have use_exinfo beside require_avx in 1.6, since they are different matters', () => {
    const settings = settingsOf('use_exinfo = true\nrequire_avx = true', '1.6');
    expect(settings).toMatchObject({ usesExinfo: true, cpuFeatures: { required: ['avx'] } });
  });

  it.each([
    ['require_mpx = false\ncpu_features.avx = "required"', 'sgx.require_mpx', 'sgx.cpu_features'],
    ['require_exinfo = false\nuse_exinfo = false', 'sgx.require_exinfo', 'sgx.use_exinfo'],
  ])('may not mix old and new keys in 1.6 and 1.7: %s', (text, subject, other) => {
    for (const version of ['1.6.2', '1.7']) {
      expect(() => settingsOf(text, version)).toThrow(
        expect.objectContaining({ subject, message: `${subject}: cannot be given together with ${other}` }),
      );
    }
    expect(() => settingsOf(text, '1.9')).not.toThrow();
  });

  it('take ids from 0 to 65535', () => {
    expect(settingsOf('isvprodid = 65535\nisvsvn = 0xffff')).toMatchObject({
      isvProdId: 65535,
      isvSvn: 65535,
    });
  });
});

describe('a wrong setting is refused with its key, what is expected and what is there', () => {
  it.each([
    ['[[sgx]]', 'sgx: expected a table, got an array'],
    ['enclave_size = 1024', 'sgx.enclave_size: expected a string like "256M", got the integer 1024'],
    ['max_threads = "4"', 'sgx.max_threads: expected an integer from 1 to 4294967295, got "4"'],
    ['max_threads = 0', 'sgx.max_threads: expected an integer from 1 to 4294967295, got the integer 0'],
    ['max_threads = 4.0', 'sgx.max_threads: expected an integer from 1 to 4294967295, got the float 4.0'],
    ['max_threads = true', 'sgx.max_threads: expected an integer from 1 to 4294967295, got the boolean true'],
    ['isvprodid = 65536', 'sgx.isvprodid: expected an integer from 0 to 65535, got the integer 65536'],
    ['isvsvn = -1', 'sgx.isvsvn: expected an integer from 0 to 65535, got the integer -1'],
    ['edmm_enable = 1', 'sgx.edmm_enable: expected true or false, got the integer 1'],
    ['debug = "true"', 'sgx.debug: expected true or false, got "true"'],
    ['debug = 1979-05-27', 'sgx.debug: expected true or false, got the date 1979-05-27'],
    ['use_exinfo = []', 'sgx.use_exinfo: expected true or false, got an array'],
    ['cpu_features = true', 'sgx.cpu_features: expected a table, got the boolean true'],
    [
      'cpu_features.avx = true',
      'sgx.cpu_features.avx: expected "unspecified" or "disabled" or "required", got the boolean true',
    ],
    [
      'cpu_features.mpx = "unspecified"',
      'sgx.cpu_features.mpx: expected "disabled" or "required", got "unspecified"',
    ],
  ])('%s', (text, message) => {
    expect(() => settingsOf(text)).toThrow(expect.objectContaining({ code: 'manifest', message }));
  });
});
