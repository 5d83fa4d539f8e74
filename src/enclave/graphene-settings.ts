import { readLines } from '../manifest/graphene/complete-lines.ts';
import { isSetByUser, type ManifestLines } from '../manifest/graphene/manifest-lines.ts';
import { parseSignerInteger } from '../manifest/schema/size.ts';
import { parseToml, type TomlTable } from '../manifest/toml/toml.ts';
import type { GrapheneRelease } from '../runtime/version.ts';
import type { CpuFeatureName } from './cpu-features.ts';
import type { EnclaveManifest } from './enclave-manifest.ts';
import { type EnclaveSettings, parseEnclaveSize } from './enclave-settings.ts';
import { manifestError, readInteger, readSwitch, readTable } from './setting.ts';

/** The features that Graphene's manifests may require; `pkru` in v1.2-rc1 only. */
const features: readonly CpuFeatureName[] = ['avx', 'avx512', 'mpx', 'pkru'];

const uint16 = [0n, 0xffffn] as const;
const threadCounts = [1n, 0xffff_ffffn] as const;
const defaultThreads = 4;

/**
 * Reads the settings of an enclave of Graphene from its manifest's own text (not from Gramine's form of it), as the signer of that
 * release does, defaults included. An enclave is open to debuggers unless the manifest says otherwise. Throws a `manifest` error that names the key.
 */
export function readGrapheneSettings(manifest: EnclaveManifest, release: GrapheneRelease): EnclaveSettings {
  if (release === '1.2-rc1') return readTomlSettings(parseToml(manifest.bytes, 'manifest').root);
  return readLineSettings(readLines(manifest.bytes, 'manifest'));
}

/** Until v1.1 every value is a text, and an option is on only if it is `1`. */
function readLineSettings(lines: ManifestLines): EnclaveSettings {
  const { values } = lines;
  const read = (name: string) => values.get(`sgx.${name}`);
  const isOn = (name: string) => read(name) === '1';
  return {
    sizeBytes: parseEnclaveSize(read('enclave_size') ?? '256M'),
    maxThreads: readNumber('thread_num', read('thread_num'), threadCounts) ?? defaultThreads,
    hasEdmm: false,
    isNonPie: false,
    // The signer writes it behind what the user wrote; 0 there is its own finding, 1 that of a fixed address.
    namesStaticAddress: isSetByUser(lines, 'sgx.static_address'),
    isDebug: isOn('debug') || !values.has('sgx.debug'),
    usesExinfo: isOn('support_exinfo'),
    cpuFeatures: {
      kind: 'required',
      required: features.filter((name) => name !== 'pkru' && isOn(`require_${name}`)),
    },
    isvProdId: readNumber('isvprodid', read('isvprodid'), uint16) ?? 0,
    isvSvn: readNumber('isvsvn', read('isvsvn'), uint16) ?? 0,
  };
}

function readTomlSettings(root: TomlTable): EnclaveSettings {
  const sgx = readTable(root, 'sgx', 'sgx');
  const size = sgx.get('enclave_size') ?? '256M';
  if (typeof size !== 'string') {
    throw manifestError('sgx.enclave_size', 'a string like "256M"', size, 'put the size in quotes');
  }
  return {
    sizeBytes: parseEnclaveSize(size),
    maxThreads: readInteger(sgx, 'thread_num', threadCounts) ?? defaultThreads,
    hasEdmm: false,
    isNonPie: readSwitch(sgx, 'nonpie_binary', true),
    namesStaticAddress: false,
    isDebug: !sgx.has('debug') || readSwitch(sgx, 'debug', true),
    usesExinfo: readSwitch(sgx, 'support_exinfo', true),
    cpuFeatures: {
      kind: 'required',
      required: features.filter((name) => readSwitch(sgx, `require_${name}`, true)),
    },
    isvProdId: readInteger(sgx, 'isvprodid', uint16) ?? 0,
    isvSvn: readInteger(sgx, 'isvsvn', uint16) ?? 0,
  };
}

function readNumber(
  name: string,
  text: string | undefined,
  [least, most]: readonly [bigint, bigint],
): number | undefined {
  if (text === undefined) return undefined;
  const value = parseSignerInteger(text);
  if (value === undefined || value < least || value > most) {
    throw manifestError(`sgx.${name}`, `an integer from ${least} to ${most}`, text);
  }
  return Number(value);
}
