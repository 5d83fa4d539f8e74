import { describe, expect, test } from 'vitest';
import { migrateManifest } from '../../../src/manifest/migrate/migrate.ts';
import { checkManifest } from '../../../src/manifest/schema/check.ts';
import { serializeManifest } from '../../../src/manifest/toml/serialize.ts';
import { parseToml, showPath } from '../../../src/manifest/toml/toml.ts';
import { gramineReleases, parseRuntimeVersion } from '../../../src/runtime/version.ts';

function migrate(text: string, release = '1.9') {
  const document = parseToml(text, 'old');
  const { root, changes, left } = migrateManifest(document, parseRuntimeVersion(release));
  return {
    text: serializeManifest(root),
    changes: changes.map(({ path, message }) => `${showPath(path)}: ${message}`),
    left: left.map(({ path, line }) => `${line}: ${showPath(path)}`),
  };
}

describe('one old key', () => {
  test.each<[old: string, now: string]>([
    ['sgx.thread_num = 8', '[sgx]\nmax_threads = 8\n'],
    ['sgx.rpc_thread_num = 2', '[sgx]\ninsecure__rpc_thread_num = 2\n'],
    ['sgx.require_avx = true', '[sgx.cpu_features]\navx = "required"\n'],
    ['sgx.require_pkru = 1', '[sgx.cpu_features]\npkru = "required"\n'],
    ['sgx.require_mpx = false', ''],
    ['sgx.require_exinfo = true', '[sgx]\nuse_exinfo = true\n'],
    ['sgx.support_exinfo = 1', '[sgx]\nuse_exinfo = true\n'],
    ['sgx.debug = 1', '[sgx]\ndebug = true\n'],
    ['sgx.enable_stats = 0', '[sgx]\nenable_stats = false\n'],
    ['sgx.remote_attestation = true', '[sgx]\nremote_attestation = "dcap"\n'],
    ['sgx.remote_attestation = 0', '[sgx]\nremote_attestation = "none"\n'],
    ['sgx.remote_attestation = "epid"', '[sgx]\nremote_attestation = "dcap"\n'],
    ['sgx.ra_client_spid = "00"', ''],
    ['sgx.trusted_files.x = "file:/a"', '[sgx]\ntrusted_files = [\n    "file:/a",\n]\n'],
    [
      'sgx.allowed_files = { b = "file:/b", a = "file:/a" }',
      '[sgx]\nallowed_files = [\n    "file:/b",\n    "file:/a",\n]\n',
    ],
    ['sgx.trusted_checksum.x = "00"', ''],
    ['sgx.sigfile = "file:x.sig"', ''],
    ['sgx.nonpie_binary = true', ''],
    ['sgx.allow_file_creation = 0', ''],
    ['fs.root.path = "/"\nfs.root.uri = "file:/"', '[fs.root]\nuri = "file:/"\n'],
    [
      'fs.mount.x = { type = "chroot", path = "/x", uri = "file:/y" }',
      '[fs]\nmounts = [\n    { type = "chroot", path = "/x", uri = "file:/y" },\n]\n',
    ],
    [
      'fs.mounts = [{ path = "x", uri = "file:y" }]',
      '[fs]\nmounts = [\n    { path = "/x", uri = "file:y" },\n]\n',
    ],
    ['fs.insecure__protected_files_key = "0f"', '[fs.insecure__keys]\ndefault = "0f"\n'],
    ['loader.exec = "file:/bin/app"', '[libos]\nentrypoint = "/bin/app"\n'],
    ['loader.execname = "file:app"', ''],
    ['libos.entrypoint = "file:/bin/app"', '[libos]\nentrypoint = "/bin/app"\n'],
    ['loader.entrypoint = "file:/l"', '[loader.entrypoint]\nuri = "file:/l"\n'],
    ['loader.preload = "file:/x/libsysdb.so"', ''],
    [
      'loader.preload = "file:/x/libsysdb.so, file:/l/a.so,file:/b.so"',
      '[loader.env]\nLD_PRELOAD = "/l/a.so:/b.so"\n',
    ],
    ['loader.argv0_override = "app"', '[loader]\nargv = [\n    "app",\n]\n'],
    [
      'loader.argv0_override = "app"\nloader.argv = ["x", "1"]',
      '[loader]\nargv = [\n    "app",\n    "1",\n]\n',
    ],
    ['loader.debug_type = "inline"', '[loader]\nlog_level = "debug"\n'],
    ['loader.debug_type = "none"', ''],
    [
      'loader.debug_type = "file"\nloader.debug_file = "file:log"',
      '[loader]\nlog_level = "debug"\nlog_file = "log"\n',
    ],
    ['libos.sync.enable = true', ''],
  ])('%s', (old, now) => {
    const { text, changes, left } = migrate(old);
    expect(text).toBe(now);
    expect(changes.length).toBeGreaterThan(0);
    expect(left).toEqual([]);
  });
});

describe('protected files', () => {
  test('become encrypted mounts with the key that their list stands for', () => {
    const { text } = migrate(
      'sgx.protected_files = ["file:/d/"]\nsgx.protected_mrenclave_files = ["file:/e"]\nsgx.protected_mrsigner_files = ["file:/s"]',
    );
    expect(text).toContain('{ type = "encrypted", path = "/d", uri = "file:/d/" }');
    expect(text).toContain('path = "/e", uri = "file:/e", key_name = "_sgx_mrenclave" }');
    expect(text).toContain('path = "/s", uri = "file:/s", key_name = "_sgx_mrsigner" }');
  });

  test('are mounted where the mount of their directory shows them', () => {
    const { text } = migrate(
      'fs.mount.d = { path = "/data", uri = "file:/host/d" }\nsgx.protected_files.x = "file:/host/d/x"',
    );
    expect(text).toContain('path = "/data/x", uri = "file:/host/d/x"');
  });

  test('of relative names stay, with a note: where they are inside is not known', () => {
    const { text, left } = migrate('\nsgx.protected_files = ["file:data/"]');
    expect(text).toContain('protected_files');
    expect(left).toEqual(['2: sgx.protected_files']);
  });
});

describe('what exists already', () => {
  test('is not replaced by what an old key says', () => {
    const { text, changes } = migrate('sgx.max_threads = 4\nsgx.thread_num = 8');
    expect(text).toBe('[sgx]\nmax_threads = 4\n');
    expect(changes).toEqual(['sgx.thread_num: removed: sgx.max_threads is set already']);
  });

  test('the name of the program is only reported where the arguments come from elsewhere', () => {
    const { text, changes } = migrate(
      'loader.insecure__use_cmdline_argv = true\nloader.argv0_override = "app"',
    );
    expect(text).not.toMatch(/^argv/m);
    expect(changes[0]).toContain('has to come first');
  });

  test('valid manifests stay as they are', () => {
    const text =
      'libos.entrypoint = "/a"\nsgx.max_threads = 4\nfs.mounts = [{ path = "/a", uri = "file:/a" }]';
    const migrated = migrate(text);
    expect(migrated.changes).toEqual([]);
    expect(migrated.text).toBe(serializeManifest(parseToml(text, 'm').root));
  });
});

describe('releases', () => {
  test('before 1.6 keep require_ keys', () => {
    const { text, changes } = migrate('sgx.require_avx = true\nsgx.support_exinfo = true', '1.5');
    expect(text).toBe('[sgx]\nrequire_avx = true\nrequire_exinfo = true\n');
    expect(changes).toEqual(['sgx.support_exinfo: became sgx.require_exinfo']);
  });

  test('before 1.8 want the library OS as a string', () => {
    const { text } = migrate('loader.entrypoint = { uri = "file:/l", sha256 = "00" }', '1.7');
    expect(text).toBe('[loader]\nentrypoint = "file:/l"\n');
  });

  test('before 1.9 have EPID', () => {
    const { text } = migrate('sgx.remote_attestation = true\nsgx.ra_client_spid = "ab"', '1.8');
    expect(text).toBe('[sgx]\nremote_attestation = "epid"\nra_client_spid = "ab"\n');
  });

  const graphene = `
loader.preload = "file:/x/libsysdb.so"
loader.argv0_override = "app"
libos.entrypoint = "/app"
fs.mount.lib = { type = "chroot", path = "/lib", uri = "file:/x/lib" }
fs.root = { type = "chroot", path = "/", uri = "file:." }
sgx.thread_num = 4
sgx.require_avx = false
sgx.support_exinfo = true
sgx.remote_attestation = false
sgx.ra_client_spid = ""
sgx.nonpie_binary = true
sgx.trusted_files.a = "file:/a"
sgx.protected_files_key = "ffeeddccbbaa99887766554433221100"
`;

  test.each(gramineReleases)('%s accepts what was made of a Graphene manifest', (release) => {
    const version = parseRuntimeVersion(release);
    const { text, left } = migrate(graphene, release);
    expect(left).toEqual([]);
    expect(checkManifest(parseToml(text, 'new'), version, 'user')).toEqual([]);
  });

  test.each(gramineReleases)('%s: migrating twice changes nothing more', (release) => {
    const once = migrate(graphene, release).text;
    expect(migrate(once, release)).toMatchObject({ text: once, changes: [] });
  });
});

test('what nothing replaces is left, named with its line', () => {
  const { text, left } = migrate('sgx.wat = 1\n\nsgx.allow_file_creation = 1');
  expect(text).toContain('wat = 1');
  expect(left).toEqual(['1: sgx.wat', '3: sgx.allow_file_creation']);
});

test('the document itself is not changed', () => {
  const document = parseToml(
    'sgx.thread_num = 1\nsgx.cpu_features.avx = "disabled"\nsgx.require_amx = true',
    'm',
  );
  const before = serializeManifest(document.root);
  migrateManifest(document, parseRuntimeVersion('1.9'));
  expect(serializeManifest(document.root)).toBe(before);
});
