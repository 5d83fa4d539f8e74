import type { Release } from '../../runtime/version.ts';

/** What a key holds. `map` is a table with names of the user's choice. */
export type Shape =
  | { readonly kind: 'string' | 'integer' | 'boolean' | 'any' | 'mount' | 'root-mount' }
  | { readonly kind: 'choice'; readonly values: readonly (string | boolean)[] }
  | { readonly kind: 'array' | 'map'; readonly of: Shape }
  | { readonly kind: 'table'; readonly rows: readonly Row[]; readonly atMostOneKey?: boolean }
  /** The first form of the value's own TOML type is the one that it is checked against. */
  | { readonly kind: 'either'; readonly of: readonly Shape[] };

/** When a key may be there, and whether it must. Both releases are included. */
export interface RowRule {
  readonly since?: Release;
  readonly until?: Release;
  /** `complete`: only in manifests that are handed to Gramine; gsc fills the key in when it builds. */
  readonly required?: 'always' | 'complete';
  /** The first release that insists on a `required` key, if not the first that has it. */
  readonly requiredSince?: Release;
}

/** One key: its dotted path below the table that lists it. */
export type Row = readonly [path: string, shape: Shape, rule?: RowRule];

const string: Shape = { kind: 'string' };
const integer: Shape = { kind: 'integer' };
const boolean: Shape = { kind: 'boolean' };
const any: Shape = { kind: 'any' };
const choice = (...values: readonly (string | boolean)[]): Shape => ({ kind: 'choice', values });
const arrayOf = (of: Shape): Shape => ({ kind: 'array', of });
const mapOf = (of: Shape): Shape => ({ kind: 'map', of });
const table = (...rows: readonly Row[]): Shape => ({ kind: 'table', rows });
const either = (...of: readonly Shape[]): Shape => ({ kind: 'either', of });

const environmentTable: Shape = {
  kind: 'table',
  rows: [
    ['value', string],
    ['passthrough', choice(true)],
  ],
  atMostOneKey: true,
};
const cpuFeature = choice('unspecified', 'disabled', 'required');
const cpuFeatureOffByDefault = choice('disabled', 'required');
const until14 = { until: '1.4' } as const;
const until17 = { until: '1.7' } as const;
const until18 = { until: '1.8' } as const;
const since15 = { since: '1.5' } as const;
const since16 = { since: '1.6' } as const;
const since18 = { since: '1.8' } as const;

/**
 * The keys of a manifest. Releases from 1.7 on: what their own schema accepts (gramine-manifest-check). Earlier ones had
 * none: here stand the keys that their run time and documentation knew.
 */
export const manifestRows: readonly Row[] = [
  ['fs.mounts', arrayOf({ kind: 'mount' }), { required: 'complete', requiredSince: '1.7' }],
  ['fs.mount', mapOf(table(['type', string], ['path', string], ['uri', string])), until14],
  ['fs.root', { kind: 'root-mount' }],
  ['fs.start_dir', string],
  ['fs.insecure__keys', mapOf(string)],
  ['fs.insecure__protected_files_key', string, until14],

  ['libos.entrypoint', string, { required: 'complete' }],
  ['libos.check_invalid_pointers', boolean],

  ['loader.entrypoint', string, { ...until17, required: 'complete' }],
  ['loader.entrypoint.uri', string, { ...since18, required: 'complete' }],
  ['loader.entrypoint.sha256', string, since18],
  ['loader.argv', arrayOf(string)],
  ['loader.argv_src_file', string],
  ['loader.env', mapOf(either(string, environmentTable))],
  ['loader.env_src_file', string],
  ['loader.uid', integer],
  ['loader.gid', integer],
  ['loader.insecure__use_cmdline_argv', boolean],
  ['loader.insecure__use_host_env', boolean],
  ['loader.insecure__disable_aslr', boolean],
  ['loader.log_file', string],
  ['loader.log_level', choice('none', 'error', 'warning', 'debug', 'trace', 'all')],
  ['loader.pal_internal_mem_size', string, until14],

  ['sgx.allowed_files', arrayOf(string)],
  ['sgx.cpu_features.avx', cpuFeature, since16],
  ['sgx.cpu_features.avx512', cpuFeature, since16],
  ['sgx.cpu_features.amx', cpuFeature, since16],
  ['sgx.cpu_features.mpx', cpuFeatureOffByDefault, since16],
  ['sgx.cpu_features.pkru', cpuFeatureOffByDefault, since16],
  ['sgx.debug', boolean],
  ['sgx.edmm_enable', boolean],
  ['sgx.enable_stats', boolean],
  ['sgx.enclave_size', string],
  ['sgx.file_check_policy', choice('strict', 'allow_all_but_log')],
  ['sgx.insecure__allow_memfaults_without_exinfo', boolean, since16],
  ['sgx.insecure__rpc_thread_num', integer],
  ['sgx.isvprodid', integer],
  ['sgx.isvsvn', integer],
  ['sgx.max_threads', integer],
  ['sgx.thread_num', integer, until14],
  ['sgx.nonpie_binary', boolean, until14],
  ['sgx.preheat_enclave', boolean],
  ['sgx.profile.enable', choice('none', 'main', 'all')],
  ['sgx.profile.mode', choice('aex', 'ocall_inner', 'ocall_outer')],
  ['sgx.profile.with_stack', boolean],
  ['sgx.profile.frequency', integer],
  ['sgx.protected_files', arrayOf(string), until14],
  ['sgx.protected_mrenclave_files', arrayOf(string), until14],
  ['sgx.protected_mrsigner_files', arrayOf(string), until14],
  ['sgx.insecure__protected_files_key', string, until14],
  ['sgx.ra_client_linkable', boolean, until18],
  ['sgx.ra_client_spid', string, until18],
  ['sgx.remote_attestation', choice('none', 'epid', 'dcap', true, false), until14],
  ['sgx.remote_attestation', choice('none', 'epid', 'dcap'), { ...since15, ...until18 }],
  ['sgx.remote_attestation', choice('none', 'dcap'), { since: '1.9' }],
  ['sgx.require_amx', boolean, until17],
  ['sgx.require_avx', boolean, until17],
  ['sgx.require_avx512', boolean, until17],
  ['sgx.require_exinfo', boolean, until17],
  ['sgx.require_mpx', boolean, until17],
  ['sgx.require_pkru', boolean, until17],
  ['sgx.seal_key.flags_mask', string],
  ['sgx.seal_key.xfrm_mask', string],
  ['sgx.seal_key.misc_mask', string],
  ['sgx.trusted_files', arrayOf(either(string, table(['uri', string], ['sha256', string])))],
  ['sgx.use_exinfo', boolean, since16],
  ['sgx.vtune_profile', boolean],

  [
    'sys.allowed_ioctls',
    arrayOf(table(['request_code', integer, { required: 'always' }], ['struct', string])),
    since15,
  ],
  ['sys.brk.max_size', string],
  [
    'sys.debug__mock_syscalls',
    arrayOf(table(['name', string, { required: 'always' }], ['return', integer])),
    since18,
  ],
  ['sys.disallow_subprocesses', boolean, since15],
  ['sys.enable_extra_runtime_domain_names_conf', boolean],
  ['sys.enable_sigterm_injection', boolean],
  ['sys.experimental__enable_flock', boolean, since15],
  ['sys.fds.limit', integer, since18],
  ['sys.insecure__allow_eventfd', boolean],
  ['sys.ioctl_structs', mapOf(any), since15],
  ['sys.stack.size', string],
];

/** The types of mounts and their keys besides `type` and `path`. A mount without a type is a `chroot`. */
export const mountRows: Readonly<Record<string, readonly Row[]>> = {
  chroot: [['uri', string, { required: 'always' }]],
  // Graphene has it as `sgx.protected_files`.
  encrypted: [
    ['uri', string, { required: 'always' }],
    ['key_name', string],
    ['enable_recovery', boolean, { since: '1.9' }],
  ],
  tmpfs: [['uri', string]],
  untrusted_shm: [['uri', string, { required: 'always' }]],
};

/** The first release that has a type of mounts; those that are not here are of all releases. */
export const mountsSince: Readonly<Record<string, Release>> = {
  encrypted: '1.1',
  tmpfs: '1.2-rc1',
  untrusted_shm: '1.4',
};

/** What to write for values that are of another type than expected: by path, then by the type that was found. */
export const formHints: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'loader.entrypoint': {
    string: 'since Gramine 1.8 it is written loader.entrypoint.uri = "file:…"',
    table: 'before Gramine 1.8 it is written loader.entrypoint = "file:…"',
  },
  'sgx.trusted_files': { table: 'write an array: sgx.trusted_files = ["file:…", "file:…"]' },
  'sgx.allowed_files': { table: 'write an array: sgx.allowed_files = ["file:…", "file:…"]' },
  'sgx.enclave_size': { integer: 'write it with its unit and in quotes, as in "512M"' },
  'sgx.remote_attestation': { boolean: 'write "dcap" for attestation, "none" for no attestation' },
};

/**
 * What to write instead of keys that are gone, dead or of another program. Only keys that no release of the table above
 * replaces under the same name.
 */
export const replacements: Readonly<Record<string, string>> = {
  'fs.mount': 'write the mounts as the array fs.mounts, each with its path',
  'fs.root.path': 'remove it: the root is always mounted at /',
  'fs.insecure__protected_files_key': 'use fs.insecure__keys.default',
  'libos.sync': 'remove it: the schema of Gramine does not have it',
  'loader.argv0_override': 'put the name first in loader.argv',
  'loader.exec': 'use libos.entrypoint; Gramine does not start with loader.exec in the manifest',
  'loader.execname': 'use libos.entrypoint',
  'loader.debug_type': 'use loader.log_level',
  'loader.debug_file': 'use loader.log_file',
  'loader.pal_internal_mem_size': 'remove it: the memory is found without it',
  'loader.preload': 'use loader.entrypoint, and loader.env.LD_PRELOAD for libraries of the application',
  'sgx.allow_file_creation': 'list the places that are written to in sgx.allowed_files',
  'sgx.enclave_pal_file': 'remove it: the signer gets it from --libpal',
  'sgx.insecure__protected_files_key': 'use fs.insecure__keys.default',
  'sgx.nonpie_binary': 'remove it: every kind of executable runs',
  'sgx.protected_files': 'use mounts of type "encrypted" in fs.mounts',
  'sgx.protected_files_key': 'use fs.insecure__keys.default',
  'sgx.protected_mrenclave_files': 'use mounts of type "encrypted" with key_name = "_sgx_mrenclave"',
  'sgx.protected_mrsigner_files': 'use mounts of type "encrypted" with key_name = "_sgx_mrsigner"',
  'sgx.ra_client_linkable': 'remove it: EPID attestation is gone, use sgx.remote_attestation = "dcap"',
  'sgx.ra_client_spid': 'remove it: EPID attestation is gone, use sgx.remote_attestation = "dcap"',
  'sgx.require_amx': 'use sgx.cpu_features.amx = "required"',
  'sgx.require_avx': 'use sgx.cpu_features.avx = "required"',
  'sgx.require_avx512': 'use sgx.cpu_features.avx512 = "required"',
  'sgx.require_exinfo': 'use sgx.use_exinfo',
  'sgx.require_mpx': 'use sgx.cpu_features.mpx = "required"',
  'sgx.require_pkru': 'use sgx.cpu_features.pkru = "required"',
  'sgx.rpc_thread_num': 'use sgx.insecure__rpc_thread_num',
  'sgx.sigfile': 'remove it: Gramine does not start with sgx.sigfile in the manifest',
  'sgx.static_address': 'remove it: the address is always fixed',
  'sgx.support_exinfo': 'use sgx.use_exinfo',
  'sgx.thread_num': 'use sgx.max_threads',
  'sgx.trusted_checksum': 'write each hash as sha256 in sgx.trusted_files',
  'sgx.trusted_children': 'remove it: children are started with the same manifest',
  'sgx.zero_heap_on_demand': 'remove it',
};
