import { describe, expect, it } from 'vitest';
import type { CpuFeatureName, CpuFeaturePolicy, CpuFeatures } from '../../src/enclave/cpu-features.ts';
import { parseRuntimeVersion } from '../../src/runtime/version.ts';
import { attributesOf } from '../../src/signature/attributes.ts';
import { sigstructRulesOf } from '../../src/signature/sigstruct-rules.ts';

const gramine = sigstructRulesOf(parseRuntimeVersion('1.9'));
const fixedMask = 0xfffffffffff9ff1bn;

function policies(given: Partial<Record<CpuFeatureName, CpuFeaturePolicy>>): CpuFeatures {
  const usual = { avx: 'unspecified', avx512: 'unspecified', amx: 'unspecified' } as const;
  return { kind: 'policies', policies: { ...usual, mpx: 'disabled', pkru: 'disabled', ...given } };
}

function featuresOf(cpuFeatures: CpuFeatures, rules = gramine): [bigint, bigint] {
  const { xfrm, xfrmMask } = attributesOf({ isDebug: false, usesExinfo: false, cpuFeatures }, rules);
  return [xfrm, xfrmMask];
}

describe('the attributes of an enclave', () => {
  it('have debug and EXINFO only if the manifest says so', () => {
    const off = attributesOf({ isDebug: false, usesExinfo: false, cpuFeatures: policies({}) }, gramine);
    expect(off).toMatchObject({ flags: 4n, miscSelect: 0 });
    const on = attributesOf({ isDebug: true, usesExinfo: true, cpuFeatures: policies({}) }, gramine);
    expect(on).toMatchObject({ flags: 6n, miscSelect: 1 });
    expect(on).toMatchObject({ flagsMask: 0xffffffffffffffffn, miscMask: 0xffffffff });
  });

  it('have x87 and SSE only, by default', () => {
    expect(featuresOf(policies({}))).toEqual([0x3n, fixedMask]);
  });

  it('fix a feature on or off with its mask', () => {
    expect(featuresOf(policies({ avx: 'required' }))).toEqual([0x7n, fixedMask | 0x4n]);
    expect(featuresOf(policies({ avx: 'disabled' }))).toEqual([0x3n, fixedMask | 0x4n]);
    expect(featuresOf(policies({ amx: 'required' }))).toEqual([0x60003n, fixedMask | 0x60000n]);
    expect(featuresOf(policies({ mpx: 'required', pkru: 'required' }))).toEqual([0x21bn, fixedMask]);
  });

  it('lose AVX to a disabled AVX512, whose bits include it', () => {
    expect(featuresOf(policies({ avx: 'required', avx512: 'disabled' }))).toEqual([0x3n, fixedMask | 0xe4n]);
  });

  it('get AVX back from a required AVX512', () => {
    expect(featuresOf(policies({ avx: 'disabled', avx512: 'required' }))).toEqual([0xe7n, fixedMask | 0xe4n]);
  });

  it('leave the mask alone for require_*', () => {
    const required: CpuFeatures = { kind: 'required', required: ['avx512', 'pkru', 'amx'] };
    expect(featuresOf(required)).toEqual([0x602e7n, fixedMask]);
  });

  it('have masks equal to the values in Graphene, which does not know AMX', () => {
    const required: CpuFeatures = { kind: 'required', required: ['avx', 'mpx', 'amx'] };
    const settings = { isDebug: true, usesExinfo: true, cpuFeatures: required };
    expect(attributesOf(settings, sigstructRulesOf(parseRuntimeVersion('graphene-1.1')))).toEqual({
      flags: 6n,
      flagsMask: 6n,
      xfrm: 0x1fn,
      xfrmMask: 0x1fn,
      miscSelect: 1,
      miscMask: 1,
    });
  });
});
