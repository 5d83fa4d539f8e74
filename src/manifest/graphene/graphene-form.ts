import { type GrapheneRelease, isAtLeast } from '../../runtime/version.ts';
import { migrateManifest } from '../migrate/migrate.ts';
import { textOfFileUri, uriOf } from '../schema/file-uri.ts';
import { textOfVariable } from '../schema/variable.ts';
import {
  isArray,
  isTable,
  type TomlDocument,
  type TomlTable,
  type TomlValue,
  valueAt,
} from '../toml/toml.ts';

/**
 * A manifest of Graphene in Gramine's form, which everything else in gsc works with: lists in place of tables of IDs, hashes
 * beside their files, mounts in order, and the names that Gramine gave to keys.
 */
export function fromGrapheneForm(document: TomlDocument, release: GrapheneRelease): TomlTable {
  const { root } = migrateManifest(document, { family: 'graphene', text: release, release }, 'build');
  const libos = libraryOsOf(document.root);
  return libos === undefined
    ? root
    : new Map([...root, ['loader', new Map([...tableAt(root, 'loader'), libos])]]);
}

/** The preloaded library OS, which a build puts first, as `loader.entrypoint` with its hash. */
function libraryOsOf(root: TomlTable): readonly [string, TomlTable] | undefined {
  const preloaded = valueAt(root, ['loader', 'preload']);
  const [uri = ''] = typeof preloaded === 'string' ? preloaded.split(',') : [];
  if (!uri.endsWith('/libsysdb.so')) return undefined;
  const sha256 = valueAt(root, ['sgx', 'trusted_checksum', 'preload0']);
  return [
    'entrypoint',
    new Map([['uri', uri], ...(sha256 === undefined ? [] : [['sha256', sha256] as const])]),
  ];
}

type Entries = (readonly [key: string, value: TomlValue])[];

/**
 * A complete manifest in Graphene's own form: the way back from {@link fromGrapheneForm}. The IDs of files, mounts and
 * protected files are their numbers. `loader.entrypoint`, a table with its hash, becomes the preloaded library OS.
 */
export function toGrapheneForm(root: TomlTable, release: GrapheneRelease): TomlTable {
  const [loader, fs, sgx] = ['loader', 'fs', 'sgx'].map((key) => tableAt(root, key)) as [
    TomlTable,
    TomlTable,
    TomlTable,
  ];
  const rest = [...root].filter(([key]) => !['loader', 'fs', 'sgx', 'libos'].includes(key));
  const isOld = !isAtLeast(release, '1.2-rc1');
  const program = valueAt(root, ['libos', 'entrypoint']);
  return withoutEmpty([
    ['loader', withoutEmpty(loaderEntries(loader, isOld, program))],
    ...(isOld ? [] : ([['libos', tableAt(root, 'libos')]] as const)),
    ['fs', withoutEmpty(fileSystemEntries(fs))],
    ...rest,
    ['sgx', withoutEmpty(enclaveEntries(sgx, { fs, loader, program: isOld ? program : undefined }))],
  ]);
}

function loaderEntries(loader: TomlTable, isOld: boolean, program: TomlValue | undefined): Entries {
  const libos = uriOf(loader.get('entrypoint'));
  const level = loader.get('log_level');
  const isLogging = level === 'debug' || level === 'trace' || level === 'all';
  const file = loader.get('log_file');
  const others = [...loader].filter(
    ([key]) => !['entrypoint', 'env', ...(isOld ? ['log_level', 'log_file'] : [])].includes(key),
  );
  return [
    ...(libos === undefined ? [] : ([['preload', libos]] as const)),
    ...(isOld && typeof program === 'string' ? ([['exec', `file:${program}`]] as const) : []),
    ...others,
    ...(isOld ? ([['debug_type', isLogging ? (file ? 'file' : 'inline') : 'none']] as const) : []),
    ...(isOld && isLogging && file ? ([['debug_file', `file:${String(file)}`]] as const) : []),
    [
      'env',
      new Map([...tableAt(loader, 'env')].map(([name, value]) => [name, textOfVariable(value) ?? value])),
    ],
  ];
}

function fileSystemEntries(fs: TomlTable): Entries {
  const mounts = listAt(fs, 'mounts').filter((mount) => !isEncrypted(mount));
  return [
    ...[...fs].filter(([key]) => key !== 'mounts' && key !== 'insecure__keys'),
    ['mount', numbered('m', mounts)],
  ];
}

interface EnclaveParts {
  readonly fs: TomlTable;
  readonly loader: TomlTable;
  /** The program, where it is measured. */
  readonly program: TomlValue | undefined;
}

const renamed: Readonly<Record<string, string>> = {
  max_threads: 'thread_num',
  insecure__rpc_thread_num: 'rpc_thread_num',
  require_exinfo: 'support_exinfo',
};

const lists: ReadonlySet<string> = new Set([
  'trusted_files',
  'allowed_files',
  'trusted_children',
  'trusted_mrenclave',
]);

function enclaveEntries(sgx: TomlTable, { fs, loader, program }: EnclaveParts): Entries {
  const key = valueAt(fs, ['insecure__keys', 'default']);
  const trusted = listAt(sgx, 'trusted_files');
  const encrypted = listAt(fs, 'mounts').filter(isEncrypted);
  const scalars = [...sgx].flatMap(([name, value]): Entries => {
    if (lists.has(name)) return [];
    if (name === 'remote_attestation') return value === 'none' ? [] : [[name, true]];
    return [[renamed[name] ?? name, value]];
  });
  const libos = valueAt(loader, ['entrypoint', 'sha256']);
  const own = trusted.find((entry) => textOfFileUri(uriOf(entry)) === program);
  const executable = program === undefined ? undefined : own && valueAt(own as TomlTable, ['sha256']);
  return [
    ...scalars,
    ...(key === undefined ? [] : ([['protected_files_key', key]] as const)),
    [
      'protected_files',
      numbered(
        'p',
        encrypted.map((mount) => uriOf(mount) ?? ''),
      ),
    ],
    ['allowed_files', numbered('allowed', listAt(sgx, 'allowed_files'))],
    [
      'trusted_files',
      numbered(
        'file',
        trusted.map((entry) => uriOf(entry) ?? ''),
      ),
    ],
    [
      'trusted_checksum',
      withoutEmpty([
        ...(libos === undefined ? [] : ([['preload0', libos]] as const)),
        ...(executable === undefined ? [] : ([['exec', executable]] as const)),
        ...numbered(
          'file',
          trusted.map((entry) => (isTable(entry) ? (entry.get('sha256') ?? '') : '')),
        ),
      ]),
    ],
    ['trusted_children', tableAt(sgx, 'trusted_children')],
    ['trusted_mrenclave', tableAt(sgx, 'trusted_mrenclave')],
  ];
}

function isEncrypted(mount: TomlValue): boolean {
  return isTable(mount) && mount.get('type') === 'encrypted';
}

function numbered(prefix: string, values: readonly TomlValue[]): TomlTable {
  return new Map(values.map((value, index) => [`${prefix}${index}`, value]));
}

/** Without tables and texts that hold nothing: they say nothing. */
function withoutEmpty(entries: Iterable<readonly [string, TomlValue]>): TomlTable {
  return new Map([...entries].filter(([, value]) => value !== '' && !(isTable(value) && value.size === 0)));
}

function tableAt(table: TomlTable, key: string): TomlTable {
  const value = table.get(key);
  return isTable(value) ? value : new Map();
}

function listAt(table: TomlTable, key: string): readonly TomlValue[] {
  const value = table.get(key);
  return isArray(value) ? value : [];
}
