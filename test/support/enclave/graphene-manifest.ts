import type { GrapheneDialect } from '../../../src/enclave/enclave-rules.ts';
import type { EnclaveSettings } from '../../../src/enclave/enclave-settings.ts';
import { parseEnclaveSize } from '../../../src/enclave/enclave-settings.ts';
import { parseToml, valueAt } from '../../../src/manifest/toml/toml.ts';

const features = ['avx', 'avx512', 'mpx', 'pkru'] as const;

/** The settings of a signed Graphene manifest; only as much of its formats as the vectors use. */
export function readGrapheneSettings(manifest: Buffer, dialect: GrapheneDialect): EnclaveSettings {
  const read = dialect === '1.2-rc1' ? tomlReader(manifest) : lineReader(manifest);
  const isOn = (key: string): boolean => read(key) === '1' || read(key) === 'true';
  return {
    sizeBytes: parseEnclaveSize(read('enclave_size') ?? '256M'),
    maxThreads: Number(read('thread_num') ?? 4),
    hasEdmm: false,
    isNonPie: isOn('nonpie_binary'),
    namesStaticAddress: false,
    isDebug: read('debug') === undefined || isOn('debug'),
    usesExinfo: isOn('support_exinfo'),
    cpuFeatures: { kind: 'required', required: features.filter((name) => isOn(`require_${name}`)) },
    isvProdId: Number(read('isvprodid') ?? 0),
    isvSvn: Number(read('isvsvn') ?? 0),
  };
}

type Reader = (key: string) => string | undefined;

function tomlReader(manifest: Buffer): Reader {
  const { root } = parseToml(manifest, 'manifest');
  return (key) => {
    const value = valueAt(root, ['sgx', key]);
    return value === undefined ? undefined : `${value}`;
  };
}

function lineReader(manifest: Buffer): Reader {
  const pairs = manifest.toString().matchAll(/^sgx\.(\w+) = ([^#\n]*?) *(?:#.*)?$/gm);
  const values = new Map([...pairs].map(([, key, value]) => [key, value]));
  return (key) => values.get(key);
}
