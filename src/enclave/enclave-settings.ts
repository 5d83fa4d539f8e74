import { GscError } from '../base/error.ts';
import { parseSignerSize } from '../manifest/schema/size.ts';
import type { TomlTable } from '../manifest/toml/toml.ts';
import { isAtLeast, type Release, type RuntimeVersion } from '../runtime/version.ts';
import { type CpuFeatures, readCpuFeatures, readUsesExinfo } from './cpu-features.ts';
import { manifestError, readBoolean, readInteger, readSwitch, readTable } from './setting.ts';

/** What a manifest says about the enclave itself: all that its measurement and its SIGSTRUCT take from the keys. */
export interface EnclaveSettings {
  readonly sizeBytes: bigint;
  readonly maxThreads: number;
  /** True if pages are added while the enclave runs (EDMM), so that no heap is measured. */
  readonly hasEdmm: boolean;
  /** `sgx.nonpie_binary`: only Gramine 1.4 and Graphene v1.2-rc1 know it. */
  readonly isNonPie: boolean;
  /** True if the manifest itself has `sgx.static_address`, whatever its value: only old Graphene knows it. */
  readonly namesStaticAddress: boolean;
  readonly isDebug: boolean;
  readonly usesExinfo: boolean;
  readonly cpuFeatures: CpuFeatures;
  readonly isvProdId: number;
  readonly isvSvn: number;
}

/**
 * Reads the settings from a manifest as the signer of that release does, defaults included. What only the loader
 * refuses is let through: see `checkLoaderLimits`. Throws a `manifest` error that names the key, what was expected
 * and what was found.
 */
export function readEnclaveSettings(manifest: TomlTable, version: RuntimeVersion): EnclaveSettings {
  const { release } = version;
  const sgx = readTable(manifest, 'sgx', 'sgx');
  const doesOneCount = !isAtLeast(release, '1.6');
  const hasEdmm = readBoolean(sgx, 'edmm_enable');
  return {
    sizeBytes: readEnclaveSize(sgx, hasEdmm && isAtLeast(release, '1.5')),
    maxThreads: readMaxThreads(sgx, release),
    hasEdmm,
    isNonPie: release === '1.4' && readSwitch(sgx, 'nonpie_binary', doesOneCount),
    namesStaticAddress: false,
    isDebug: readSwitch(sgx, 'debug', doesOneCount),
    usesExinfo: readUsesExinfo(sgx, release),
    cpuFeatures: readCpuFeatures(sgx, release),
    isvProdId: readInteger(sgx, 'isvprodid', uint16) ?? 0,
    isvSvn: readInteger(sgx, 'isvsvn', uint16) ?? 0,
  };
}

// Two-byte fields of SIGSTRUCT.
const uint16 = [0n, 0xffffn] as const;

// The signers have no upper bound; this one keeps the count exact in a number.
const threadCounts = [1n, 0xffff_ffffn] as const;

const defaultMaxThreads = 4;

function readEnclaveSize(sgx: TomlTable, isWholeRangeDefault: boolean): bigint {
  const value = sgx.get('enclave_size') ?? (isWholeRangeDefault ? '1024G' : '256M');
  if (typeof value !== 'string') {
    throw manifestError('sgx.enclave_size', 'a string like "256M"', value, 'put the size in quotes');
  }
  return parseEnclaveSize(value);
}

/** The largest size that the 64-bit field of an ECREATE record holds. */
const largestSize = (1n << 64n) - 1n;

/**
 * The bytes that `sgx.enclave_size` names, in every form that the signers accept. Throws a `manifest` error on anything else
 * and on what is not a whole number of pages.
 */
export function parseEnclaveSize(text: string): bigint {
  const bytes = parseSignerSize(text);
  if (bytes === undefined) throw sizeError(text, 'an integer, optionally followed by K, M or G');
  if (bytes <= 0n || bytes % 4096n !== 0n || bytes > largestSize)
    throw sizeError(text, 'a whole number of pages of 4096 bytes, above zero and below 2^64 bytes');
  return bytes;
}

function sizeError(text: string, expected: string): GscError {
  return manifestError('sgx.enclave_size', expected, text, 'write it like "512M" or "4G"');
}

function readMaxThreads(sgx: TomlTable, release: Release): number {
  const count = readInteger(sgx, 'max_threads', threadCounts);
  if (release !== '1.4') return count ?? defaultMaxThreads;
  const oldCount = readInteger(sgx, 'thread_num', threadCounts);
  if (count !== undefined && oldCount !== undefined && count !== oldCount) {
    throw new GscError({
      code: 'manifest',
      subject: 'sgx.thread_num',
      message: `expected the same as sgx.max_threads (${count}), got ${oldCount}`,
      hint: 'keep sgx.max_threads only; sgx.thread_num is its old name',
    });
  }
  return count ?? oldCount ?? defaultMaxThreads;
}
