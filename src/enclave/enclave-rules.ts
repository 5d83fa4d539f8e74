import type { RecordLayout } from '../base/record.ts';
import type { GrapheneRelease, RuntimeVersion } from '../runtime/version.ts';
import { gramineTls, grapheneTls } from './thread-layout.ts';

/**
 * Where the enclave's addresses start, and the heap in them.
 * - `zero`: base 0, heap from 0x10000 (Gramine from 1.5 on).
 * - `size-unless-non-pie`: base and heap start at the enclave's size, except with `sgx.nonpie_binary` (Gramine 1.4,
 *   Graphene v1.2-rc1).
 * - `static-address`: base 0x800000000 and heap from offset 0 when nothing has a fixed address and the manifest
 *   does not speak of `sgx.static_address`; otherwise as `zero` (Graphene v1.1 and before).
 */
export type BaseRule = 'zero' | 'size-unless-non-pie' | 'static-address';

/** What differs between runtimes in laying out and measuring an enclave. */
export interface EnclaveRules {
  readonly base: BaseRule;
  /** Pages of one SSA frame: written into the ECREATE record. */
  readonly ssaFramePages: 1 | 4;
  /** True if a NUL byte after the manifest is measured and counted. */
  readonly hasTerminatedManifest: boolean;
  /** Bytes left unused below every placed area. */
  readonly gapBytes: bigint;
  /** The page that GS points to. */
  readonly tls: RecordLayout;
  /** What the TLS page says about the initial stack: its absolute address, or its offset from the base. */
  readonly initialStack: 'address' | 'offset';
  /** True if the executable itself is a measured area below the PAL. */
  readonly hasExecutableArea: boolean;
}

const current: EnclaveRules = {
  base: 'zero',
  ssaFramePages: 4,
  hasTerminatedManifest: true,
  gapBytes: 0n,
  tls: gramineTls,
  initialStack: 'address',
  hasExecutableArea: false,
};

const grapheneLineFormat: EnclaveRules = {
  base: 'static-address',
  ssaFramePages: 1,
  hasTerminatedManifest: false,
  gapBytes: 0n,
  tls: grapheneTls,
  initialStack: 'offset',
  hasExecutableArea: true,
};

/** The rules of each release of Graphene, read from its headers and checked against its signer. */
const grapheneRules: Readonly<Record<GrapheneRelease, EnclaveRules>> = {
  '1.1': grapheneLineFormat,
  '1.2-rc1': { ...current, base: 'size-unless-non-pie' },
  f51aafddf: { ...grapheneLineFormat, gapBytes: 0x1000n },
};

/** The rules of a release. Of Gramine's only 1.4 differs from all later ones. */
export function enclaveRulesOf(version: RuntimeVersion): EnclaveRules {
  if (version.family === 'graphene') return grapheneRules[version.release];
  return version.release === '1.4' ? { ...current, base: 'size-unless-non-pie' } : current;
}
