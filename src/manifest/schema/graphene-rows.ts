import { manifestRows, type Row, type Shape } from './schema-rows.ts';

const string: Shape = { kind: 'string' };
const boolean: Shape = { kind: 'boolean' };
const texts: Shape = { kind: 'map', of: string };
const until11 = { until: '1.1' } as const;
const since11 = { since: '1.1' } as const;
const since12 = { since: '1.2-rc1' } as const;

/**
 * Keys that Graphene has under Gramine's names, or under older ones that {@link migrateManifest} and the writer exchange for these:
 * `sgx.max_threads` was `sgx.thread_num`, `libos.entrypoint` was `loader.exec`.
 */
const shared: ReadonlySet<string> = new Set([
  ...['fs.mounts', 'fs.root', 'fs.start_dir', 'libos.entrypoint'],
  ...['argv_src_file', 'insecure__use_cmdline_argv'].map(loader),
  ...['insecure__disable_aslr', 'log_level', 'log_file'].map(loader),
  ...['allowed_files', 'trusted_files', 'debug', 'enable_stats', 'enclave_size', 'file_check_policy'].map(
    sgx,
  ),
  ...['isvprodid', 'isvsvn', 'max_threads', 'insecure__rpc_thread_num', 'remote_attestation'].map(sgx),
  ...['ra_client_linkable', 'ra_client_spid', 'require_avx', 'require_avx512', 'require_mpx'].map(sgx),
  ...['require_exinfo'].map(sgx),
  ...['sys.brk.max_size', 'sys.stack.size', 'sys.insecure__allow_eventfd'],
]);

/** The same since v1.1: the first GSC's commit takes the environment from the host, and has no encrypted files. */
const sharedSince11: ReadonlySet<string> = new Set([
  ...['env_src_file', 'insecure__use_host_env'].map(loader),
  'fs.insecure__keys',
]);

/** The same since v1.2-rc1. */
const sharedSince12: ReadonlySet<string> = new Set([
  ...['libos.check_invalid_pointers', 'loader.pal_internal_mem_size', 'sys.enable_sigterm_injection'],
  ...['nonpie_binary', 'preheat_enclave', 'require_pkru'].map(sgx),
  ...['enable', 'mode', 'with_stack', 'frequency'].map((name) => `sgx.profile.${name}`),
]);

/** The keys of Graphene's manifests, in Gramine's form. Graphene v1.1 and v1.2-rc1, manifest-syntax.rst and what the code reads. */
export const grapheneRows: readonly Row[] = [
  ...manifestRows
    .filter(([path, , rule]) => shared.has(path) && !rule?.since)
    .map(([path, shape]): Row => [path, shape, path === 'libos.entrypoint' ? { required: 'complete' } : {}]),
  ...manifestRows
    .filter(([path]) => sharedSince11.has(path))
    .map(([path, shape]): Row => [path, shape, since11]),
  ...manifestRows
    .filter(([path, , rule]) => sharedSince12.has(path) && !rule?.since)
    .map(([path, shape]): Row => [path, shape, since12]),
  ['loader.entrypoint.uri', string, { required: 'complete' }],
  ['loader.entrypoint.sha256', string],
  ['loader.env', texts],
  ['loader.argv0_override', string],
  ['libos.sync.enable', boolean, since12],
  ['net.port.rebase_on_lo', boolean, until11],
  ['sgx.allow_file_creation', boolean, until11],
  ['sgx.static_address', boolean, until11],
  ['sgx.trusted_children', texts, until11],
  ['sgx.trusted_mrenclave', texts, until11],
  ['sgx.zero_heap_on_demand', boolean, { since: '1.1', until: '1.1' }],
];

function loader(name: string): string {
  return `loader.${name}`;
}

function sgx(name: string): string {
  return `sgx.${name}`;
}
