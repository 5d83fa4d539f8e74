import type { CpuFeatureName } from '../enclave/cpu-features.ts';
import type { GrapheneRelease, RuntimeVersion } from '../runtime/version.ts';
import type { DateEncoding } from './sigstruct-date.ts';

/** What differs between runtimes in filling a SIGSTRUCT. */
export interface SigstructRules {
  readonly date: DateEncoding;
  /** The XFRM bits of each feature. SDM vol. 1, "XCR0"; Graphene adds SSE's bit to those of AVX. */
  readonly xfrmBits: Readonly<Partial<Record<CpuFeatureName, bigint>>>;
  /** `fixed`: all bits of FLAGS and MISCSELECT count, and most of XFRM. `same-as-values`: the masks repeat the values. */
  readonly masks: 'fixed' | 'same-as-values';
}

// AVX512 holds the bit of AVX as well: so does Gramine's header.
const gramineBits = { avx: 0x4n, avx512: 0xe4n, amx: 0x60000n, mpx: 0x18n, pkru: 0x200n } as const;

const gramineRules: SigstructRules = { date: 'bcd', xfrmBits: gramineBits, masks: 'fixed' };

const grapheneLineFormat: SigstructRules = {
  date: 'binary',
  xfrmBits: { avx: 0x6n, avx512: 0xe6n, mpx: 0x18n },
  masks: 'same-as-values',
};

/** The rules of each release of Graphene. */
const grapheneRules: Readonly<Record<GrapheneRelease, SigstructRules>> = {
  '1.1': grapheneLineFormat,
  '1.2-rc1': { ...grapheneLineFormat, xfrmBits: { ...grapheneLineFormat.xfrmBits, pkru: 0x200n } },
  f51aafddf: grapheneLineFormat,
};

/** The rules of a release. Of Gramine's only 1.4 differs from all later ones. */
export function sigstructRulesOf(version: RuntimeVersion): SigstructRules {
  if (version.family === 'graphene') return grapheneRules[version.release];
  return version.release === '1.4' ? { ...gramineRules, date: 'binary' } : gramineRules;
}
