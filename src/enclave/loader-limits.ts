import type { GscError } from '../base/error.ts';
import { powerOfTwoFrom, showManifestSize } from '../manifest/schema/size.ts';
import type { TomlTable } from '../manifest/toml/toml.ts';
import type { EnclaveSettings } from './enclave-settings.ts';
import { manifestError, readTable } from './setting.ts';

// Gramine's loader (`sgx_main.c`): the count of its thread map, and its fixed ranges from 1 TiB on.
const mostThreads = 4096;
const mostBytes = 1n << 40n;

const switches = ['debug', 'use_exinfo', 'nonpie_binary'] as const;

/**
 * Throws a `manifest` error for what the signers take but Gramine's loader refuses at start: a size that it cannot
 * parse, that is not a power of two or above 1024G, more than 4096 threads, integers in place of booleans. `settings` are those
 * of the manifest.
 */
export function checkLoaderLimits(manifest: TomlTable, settings: EnclaveSettings): void {
  const sgx = readTable(manifest, 'sgx', 'sgx');
  checkSize(sgx, settings);
  if (settings.maxThreads > mostThreads) {
    throw manifestError('sgx.max_threads', `at most ${mostThreads}`, BigInt(settings.maxThreads));
  }
  for (const name of switches) {
    const value = sgx.get(name);
    if (typeof value === 'bigint') throw manifestError(`sgx.${name}`, 'true or false', value);
  }
}

function checkSize(sgx: TomlTable, { sizeBytes }: EnclaveSettings): void {
  const text = sgx.get('enclave_size') ?? showManifestSize(sizeBytes);
  if (typeof text !== 'string' || !/^[0-9]+[KMG]?$/.test(text)) {
    const hint = `write ${JSON.stringify(showManifestSize(sizeBytes))}`;
    throw manifestError('sgx.enclave_size', 'decimal digits and at most one of K, M, G', text, hint);
  }
  const enough = powerOfTwoFrom(sizeBytes);
  if (sizeBytes > mostBytes) throw sizeError(text, 'at most 1024G', mostBytes);
  if (enough !== sizeBytes) throw sizeError(text, 'a power of two', enough);
}

function sizeError(text: string, expected: string, suggested: bigint): GscError {
  const hint = `give ${JSON.stringify(showManifestSize(suggested))}`;
  return manifestError('sgx.enclave_size', expected, text, hint);
}
