import { isAtLeast } from '../../runtime/version.ts';
import { grapheneRows } from '../schema/graphene-rows.ts';
import { manifestRows, type Row } from '../schema/schema-rows.ts';
import { isTable } from '../toml/toml.ts';
import { asBoolean, type Draft, isKeyOf, peek, put, take } from './migration-draft.ts';
import { attachChecksums, migrateSingularNames } from './migration-graphene.ts';
import { migrateArgv0, migrateEntrypoint, migrateLog, migratePreload } from './migration-loader.ts';
import { migrateMountPaths, migrateMounts, migrateProtectedFiles } from './migration-mounts.ts';

type Rule = (draft: Draft) => void;

/** In this order: forms first, so that later rules meet arrays and booleans only. */
export const migrationRules: readonly Rule[] = [
  migrateSingularNames,
  attachChecksums,
  listTables,
  migrateAttestation,
  numbersToBooleans,
  migrateMounts,
  migrateMountPaths,
  migrateProtectedFiles,
  renameKeys,
  migrateCpuFeatures,
  migrateEntrypoint,
  migratePreload,
  migrateArgv0,
  migrateLog,
  dropDeadKeys,
];

/** `sgx.trusted_files.ID = "file:…"` of Graphene: the IDs meant nothing. */
function listTables(draft: Draft): void {
  const lists = ['trusted_files', 'allowed_files', 'protected_files', 'protected_mrenclave_files'];
  for (const key of [...lists, 'protected_mrsigner_files']) {
    const path = ['sgx', key];
    const value = peek(draft, path);
    if (!isTable(value)) continue;
    put(draft, path, [...value.values()]);
    draft.report(path, 'a table became an array, without the names of its entries');
    for (const [index, id] of [...value.keys()].entries()) draft.move([...path, id], [...path, index]);
  }
}

const booleanKeys = (rows: readonly Row[]): ReadonlySet<string> =>
  new Set(rows.flatMap(([path, shape]) => (shape.kind === 'boolean' ? [path] : [])));
const gramineSwitches = booleanKeys(manifestRows);
const switches = new Set([...gramineSwitches, ...booleanKeys(grapheneRows)]);

/** Graphene wrote 1 and 0. */
function numbersToBooleans(draft: Draft): void {
  for (const dotted of switches) {
    const path = dotted.split('.');
    const value = peek(draft, path);
    const [table = '', key = ''] = path;
    // What the release does not have is not rewritten: it is removed or refused.
    if (typeof value !== 'bigint' || !(gramineSwitches.has(dotted) || isKeyOf(draft, [table, key]))) continue;
    const meaning = asBoolean(value);
    if (meaning === undefined) continue;
    put(draft, path, meaning);
    draft.report(path, `${value} became ${meaning}`);
  }
}

const renamed: readonly (readonly [from: readonly [string, string], to: readonly string[]])[] = [
  [
    ['sgx', 'thread_num'],
    ['sgx', 'max_threads'],
  ],
  [
    ['sgx', 'rpc_thread_num'],
    ['sgx', 'insecure__rpc_thread_num'],
  ],
  [
    ['sgx', 'protected_files_key'],
    ['fs', 'insecure__keys', 'default'],
  ],
  [
    ['sgx', 'insecure__protected_files_key'],
    ['fs', 'insecure__keys', 'default'],
  ],
  [
    ['fs', 'insecure__protected_files_key'],
    ['fs', 'insecure__keys', 'default'],
  ],
];

function renameKeys(draft: Draft): void {
  for (const [from, to] of renamed) {
    const value = take(draft, from);
    if (value === undefined) continue;
    const isSet = peek(draft, to) !== undefined;
    if (!isSet) put(draft, to, value);
    if (isSet) draft.report(from, `removed: ${to.join('.')} is set already`);
    else draft.report(from, `became ${to.join('.')}`, to);
  }
}

const cpuFeatures = ['avx', 'avx512', 'amx', 'mpx', 'pkru'];

/** Since 1.6 features of the processor are words; what was not required is the default. */
function migrateCpuFeatures(draft: Draft): void {
  const hasWords = isAtLeast(draft.release, '1.6');
  const exinfo = hasWords ? ['sgx', 'use_exinfo'] : ['sgx', 'require_exinfo'];
  for (const old of hasWords ? ['require_exinfo', 'support_exinfo'] : ['support_exinfo']) {
    const isOn = asBoolean(peek(draft, ['sgx', old]));
    if (isOn === undefined) continue;
    take(draft, ['sgx', old]);
    if (peek(draft, exinfo) === undefined) put(draft, exinfo, isOn);
    draft.report(['sgx', old], `became ${exinfo.join('.')}`, exinfo);
  }
  if (!hasWords) return;
  for (const feature of cpuFeatures) {
    const path = ['sgx', `require_${feature}`];
    const isOn = asBoolean(peek(draft, path));
    if (isOn === undefined) continue;
    take(draft, path);
    const place = ['sgx', 'cpu_features', feature];
    if (isOn && peek(draft, place) === undefined) put(draft, place, 'required');
    if (isOn) draft.report(path, `became ${place.join('.')} = "required"`, place);
    else draft.report(path, 'removed: off is the default');
  }
}

/** A boolean until 1.4, where a SPID meant EPID; EPID is gone since 1.9. */
function migrateAttestation(draft: Draft): void {
  const path = ['sgx', 'remote_attestation'];
  const value = peek(draft, path);
  const isOn = asBoolean(value);
  const spid = peek(draft, ['sgx', 'ra_client_spid']);
  const hasEpid = !isAtLeast(draft.release, '1.9');
  if (isOn !== undefined) {
    const wanted = typeof spid === 'string' && spid !== '' ? 'epid' : 'dcap';
    const kind = isOn ? (hasEpid ? wanted : 'dcap') : 'none';
    put(draft, path, kind);
    draft.report(path, `${String(value)} became "${kind}"`);
  } else if (value === 'epid' && !hasEpid) {
    put(draft, path, 'dcap');
    draft.report(path, '"epid" became "dcap", the only kind left: the verifier has to change as well');
  }
  if (peek(draft, path) === 'epid') return;
  for (const key of ['ra_client_spid', 'ra_client_linkable']) {
    if (take(draft, ['sgx', key]) !== undefined) draft.report(['sgx', key], 'removed: it is for EPID only');
  }
}

const deadKeys: readonly (readonly [path: readonly [string, string], reason: string])[] = [
  [['loader', 'pal_internal_mem_size'], 'the memory is found without it'],
  [['loader', 'execname'], 'nothing reads it'],
  [['libos', 'sync'], 'the schema of Gramine does not have it'],
  [['sgx', 'enclave_pal_file'], 'the signer finds the file itself'],
  [['sgx', 'nonpie_binary'], 'every kind of executable runs'],
  [['sgx', 'sigfile'], 'Gramine does not start with it'],
  [['sgx', 'static_address'], 'the address is always fixed'],
  [['sgx', 'trusted_checksum'], 'hashes are computed when the enclave is signed'],
  [['sgx', 'trusted_children'], 'children are started with the same manifest'],
  [['sgx', 'trusted_mrenclave'], 'children are started with the same manifest'],
  [['sgx', 'zero_heap_on_demand'], 'nothing reads it'],
];

/** What a program may miss: a build names these, and does not take them out by itself. */
const withoutEquivalent: readonly (readonly [path: readonly [string, string], reason: string])[] = [
  [['sgx', 'allow_file_creation'], 'files are made where sgx.allowed_files has them or a mount is writable'],
  [['net', 'port'], 'ports are those of the host'],
  [['net', 'rules'], 'there are no rules for addresses: filter them on the host'],
];

function dropDeadKeys(draft: Draft): void {
  for (const [path, reason] of deadKeys) {
    if (!isKeyOf(draft, path)) draft.drop(path, reason);
  }
  const creation = ['sgx', 'allow_file_creation'];
  if (asBoolean(peek(draft, creation)) === false && !isKeyOf(draft, ['sgx', 'allow_file_creation'])) {
    take(draft, creation);
    draft.report(creation, 'removed: off is the default');
  }
  if (draft.purpose !== 'port') return;
  for (const [path, reason] of withoutEquivalent) if (!isKeyOf(draft, path)) draft.drop(path, reason);
}
