import { describe, expect, test } from 'vitest';
import { insecureOptions } from '../../src/manifest/insecure-options.ts';
import { grapheneRows } from '../../src/manifest/schema/graphene-rows.ts';
import { manifestRows, type Row } from '../../src/manifest/schema/schema-rows.ts';
import { parseToml, showPath } from '../../src/manifest/toml/toml.ts';
import { grapheneReleases, type Release } from '../../src/runtime/version.ts';

const found = (text: string, release?: Release) =>
  insecureOptions(parseToml(text, 'm').root, release).map(({ path }) => showPath(path));

describe('insecure options', () => {
  test.each([
    ['sgx.debug = true', 'sgx.debug'],
    ['loader.insecure__use_cmdline_argv = true', 'loader.insecure__use_cmdline_argv'],
    ['loader.insecure__use_host_env = true', 'loader.insecure__use_host_env'],
    ['loader.insecure__disable_aslr = true', 'loader.insecure__disable_aslr'],
    ['loader.env.A.passthrough = true', 'loader.env.A.passthrough'],
    ['loader.log_level = "debug"', 'loader.log_level'],
    ['sgx.file_check_policy = "allow_all_but_log"', 'sgx.file_check_policy'],
    ['sgx.allowed_files = ["file:/a"]', 'sgx.allowed_files'],
    ['sgx.insecure__rpc_thread_num = 2', 'sgx.insecure__rpc_thread_num'],
    ['sgx.insecure__allow_memfaults_without_exinfo = true', 'sgx.insecure__allow_memfaults_without_exinfo'],
    ['fs.insecure__keys.default = "00"', 'fs.insecure__keys.default'],
    ['sys.insecure__allow_eventfd = true', 'sys.insecure__allow_eventfd'],
    ['sys.experimental__enable_flock = true', 'sys.experimental__enable_flock'],
    ['sys.debug__mock_syscalls = [{ name = "x" }]', 'sys.debug__mock_syscalls'],
    ['sys.allowed_ioctls = [{ request_code = 1 }]', 'sys.allowed_ioctls'],
    [
      'fs.mounts = [{ type = "tmpfs", path = "/t" }, { type = "untrusted_shm", path = "/s", uri = "dev:s" }]',
      'fs.mounts[1]',
    ],
    ['fs.root = { uri = "dev:/dev/x" }', 'fs.root'],
    ['fs.mounts = [{ path = "/a", uri = "dev:/dev/x" }]', 'fs.mounts[0]'],
    ['fs.mount.a = { path = "/a", type = "untrusted_shm", uri = "dev:s" }', 'fs.mount.a'],
    ['sgx.allowed_files.a = "file:/a"', 'sgx.allowed_files'],
    ['sgx.allow_file_creation = true', 'sgx.allow_file_creation'],
    ['sgx.allow_file_creation = 1', 'sgx.allow_file_creation'],
    ['sgx.enable_stats = true', 'sgx.enable_stats'],
    ['sgx.vtune_profile = true', 'sgx.vtune_profile'],
    ['sgx.profile.enable = "main"', 'sgx.profile.enable'],
    ['sys.experimental__new_idea = true', 'sys.experimental__new_idea'],
    ['libos.debug__new_idea = "x"', 'libos.debug__new_idea'],
    ['sgx.idea.insecure__part = true', 'sgx.idea.insecure__part'],
    ['sys.insecure__new_idea = true', 'sys.insecure__new_idea'],
  ])('%s is reported', (text, path) => {
    expect(found(text)).toEqual([path]);
  });

  test.each([
    'sgx.debug = false\nsgx.insecure__rpc_thread_num = 0\nsgx.allowed_files = []',
    'loader.log_level = "error"\nsgx.file_check_policy = "strict"',
    'loader.log_level = "none"\nloader.env.insecure__x = "y"',
    'loader.insecure__disable_aslr = false\nsys.insecure__new_idea = false',
    'sgx = 1\nfs = []',
    'sgx.allow_file_creation = false',
    'sys.ioctl_structs.insecure__x = []\nfs.mounts = [{ path = "/a", uri = "file:/dev" }]',
  ])('%s is not', (text) => {
    expect(found(text)).toEqual([]);
  });

  test('every reason is one sentence', () => {
    const all = insecureOptions(parseToml('sgx.debug = true\nsys.insecure__x = true', 'm').root);
    for (const { reason } of all) expect(reason).toMatch(/^[^.]+\.$/);
  });
});

describe('a file that arguments or variables come from', () => {
  const sources = [
    ['argv_src_file', 'loader.argv_src_file'],
    ['env_src_file', 'loader.env_src_file'],
  ] as const;
  const trusted = `sgx.trusted_files = [{ uri = "file:/x/argv", sha256 = "${'0'.repeat(64)}" }]`;

  test.each(sources)('%s is insecure if the host may change it', (key, path) => {
    const text = `loader.${key} = "file:/x//argv"\n`;
    expect(found(`${text}sgx.allowed_files = ["file:/x"]`)).toEqual(['sgx.allowed_files', path]);
    expect(found(`${text}sgx.file_check_policy = "allow_all_but_log"`)).toEqual([
      'sgx.file_check_policy',
      path,
    ]);
    // An allowed place wins over a hash.
    expect(found(`${text}${trusted}\nsgx.allowed_files = ["file:/x"]`)).toContain(path);
  });

  test.each(sources)('%s is not if it is trusted, or nothing lets it be opened', (key) => {
    const text = `loader.${key} = "file:/x/argv"\n`;
    expect(found(`${text}${trusted}`)).toEqual([]);
    expect(found(`${text}${trusted}\nsgx.file_check_policy = "allow_all_but_log"`)).toEqual([
      'sgx.file_check_policy',
    ]);
    expect(found(text)).toEqual([]);
  });
});

describe('what a release does without a key', () => {
  test.each(grapheneReleases)(
    'Graphene %s lets debuggers in unless the manifest says otherwise',
    (release) => {
      expect(found('', release)).toContain('sgx.debug');
      expect(found('sgx.debug = false', release)).not.toContain('sgx.debug');
      expect(found('sgx.debug = true', release).filter((key) => key === 'sgx.debug')).toHaveLength(1);
    },
  );

  test('the commit of the first GSC takes the environment from the host, later releases do not', () => {
    expect(found('sgx.debug = false', 'f51aafddf')).toEqual(['loader.insecure__use_host_env']);
    for (const release of ['1.1', '1.2-rc1', '1.4', '1.9', 'master'] as const)
      expect(found('sgx.debug = false', release)).toEqual([]);
  });
});

/** Keys with which an enclave is as safe as without: a new key of a release has to be put here, or among the insecure ones. */
const harmless: ReadonlySet<string> = new Set([
  ...['fs.mounts', 'fs.mount', 'fs.root', 'fs.start_dir', 'libos.entrypoint', 'libos.check_invalid_pointers'],
  ...['libos.sync.enable', 'loader.entrypoint', 'loader.entrypoint.uri', 'loader.entrypoint.sha256'],
  // Of these only a file that is not trusted, or a variable that is passed through, is insecure.
  ...['loader.argv_src_file', 'loader.env_src_file', 'loader.env'],
  ...['loader.argv', 'loader.argv0_override', 'loader.uid', 'loader.gid', 'loader.log_file'],
  ...['loader.pal_internal_mem_size', 'net.port.rebase_on_lo', 'sgx.edmm_enable', 'sgx.enclave_size'],
  ...['avx', 'avx512', 'amx', 'mpx', 'pkru'].map((name) => `sgx.cpu_features.${name}`),
  ...['amx', 'avx', 'avx512', 'exinfo', 'mpx', 'pkru'].map((name) => `sgx.require_${name}`),
  ...['isvprodid', 'isvsvn', 'max_threads', 'thread_num', 'nonpie_binary', 'preheat_enclave'].map(sgx),
  // How a profile is made; whether one is made is sgx.profile.enable.
  ...['profile.mode', 'profile.with_stack', 'profile.frequency'].map(sgx),
  ...['protected_files', 'protected_mrenclave_files', 'protected_mrsigner_files'].map(sgx),
  ...['ra_client_linkable', 'ra_client_spid', 'remote_attestation', 'static_address', 'use_exinfo'].map(sgx),
  // The processor itself keeps the debug flag in the key. SDM vol. 3D, EGETKEY, REQUIRED_SEALING_MASK.
  ...['seal_key.flags_mask', 'seal_key.xfrm_mask', 'seal_key.misc_mask'].map(sgx),
  ...['trusted_files', 'trusted_children', 'trusted_mrenclave', 'zero_heap_on_demand'].map(sgx),
  ...['brk.max_size', 'stack.size', 'fds.limit', 'disallow_subprocesses', 'ioctl_structs'].map(sys),
  // Part of each build by gsc: the host could stop the enclave, and answer for name servers, in any case.
  ...['enable_sigterm_injection', 'enable_extra_runtime_domain_names_conf'].map(sys),
]);

function sgx(name: string): string {
  return `sgx.${name}`;
}

function sys(name: string): string {
  return `sys.${name}`;
}

/** A value with which a key that can be insecure is. */
function boldValue([path, shape]: Row): string {
  switch (shape.kind) {
    case 'boolean':
      return 'true';
    case 'integer':
      return '3';
    case 'choice':
      return JSON.stringify(shape.values.at(-1));
    case 'array':
      return path === 'sys.debug__mock_syscalls' ? '[{ name = "x" }]' : '["file:/x"]';
    case 'map':
      return '{ default = "00" }';
    default:
      return '"00"';
  }
}

test.each([...manifestRows, ...grapheneRows].filter(([path]) => !harmless.has(path)))(
  '%s is either harmless or reported when it is set',
  (...row) => {
    expect(found(`${row[0]} = ${boldValue(row as unknown as Row)}`)).not.toEqual([]);
  },
);

test('a key that counts as harmless is one of a release', () => {
  const keys = new Set([...manifestRows, ...grapheneRows].map(([path]) => path));
  expect([...harmless].filter((key) => !keys.has(key))).toEqual([]);
});
