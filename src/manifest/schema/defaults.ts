import { GscError } from '../../base/error.ts';
import { isAtLeast, type Release, type RuntimeVersion } from '../../runtime/version.ts';
import { isTable, showPath, type TomlTable, type TomlValue } from '../toml/toml.ts';
import { showValue } from './problem.ts';

export interface DefaultsOptions {
  /** URI of the library OS (`file:…/libsysdb.so`), for manifests of 1.8 and later without `loader.entrypoint.uri`. */
  readonly libosUri?: string;
}

/** A manifest with the keys that the tools add, and what they warn of. */
export interface DefaultedManifest {
  readonly root: TomlTable;
  readonly warnings: readonly string[];
}

/**
 * Adds the keys that Gramine's tools of this release add to a manifest, each at the end of its table, in their order.
 * `loader.entrypoint.sha256` needs a file and is not among them. Throws a `manifest` error where a table is expected
 * and something else stands.
 */
export function addDefaults(
  root: TomlTable,
  version: RuntimeVersion,
  options: DefaultsOptions = {},
): DefaultedManifest {
  const { release } = version;
  const sgx = tableOf(root, 'sgx');
  const withSgx = withKey(root, 'sgx', addSgxDefaults(sgx, release));
  if (!isAtLeast(release, '1.8')) return { root: withSgx, warnings: [] };
  return addEntrypoint(withSgx, release, options);
}

/** The table with one key set: in its place if it is there, else at the end. */
export function withKey(table: TomlTable, key: string, value: TomlValue): TomlTable {
  return new Map([...table, [key, value]]);
}

/** A sub-table, empty if it is missing. Throws a `manifest` error if the key holds anything else. */
export function tableOf(parent: TomlTable, key: string, parentPath: readonly string[] = []): TomlTable {
  const value = parent.get(key) ?? new Map<string, TomlValue>();
  if (isTable(value)) return value;
  throw new GscError({
    code: 'manifest',
    subject: showPath([...parentPath, key]),
    message: `expected a table, got ${showValue(value)}`,
  });
}

type Default = readonly [key: string, value: TomlValue];

const requireAll: readonly Default[] = ['avx', 'avx512', 'mpx', 'pkru', 'amx', 'exinfo'].map((feature) => [
  `require_${feature}`,
  false,
]);

const cpuFeatures: readonly Default[] = [
  ['avx', 'unspecified'],
  ['avx512', 'unspecified'],
  ['amx', 'unspecified'],
  ['mpx', 'disabled'],
  ['pkru', 'disabled'],
];

const identity: readonly Default[] = [
  ['isvprodid', 0n],
  ['isvsvn', 0n],
  ['remote_attestation', 'none'],
  ['debug', false],
];

function addSgxDefaults(sgx: TomlTable, release: Release): TomlTable {
  if (release === '1.4') {
    const threads: readonly Default[] = sgx.has('thread_num') ? [] : [['max_threads', 4n]];
    const size: Default = ['enclave_size', '256M'];
    const rest: readonly Default[] = [...requireAll, ['nonpie_binary', false], ['enable_stats', false]];
    return addMissing(sgx, [['trusted_files', []], size, ...threads, ...identity, ...rest]);
  }
  const size: Default = ['enclave_size', sgx.get('edmm_enable') === true ? '1024G' : '256M'];
  const start: readonly Default[] = [['trusted_files', []], ['max_threads', 4n], ...identity];
  const end: readonly Default[] = [['enable_stats', false], ['edmm_enable', false], size];
  if (release === '1.5') return addMissing(sgx, [...start, ...requireAll, ...end]);
  return addFeatures(addMissing(sgx, [...start, ...end]), release);
}

/** 1.6 and 1.7 leave the new names out where the old ones stand. */
function addFeatures(sgx: TomlTable, release: Release): TomlTable {
  const areOldNamesRead = !isAtLeast(release, '1.8');
  const hasOld = (key: string) => areOldNamesRead && sgx.has(`require_${key}`);
  const withExinfo = hasOld('exinfo') ? sgx : addMissing(sgx, [['use_exinfo', false]]);
  if (cpuFeatures.some(([feature]) => hasOld(feature))) return withExinfo;
  const features = tableOf(withExinfo, 'cpu_features', ['sgx']);
  return withKey(withExinfo, 'cpu_features', addMissing(features, cpuFeatures));
}

function addMissing(table: TomlTable, defaults: readonly Default[]): TomlTable {
  return new Map([...table, ...defaults.filter(([key]) => !table.has(key))]);
}

function addEntrypoint(root: TomlTable, release: Release, options: DefaultsOptions): DefaultedManifest {
  const loader = tableOf(root, 'loader');
  const given = loader.get('entrypoint');
  const isOldForm = release === '1.8' && typeof given === 'string';
  const entrypoint = isOldForm ? new Map([['uri', given]]) : tableOf(loader, 'entrypoint', ['loader']);
  const complete =
    options.libosUri === undefined ? entrypoint : addMissing(entrypoint, [['uri', options.libosUri]]);
  return {
    root: withKey(root, 'loader', withKey(loader, 'entrypoint', complete)),
    warnings: isOldForm
      ? [`loader.entrypoint: a string is the form of releases before 1.8, read as loader.entrypoint.uri`]
      : [],
  };
}
