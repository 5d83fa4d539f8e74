import { type CpuFeatures, cpuFeatureNames } from '../enclave/cpu-features.ts';
import type { EnclaveSettings } from '../enclave/enclave-settings.ts';
import type { Sigstruct } from './sigstruct.ts';
import type { SigstructRules } from './sigstruct-rules.ts';

// SDM vol. 3D, "ATTRIBUTES" and "MISCSELECT".
const mode64Bit = 0x4n;
export const debugFlag = 0x2n;
const exinfo = 0x1;
/** x87 and SSE: always on. */
const legacyXfrm = 0x3n;

// Gramine's constants SGX_FLAGS_MASK_CONST, SGX_XFRM_MASK_CONST and SGX_MISCSELECT_MASK_CONST.
const fixedMasks = { flagsMask: 0xffffffffffffffffn, miscMask: 0xffffffff } as const;
const fixedXfrmMask = 0xfffffffffff9ff1bn;

/** The part of a SIGSTRUCT that says which enclaves it fits. */
export type AttributeFields = Pick<
  Sigstruct,
  'flags' | 'flagsMask' | 'xfrm' | 'xfrmMask' | 'miscSelect' | 'miscMask'
>;

/** Attributes, features and their masks for an enclave with these settings. */
export function attributesOf(
  settings: Pick<EnclaveSettings, 'isDebug' | 'usesExinfo' | 'cpuFeatures'>,
  rules: SigstructRules,
): AttributeFields {
  const flags = mode64Bit | (settings.isDebug ? debugFlag : 0n);
  const miscSelect = settings.usesExinfo ? exinfo : 0;
  const { xfrm, xfrmMask } = featureBitsOf(settings.cpuFeatures, rules);
  if (rules.masks === 'fixed') return { flags, xfrm, xfrmMask, miscSelect, ...fixedMasks };
  return { flags, flagsMask: flags, xfrm, xfrmMask: xfrm, miscSelect, miscMask: miscSelect };
}

/**
 * Goes through the features in their fixed order, so a later one may take back bits that an earlier one set: AVX
 * required with AVX512 disabled gives no AVX, since the AVX512 bits include AVX's. The signers do the same.
 */
function featureBitsOf(
  features: CpuFeatures,
  rules: SigstructRules,
): { readonly xfrm: bigint; readonly xfrmMask: bigint } {
  let [xfrm, xfrmMask] = [legacyXfrm, fixedXfrmMask];
  for (const name of cpuFeatureNames) {
    const bits = rules.xfrmBits[name] ?? 0n;
    if (features.kind === 'required') {
      if (features.required.includes(name)) xfrm |= bits;
    } else if (features.policies[name] !== 'unspecified') {
      xfrm = features.policies[name] === 'required' ? xfrm | bits : xfrm & ~bits;
      xfrmMask |= bits;
    }
  }
  return { xfrm, xfrmMask };
}
