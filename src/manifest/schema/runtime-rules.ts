import { isAtLeast, type Release, type RuntimeVersion } from '../../runtime/version.ts';
import { isTable, type KeyPath, type TomlDocument, type TomlTable, valueAt } from '../toml/toml.ts';
import { type Finding, locateFindings, type ManifestProblem, showValue } from './problem.ts';
import { findRefusedValues, select } from './runtime-values.ts';
import { parseLoaderSize, parseSignerSize, powerOfTwoFrom, showManifestSize } from './size.ts';

/**
 * What the schema accepts and Gramine refuses when the enclave is signed or started: sizes, ranges, URIs and
 * options that exclude each other. Values of wrong types are left to the schema. Gives every problem, in the order
 * of the lines.
 */
export function checkRuntimeRules(
  document: TomlDocument,
  version: RuntimeVersion,
): readonly ManifestProblem[] {
  const { release } = version;
  const findings = [findRefusedValues, ...rules].flatMap((rule) => rule(document.root, release));
  return locateFindings(document, findings);
}

type Rule = (root: TomlTable, release: Release) => readonly Finding[];

const rules: readonly Rule[] = [
  checkEnclaveSize,
  checkArgvSources,
  checkEnvironment,
  checkMounts,
  checkTrustedFiles,
  checkPatterns,
  checkPreheat,
  checkRpcThreads,
  checkCpuFeatures,
];

/** The end of the address space of an enclave at base 0, after which the loader has its own. */
const largestEnclave = 1024n << 30n;

function checkEnclaveSize(root: TomlTable, release: Release): readonly Finding[] {
  const path = ['sgx', 'enclave_size'];
  const text = valueAt(root, path);
  if (typeof text !== 'string') return [];
  const sizeBytes = parseSignerSize(text) ?? parseLoaderSize(text);
  if (sizeBytes === undefined || sizeBytes <= 0n) {
    return [
      {
        path,
        message: `expected a power of two: decimal digits and at most one of K, M, G, got ${showValue(text)}`,
        hint: 'write it as in "512M"',
      },
    ];
  }
  if (!/^[1-9]\d*[KMG]?$/.test(text)) {
    return [
      {
        path,
        message: `expected decimal digits and at most one of K, M, G, which signer and loader both read, got ${showValue(text)}`,
        hint: `write "${showManifestSize(powerOfTwoFrom(sizeBytes))}"`,
      },
    ];
  }
  const power = powerOfTwoFrom(sizeBytes);
  if (power !== sizeBytes) {
    return [
      {
        path,
        message: `expected a power of two, got ${showValue(text)}`,
        hint: `the next power of two is "${showManifestSize(power)}"`,
      },
    ];
  }
  if (!isAtLeast(release, '1.5') || sizeBytes <= largestEnclave) return [];
  return [{ path, message: `expected at most "1024G", got ${showValue(text)}` }];
}

function checkArgvSources(root: TomlTable): readonly Finding[] {
  const findings: Finding[] = [];
  const sources = ['insecure__use_cmdline_argv', 'argv', 'argv_src_file'].filter((key) => {
    const value = valueAt(root, ['loader', key]);
    return value !== undefined && value !== false;
  });
  if (sources.length > 1) findings.push(conflict('loader', sources, 'arguments have one source'));
  const argv = valueAt(root, ['loader', 'argv']);
  if (Array.isArray(argv) && argv.length === 0) {
    findings.push({
      path: ['loader', 'argv'],
      message: 'expected at least the name of the program (argv[0]), got an empty array',
      hint: 'put the name of the program first, or remove the key',
    });
  }
  return findings;
}

function checkEnvironment(root: TomlTable): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [path, value] of select(root, 'loader.env.*')) {
    if (!isTable(value)) continue;
    const passthrough = value.get('passthrough');
    if (value.size === 0 || (passthrough !== undefined && passthrough !== true)) {
      findings.push({
        path,
        message: `expected { value = "…" } or { passthrough = true }, got ${value.size === 0 ? 'an empty table' : `passthrough = ${String(passthrough)}`}`,
        hint: 'to leave a variable unset, remove its key',
      });
    }
  }
  const host = valueAt(root, ['loader', 'insecure__use_host_env']);
  if (host === true && valueAt(root, ['loader', 'env_src_file']) !== undefined) {
    findings.push(
      conflict('loader', ['insecure__use_host_env', 'env_src_file'], 'the environment has one source'),
    );
  }
  return findings;
}

const mountUris: Readonly<Record<string, readonly [pattern: RegExp, expected: string]>> = {
  chroot: [/^(?:file|dev):/, 'file: or dev:'],
  encrypted: [/^file:/, 'file:'],
  untrusted_shm: [/^dev:/, 'dev:'],
};

function checkMounts(root: TomlTable): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [path, mount] of [...select(root, 'fs.root'), ...select(root, 'fs.mounts.*')]) {
    if (!isTable(mount)) continue;
    const [type, uri] = [mount.get('type') ?? 'chroot', mount.get('uri')];
    const rule = typeof type === 'string' && Object.hasOwn(mountUris, type) ? mountUris[type] : undefined;
    if (!rule || typeof uri !== 'string' || rule[0].test(uri)) continue;
    findings.push({
      path: [...path, 'uri'],
      message: `expected a URI that starts with ${rule[1]} for a mount of type ${type}, got ${showValue(uri)}`,
    });
  }
  return findings;
}

function checkTrustedFiles(root: TomlTable): readonly Finding[] {
  return [...select(root, 'sgx.trusted_files.*')].flatMap(([path, entry]) =>
    isTable(entry) && !entry.has('uri')
      ? [{ path, message: 'expected a table with a uri, got one without' }]
      : [],
  );
}

/** Gramine takes `*` and `?` for themselves. An entry with its hash was written for a file that has them in its name. */
function checkPatterns(root: TomlTable): readonly Finding[] {
  const entries = [...select(root, 'sgx.trusted_files.*'), ...select(root, 'sgx.allowed_files.*')];
  return entries.flatMap(([path, entry]) => {
    const uri = isTable(entry) && !entry.has('sha256') ? entry.get('uri') : entry;
    const wildcard = typeof uri === 'string' ? uri.search(/[*?]/) : -1;
    if (typeof uri !== 'string' || wildcard < 0) return [];
    const directory = uri.slice(0, uri.lastIndexOf('/', wildcard) + 1) || 'file:/path/';
    return [
      {
        path,
        message: `expected a file or a directory, got the pattern ${showValue(uri)}, which Gramine does not expand`,
        hint: `write the directory, which stands for all files below it: "${directory}"`,
      },
    ];
  });
}

function checkPreheat(root: TomlTable): readonly Finding[] {
  const both = ['edmm_enable', 'preheat_enclave'];
  if (both.some((key) => valueAt(root, ['sgx', key]) !== true)) return [];
  return [conflict('sgx', both, 'with EDMM there are no pages to touch before the start')];
}

/** With threads for exitless calls, fewer threads of the application are allowed. */
const mostThreadsWithRpc = 1024n;

function checkRpcThreads(root: TomlTable): readonly Finding[] {
  const [rpc, threads] = [
    valueAt(root, ['sgx', 'insecure__rpc_thread_num']),
    valueAt(root, ['sgx', 'max_threads']),
  ];
  if (typeof rpc !== 'bigint' || rpc === 0n) return [];
  if (typeof threads !== 'bigint' || threads <= mostThreadsWithRpc || threads > 4096n) return [];
  const path: KeyPath = ['sgx', 'max_threads'];
  return [
    {
      path,
      message: `expected at most ${mostThreadsWithRpc} with sgx.insecure__rpc_thread_num, got ${threads}`,
    },
  ];
}

const requireKeys = ['avx', 'avx512', 'amx', 'mpx', 'pkru'].map((feature) => `require_${feature}`);

/** 1.6 and 1.7 know the old and the new names of CPU features, but not both in one manifest. */
function checkCpuFeatures(root: TomlTable, release: Release): readonly Finding[] {
  const sgx = root.get('sgx');
  if (!isTable(sgx) || !isAtLeast(release, '1.6') || isAtLeast(release, '1.8')) return [];
  const old = requireKeys.find((key) => sgx.has(key));
  const findings: Finding[] = [];
  const reason = 'use either the old or the new names';
  if (old !== undefined && sgx.has('cpu_features'))
    findings.push(conflict('sgx', ['cpu_features', old], reason));
  if (sgx.has('require_exinfo') && sgx.has('use_exinfo')) {
    findings.push(conflict('sgx', ['use_exinfo', 'require_exinfo'], reason));
  }
  return findings;
}

function conflict(table: string, keys: readonly string[], reason: string): Finding {
  const names = keys.map((key) => `${table}.${key}`);
  return {
    path: [table, keys.at(-1) as string],
    message: `expected only one of ${names.join(', ')}: ${reason}`,
    hint: `keep one of them`,
  };
}
