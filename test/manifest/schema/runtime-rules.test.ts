import { describe, expect, it } from 'vitest';
import { showProblem } from '../../../src/manifest/schema/problem.ts';
import { checkRuntimeRules } from '../../../src/manifest/schema/runtime-rules.ts';
import {
  parseLoaderSize,
  parseSignerSize,
  powerOfTwoFrom,
  showManifestSize,
} from '../../../src/manifest/schema/size.ts';
import { parseToml } from '../../../src/manifest/toml/toml.ts';
import { parseRuntimeVersion } from '../../../src/runtime/version.ts';

const refused = (text: string, version = '1.9') =>
  checkRuntimeRules(parseToml(text, 'm'), parseRuntimeVersion(version));

describe('what Gramine refuses', () => {
  it.each([
    ['sgx.enclave_size = "300M"', 'expected a power of two, got "300M"', 'the next power of two is "512M"'],
    ['sgx.enclave_size = "0x10000K"', 'which signer and loader both read', 'write "64M"'],
    ['sgx.enclave_size = "512m"', 'which signer and loader both read', 'write "512M"'],
    ['sgx.enclave_size = "1_024M"', 'which signer and loader both read', 'write "1G"'],
    ['sgx.enclave_size = "0512M"', 'which signer and loader both read', 'write "512M"'],
    ['sgx.enclave_size = "lots"', 'expected a power of two', 'write it as in "512M"'],
    ['sgx.enclave_size = "0"', 'expected a power of two', 'write it as in "512M"'],
    ['sgx.enclave_size = "-1G"', 'expected a power of two', 'write it as in "512M"'],
    ['sgx.enclave_size = "2048G"', 'expected at most "1024G"', undefined],
    [
      'sgx.trusted_files = ["file:/usr/lib/*.so"]',
      'got the pattern "file:/usr/lib/*.so"',
      'write the directory, which stands for all files below it: "file:/usr/lib/"',
    ],
    [
      'sgx.trusted_files = [{ uri = "file:/a?" }]',
      'got the pattern "file:/a?"',
      'write the directory, which stands for all files below it: "file:/"',
    ],
    [
      'sgx.allowed_files = ["file:/data/**/x"]',
      'does not expand',
      'write the directory, which stands for all files below it: "file:/data/"',
    ],
    [
      'sgx.allowed_files = ["file:*"]',
      'got the pattern "file:*"',
      'write the directory, which stands for all files below it: "file:/path/"',
    ],
    ['sgx.max_threads = 0', 'expected an integer from 1 to 4096, got the integer 0', undefined],
    ['sgx.max_threads = 4097', 'from 1 to 4096', undefined],
    ['sgx.max_threads = true', 'from 1 to 4096, got the boolean true', undefined],
    ['sgx.isvsvn = 65536', 'from 0 to 65535', undefined],
    ['sgx.isvprodid = -1', 'from 0 to 65535', undefined],
    ['loader.uid = -1', 'from 0 to 4294967295', undefined],
    ['sgx.insecure__rpc_thread_num = 257', 'from 0 to 256', undefined],
    ['sgx.profile.frequency = 251', 'from 1 to 250', undefined],
    ['loader.argv = []', 'got an empty array', 'put the name of the program first, or remove the key'],
    [
      'loader.argv = ["a"]\nloader.argv_src_file = "file:b"',
      'expected only one of loader.argv,',
      'keep one of them',
    ],
    [
      'loader.argv = ["a"]\nloader.insecure__use_cmdline_argv = true',
      'expected only one of',
      'keep one of them',
    ],
    ['loader.env.A = {}', 'got an empty table', 'to leave a variable unset, remove its key'],
    ['loader.env.A.passthrough = 1', 'got passthrough = 1', 'to leave a variable unset, remove its key'],
    [
      'loader.insecure__use_host_env = true\nloader.env_src_file = "file:e"',
      'expected only one of',
      'keep one of them',
    ],
    ['sgx.seal_key.misc_mask = "0xffffffffff"', '0x and exactly 8 hex digits', undefined],
    ['sgx.seal_key.flags_mask = "ffffffffffffffff"', '0x and exactly 16 hex digits', undefined],
    ['sgx.edmm_enable = true\nsgx.preheat_enclave = true', 'expected only one of', 'keep one of them'],
    [
      'fs.mounts = [{ path = "/", uri = "file:/" }]',
      'an absolute path other than /',
      'the root is mounted with fs.root',
    ],
    ['fs.mounts = [{ path = "etc/", uri = "file:/etc" }]', 'an absolute path other than /', 'write /etc'],
    [
      'fs.mounts = [{ path = "//", uri = "file:a" }]',
      'an absolute path other than /',
      'the root is mounted with fs.root',
    ],
    ['fs.mounts = [{ path = "/a", uri = "/a" }]', 'starts with file: or dev:', undefined],
    ['fs.mounts = [{ type = "encrypted", path = "/a", uri = "dev:a" }]', 'starts with file: for', undefined],
    ['fs.mounts = [{ type = "untrusted_shm", path = "/a", uri = "file:a" }]', 'starts with dev:', undefined],
    ['fs.root = { uri = "/" }', 'starts with file: or dev:', undefined],
    ['fs.insecure__keys.default = "0011"', '32 hex digits', undefined],
    ['sys.brk.max_size = "lots"', 'a size', 'write it as in "512K"'],
    ['sys.stack.size = "0x100"', 'a size', 'write it as in "512K"'],
    ['sys.stack.size = "0"', 'a size', 'write it as in "512K"'],
    ['libos.entrypoint = "file:/bin/a"', 'a path inside the image', 'write the path alone'],
    ['loader.entrypoint.uri = "/lib"', 'starts with file:', 'write file: before the path'],
    ['loader.entrypoint.sha256 = "00"', '64 hex digits', undefined],
    ['sgx.trusted_files = ["/a"]', 'starts with file:', 'write file: before the path'],
    ['sgx.trusted_files = [{ sha256 = "00" }]', '64 hex digits', undefined],
    ['sgx.allowed_files = ["a"]', 'file: or dev:', 'write file: before the path'],
    ['sgx.insecure__rpc_thread_num = 1\nsgx.max_threads = 2000', 'at most 1024', undefined],
  ])('%s', (text, message, hint) => {
    const problems = refused(text);
    const found = problems.find((problem) => showProblem(problem).includes(message));
    expect(found, JSON.stringify(problems)).toBeDefined();
    expect(found?.hint).toBe(hint);
  });

  it('a table without a uri is not a trusted file, though the schema lets it pass', () => {
    expect(refused('sgx.trusted_files = [{}]').map(showProblem)).toEqual([
      'sgx.trusted_files[0]: expected a table with a uri, got one without',
    ]);
  });

  it('1.6 and 1.7 do not mix old and new names of CPU features', () => {
    const text =
      'sgx.require_avx = true\nsgx.cpu_features.avx = "required"\nsgx.use_exinfo = true\nsgx.require_exinfo = true';
    expect(refused(text, '1.7')).toHaveLength(2);
    expect(refused(text, '1.6.2')).toHaveLength(2);
    expect(refused(text, '1.5')).toHaveLength(0);
  });

  it('1.4 still mounts at relative paths', () => {
    expect(refused('fs.mounts = [{ path = "a", uri = "file:a" }]', '1.4')).toEqual([]);
  });

  it('problems stand at their places', () => {
    const text =
      '[sgx]\nmax_threads = 5000\n[fs]\nmounts = [{ path = "/a", uri = "file:a" },\n  { path = "/", uri = "file:b" }]';
    expect(refused(text).map(({ line, column }) => [line, column])).toEqual([
      [2, 1],
      [5, 5],
    ]);
  });
});

describe('what Gramine starts', () => {
  it.each([
    'sgx.enclave_size = "256M"\nsgx.max_threads = 4096',
    'sgx.enclave_size = "1024G"',
    'sgx.enclave_size = "268435456"',
    'loader.argv = ["a", "a"]\nloader.insecure__use_cmdline_argv = false',
    'loader.env.A = "x"\nloader.env.B.value = ""\nloader.env.C.passthrough = true',
    'sgx.seal_key = { flags_mask = "0xffffffffffffffff", xfrm_mask = "0xfffffffffff9ff1b", misc_mask = "0xFFFFFFFF" }',
    'fs.mounts = [{ path = "/a", uri = "file:a" }, { type = "tmpfs", path = "/tmp" }, { type = "untrusted_shm", path = "/s", uri = "dev:/dev/shm" }]',
    'sys.stack.size = "2m"\nsys.brk.max_size = "1048576"',
    'sgx.trusted_files = ["file:a", { uri = "file:b" }]\nsgx.allowed_files = ["file:a/", "dev:tty"]',
    `sgx.trusted_files = [{ uri = "file:/really?*", sha256 = "${'0'.repeat(64)}" }]`,
    'sgx.insecure__rpc_thread_num = 0\nsgx.max_threads = 2000',
  ])('%s', (text) => {
    expect(refused(text)).toEqual([]);
  });

  it('wrong types are left to the schema', () => {
    expect(
      refused(
        'sgx.max_threads = "x"\nsgx.enclave_size = 5\nfs.mounts = 3\nloader.env = []\nsgx.trusted_files = 1\nfs.root = 1',
      ),
    ).toEqual([]);
  });
});

describe('sizes', () => {
  it.each([
    ['256M', 268435456n, 268435456n],
    ['1', 1n, 1n],
    ['0x10000K', 67108864n, undefined],
    ['0b11G', 3221225472n, undefined],
    ['1_000', 1000n, undefined],
    ['1__0', undefined, undefined],
    ['010', undefined, 10n],
    ['00', 0n, 0n],
    ['512m', undefined, 536870912n],
    ['1.5G', undefined, undefined],
    ['', undefined, undefined],
    ['K', undefined, undefined],
    ['1KK', undefined, undefined],
    ['٣M', undefined, undefined],
  ])('%s is %s to the signer and %s to the loader', (text, signer, loader) => {
    expect(parseSignerSize(text)).toBe(signer);
    expect(parseLoaderSize(text)).toBe(loader);
  });

  it('are shown with the largest suffix, and rounded up to powers of two', () => {
    expect([showManifestSize(1536n << 10n), showManifestSize(1n << 40n), showManifestSize(1000n)]).toEqual([
      '1536K',
      '1024G',
      '1000',
    ]);
    expect([powerOfTwoFrom(1n), powerOfTwoFrom(3n), powerOfTwoFrom(4n)]).toEqual([1n, 4n, 4n]);
  });
});
