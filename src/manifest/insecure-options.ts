import { isAtLeast, type Release } from '../runtime/version.ts';
import { decideFileUri, readManifestNames } from './files/access-decision.ts';
import { select } from './schema/runtime-values.ts';
import { isArray, isTable, type KeyPath, type TomlTable, type TomlValue, valueAt } from './toml/toml.ts';

/** A key that weakens the enclave, with the reason in a sentence. */
export interface InsecureOption {
  readonly path: KeyPath;
  readonly reason: string;
}

interface InsecureRule {
  /** Where to look; `*` stands for every key or element. */
  readonly path: string;
  readonly isInsecure: (value: TomlValue) => boolean;
  readonly reason: string;
}

const isOn = (value: TomlValue): boolean => value !== false && value !== 0n;
const isAny = (): boolean => true;
const isOneOf =
  (...texts: readonly string[]) =>
  (value: TomlValue): boolean =>
    typeof value === 'string' && texts.includes(value);
const isFilled = (value: TomlValue): boolean =>
  (isArray(value) && value.length > 0) || (isTable(value) && value.size > 0);

/** Also of an enclave that is one without the key. */
export const debugReason = 'a debug enclave can be read and changed by the host with a debugger.';

/** In the order in which they are reported. What Gramine itself warns of at start, and what lets the host in besides. */
const insecureRules: readonly InsecureRule[] = [
  {
    path: 'sgx.debug',
    isInsecure: isOn,
    reason: debugReason,
  },
  {
    path: 'loader.insecure__use_cmdline_argv',
    isInsecure: isOn,
    reason: 'the host chooses the arguments of the program.',
  },
  {
    path: 'loader.insecure__use_host_env',
    isInsecure: isOn,
    reason: 'the host chooses the environment of the program.',
  },
  {
    path: 'loader.insecure__disable_aslr',
    isInsecure: isOn,
    reason:
      'addresses in the enclave are the same at every start, which makes attacks on memory errors easier.',
  },
  {
    path: 'loader.env.*.passthrough',
    isInsecure: isOn,
    reason: 'the host chooses the value of this variable.',
  },
  {
    path: 'loader.log_level',
    isInsecure: isOneOf('warning', 'debug', 'trace', 'all'),
    reason: 'messages to the host reveal what the program does.',
  },
  {
    path: 'sgx.file_check_policy',
    isInsecure: isOneOf('allow_all_but_log'),
    reason: 'every file of the host can be opened, whether it is trusted or not.',
  },
  {
    path: 'sgx.allowed_files',
    isInsecure: isFilled,
    reason: 'the host can change the content of these files at any time.',
  },
  {
    // Graphene until v1.1; what it creates is added to the allowed files (Linux-SGX/enclave_framework.c, load_trusted_file).
    path: 'sgx.allow_file_creation',
    isInsecure: isOn,
    reason: 'files that the program creates are not protected, wherever they are: the host can change them.',
  },
  {
    path: 'sgx.insecure__rpc_thread_num',
    isInsecure: isOn,
    reason:
      'exitless calls keep threads outside the enclave that share memory with it, and keep their processors busy.',
  },
  {
    path: 'sgx.insecure__allow_memfaults_without_exinfo',
    isInsecure: isOn,
    reason: 'the host can forge memory faults, since the processor does not confirm them.',
  },
  {
    path: 'sgx.insecure__protected_files_key',
    isInsecure: isAny,
    reason: 'the key of encrypted files is readable in the manifest.',
  },
  {
    path: 'fs.insecure__protected_files_key',
    isInsecure: isAny,
    reason: 'the key of encrypted files is readable in the manifest.',
  },
  {
    path: 'fs.insecure__keys.*',
    isInsecure: isAny,
    reason: 'the key of encrypted files is readable in the manifest.',
  },
  {
    path: 'sys.insecure__allow_eventfd',
    isInsecure: isOn,
    reason: 'the host emulates eventfd and can change what waits for it.',
  },
  {
    path: 'sys.experimental__enable_flock',
    isInsecure: isOn,
    reason: 'file locks are experimental and not guarded against the host.',
  },
  {
    path: 'sys.debug__mock_syscalls',
    isInsecure: isFilled,
    reason: 'these system calls do nothing and report a fixed result.',
  },
  {
    path: 'sys.allowed_ioctls',
    isInsecure: isFilled,
    reason: 'these requests go to devices of the host, whose answers are not checked.',
  },
  {
    path: 'sgx.enable_stats',
    isInsecure: isOn,
    reason: 'statistics show the host what the enclave does.',
  },
  {
    path: 'sgx.profile.enable',
    isInsecure: isOneOf('main', 'all'),
    reason: 'profiles show the host what the enclave executes.',
  },
  {
    path: 'sgx.vtune_profile',
    isInsecure: isOn,
    reason: 'profiles show the host what the enclave executes.',
  },
  ...['fs.mounts.*', 'fs.mount.*', 'fs.root'].flatMap((path): readonly InsecureRule[] => [
    {
      path,
      isInsecure: isSharedMemory,
      reason: 'the host can read and change memory that is shared through this mount.',
    },
    {
      path,
      isInsecure: isDevice,
      reason: 'the device belongs to the host, which can read and change what passes through it.',
    },
  ]),
];

/** Files that decide what runs: what is read from one that is not trusted is the host's. */
const sourceFiles = [
  ['argv_src_file', 'the host chooses the arguments of the program: their file is not a trusted one.'],
  ['env_src_file', 'the host chooses the environment of the program: its file is not a trusted one.'],
] as const;

/** What a release does without a key of the manifest. */
function optionsOfRelease(root: TomlTable, release: Release): readonly InsecureOption[] {
  const debug = ['sgx', 'debug'];
  const hasDebug = isAtLeast(release, '1.4') || valueAt(root, debug) !== undefined;
  return [
    // Graphene's signers let debuggers in unless the manifest says otherwise.
    ...(hasDebug ? [] : [{ path: debug, reason: debugReason }]),
    // Pal/src/db_main.c, read_environments: what loader.env does not set is as the host has it. There is no key for it yet.
    ...(release === 'f51aafddf' ? [alwaysHostEnvironment] : []),
  ];
}

const alwaysHostEnvironment: InsecureOption = {
  path: ['loader', 'insecure__use_host_env'],
  reason:
    'this release takes all variables from the host that loader.env does not set, with or without the key.',
};

/**
 * Everything in a complete manifest that weakens the enclave, and what the release that reads it does besides. Keys with
 * `insecure`, `experimental` or `debug` in front of their names that this list does not know are reported too, wherever they are
 * (but not names that the user chooses, as in `loader.env`).
 */
export function insecureOptions(root: TomlTable, release?: Release): readonly InsecureOption[] {
  const known = insecureRules.flatMap(({ path, isInsecure, reason }) =>
    [...select(root, path)]
      .filter(([, value]) => isInsecure(value))
      .map(([where]) => ({ path: where, reason })),
  );
  const always = release === undefined ? [] : optionsOfRelease(root, release);
  const isKnown = ({ path }: InsecureOption) => known.some((option) => option.path.join() === path.join());
  return [
    ...always.filter((option) => !isKnown(option)),
    ...known,
    ...hostSources(root),
    ...unknownInsecureKeys(root),
  ];
}

function hostSources(root: TomlTable): readonly InsecureOption[] {
  return sourceFiles.flatMap(([key, reason]) => {
    const path = ['loader', key];
    const uri = valueAt(root, path);
    if (typeof uri !== 'string') return [];
    const { kind } = decideFileUri(readManifestNames(root), uri);
    return kind === 'allowed' || kind === 'unchecked' ? [{ path, reason }] : [];
  });
}

function isSharedMemory(mount: TomlValue): boolean {
  return isTable(mount) && mount.get('type') === 'untrusted_shm';
}

function isDevice(mount: TomlValue): boolean {
  if (!isTable(mount) || isSharedMemory(mount)) return false;
  const uri = mount.get('uri');
  return typeof uri === 'string' && uri.startsWith('dev:');
}

/** Tables of which the user chooses the names, and lists that are long. */
const opaque: ReadonlySet<string> = new Set([
  ...['loader.env', 'fs.insecure__keys', 'sys.ioctl_structs', 'sgx.trusted_files', 'sgx.trusted_checksum'],
]);

function unknownInsecureKeys(root: TomlTable): readonly InsecureOption[] {
  const known = new Set(insecureRules.map((rule) => rule.path.replace(/\.\*.*$/, '')));
  return ['fs', 'libos', 'loader', 'sgx', 'sys'].flatMap((table) => {
    const value = root.get(table);
    return isTable(value) ? keysBelow(value, [table], known) : [];
  });
}

function keysBelow(table: TomlTable, above: KeyPath, known: ReadonlySet<string>): readonly InsecureOption[] {
  return [...table].flatMap(([key, value]): readonly InsecureOption[] => {
    const path = [...above, key];
    const name = path.join('.');
    if (opaque.has(name) || known.has(name)) return [];
    const mark = /^(insecure|experimental|debug)__/.exec(key)?.[1];
    if (mark !== undefined && isOn(value)) return [{ path, reason: markReasons[mark] ?? '' }];
    return isTable(value) ? keysBelow(value, path, known) : [];
  });
}

const markReasons: Readonly<Record<string, string>> = {
  insecure: 'the runtime itself names this option insecure.',
  experimental: 'the runtime itself names this option experimental.',
  debug: 'the runtime itself names this option one for debugging.',
};
