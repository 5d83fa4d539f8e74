import { select } from './schema/runtime-values.ts';
import { isArray, isTable, type KeyPath, type TomlTable, type TomlValue } from './toml/toml.ts';

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
const isFilled = (value: TomlValue): boolean => isArray(value) && value.length > 0;

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
  {
    path: 'fs.mounts.*',
    isInsecure: isSharedMemory,
    reason: 'the host can read and change memory that is shared through this mount.',
  },
  {
    path: 'fs.root',
    isInsecure: isSharedMemory,
    reason: 'the host can read and change memory that is shared through this mount.',
  },
];

/**
 * Everything in a manifest that weakens the enclave. Keys with `insecure` in their name that this list does not know
 * are reported too, wherever they stand (but not names that the user chooses, as in `loader.env`).
 */
export function insecureOptions(root: TomlTable): readonly InsecureOption[] {
  const known = insecureRules.flatMap(({ path, isInsecure, reason }) =>
    [...select(root, path)]
      .filter(([, value]) => isInsecure(value))
      .map(([where]) => ({ path: where, reason })),
  );
  return [...known, ...unknownInsecureKeys(root)];
}

function isSharedMemory(mount: TomlValue): boolean {
  return isTable(mount) && mount.get('type') === 'untrusted_shm';
}

function unknownInsecureKeys(root: TomlTable): readonly InsecureOption[] {
  const known = new Set(insecureRules.map((rule) => rule.path.replace(/\.\*.*$/, '')));
  const found: InsecureOption[] = [];
  for (const table of ['fs', 'libos', 'loader', 'sgx', 'sys']) {
    const value = root.get(table);
    if (!isTable(value)) continue;
    for (const [key, option] of value) {
      if (!key.startsWith('insecure__') || known.has(`${table}.${key}`) || !isOn(option)) continue;
      found.push({ path: [table, key], reason: 'the runtime itself names this option insecure.' });
    }
  }
  return found;
}
