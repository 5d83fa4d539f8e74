import { describe, expect, it } from 'vitest';
import type { EnclaveParts } from '../../src/enclave/enclave-blocks.ts';
import { parseEnclaveImage } from '../../src/enclave/enclave-image.ts';
import { type EnclaveLayout, layOutEnclave } from '../../src/enclave/enclave-layout.ts';
import { enclaveRulesOf } from '../../src/enclave/enclave-rules.ts';
import { parseRuntimeVersion } from '../../src/runtime/version.ts';
import { codeSegment, makeElf } from '../support/enclave/elf-file.ts';

interface Change {
  readonly manifestBytes?: number;
  readonly palAddress?: bigint;
  readonly settings?: Partial<EnclaveParts['settings']>;
  readonly rules?: EnclaveParts['rules'];
}

const rulesOf = (version: string) => enclaveRulesOf(parseRuntimeVersion(version));

function layoutOf({ manifestBytes = 100, palAddress = 0n, settings, rules }: Change): EnclaveLayout {
  return layOutEnclave({
    manifest: Buffer.alloc(manifestBytes, 0x20),
    libpal: parseEnclaveImage(makeElf([codeSegment(palAddress)], palAddress + 0x10n), 'libpal.so'),
    settings: {
      sizeBytes: 256n << 20n,
      maxThreads: 1,
      hasEdmm: false,
      isNonPie: false,
      namesStaticAddress: false,
      ...settings,
    },
    rules: rules ?? rulesOf('1.9'),
  });
}

/** `kind start-end`, in hex. */
function rowsOf(layout: EnclaveLayout): string[] {
  return layout.areas.map(({ kind, start, end }) => `${kind} ${start.toString(16)}-${end.toString(16)}`);
}

describe('the layout of an enclave', () => {
  it('goes from the top downwards, the heap last', () => {
    expect(rowsOf(layoutOf({}))).toEqual([
      'manifest ffff000-10000000',
      'ssa fff7000-ffff000',
      'tcs fff6000-fff7000',
      'tls fff5000-fff6000',
      'stack ffb5000-fff5000',
      'sig-stack ffa5000-ffb5000',
      'pal ffa4000-ffa5000',
      'free 10000-ffa4000',
    ]);
  });

  it('has one stack area and one signal stack area per thread, the first on top', () => {
    const rows = rowsOf(layoutOf({ settings: { maxThreads: 2 } })).filter((row) => row.includes('stack'));
    expect(rows).toEqual([
      'stack ffab000-ffeb000',
      'stack ff6b000-ffab000',
      'sig-stack ff5b000-ff6b000',
      'sig-stack ff4b000-ff5b000',
    ]);
  });

  it('keeps a libpal that is linked to a fixed address there, with heap above and below', () => {
    const layout = layoutOf({ palAddress: 0x6000000n });
    expect(rowsOf(layout).slice(5)).toEqual([
      'sig-stack ffa5000-ffb5000',
      'pal 6000000-6001000',
      'free 6001000-ffa5000',
      'free 10000-6000000',
    ]);
    expect(layout.heapMax).toBe(0x6000000n);
  });

  it('counts the link address of such a libpal twice in the entry point', () => {
    expect(layoutOf({ palAddress: 0x6000000n }).entryOffset).toBe(0xc000010n);
    expect(layoutOf({}).entryOffset).toBe(0xffa4010n);
  });

  it('has no free area with EDMM', () => {
    expect(rowsOf(layoutOf({ settings: { hasEdmm: true } })).at(-1)).toBe('pal ffa4000-ffa5000');
    const fixed = layoutOf({ settings: { hasEdmm: true }, palAddress: 0x6000000n });
    expect(rowsOf(fixed).at(-1)).toBe('pal 6000000-6001000');
  });

  it('has no free area where the enclave is filled exactly, and an error for one page less', () => {
    const least = 0x10000n + 0x5c000n;
    const layout = layoutOf({ settings: { sizeBytes: least } });
    expect(rowsOf(layout).at(-1)).toBe('pal 10000-11000');
    expect(() => layoutOf({ settings: { sizeBytes: least - 0x1000n } })).toThrow(
      expect.objectContaining({
        code: 'enclave',
        message: 'sgx.enclave_size: the enclave needs at least 442368 bytes, its size is 438272',
        hint: 'set sgx.enclave_size = "512K" or more, to leave room for a heap',
      }),
    );
  });

  it('has one page of heap where one page is left', () => {
    expect(rowsOf(layoutOf({ settings: { sizeBytes: 0x6d000n } })).at(-1)).toBe('free 10000-11000');
  });

  it('refuses a count of threads that does not fit, without trying', () => {
    const settings = { maxThreads: 0xffff_ffff };
    expect(() => layoutOf({ settings })).toThrow(/needs at least \d+ bytes/);
  });

  it('refuses a fixed libpal below the first usable address', () => {
    expect(() => layoutOf({ palAddress: 0x8000n })).toThrow(
      /pal area: it is linked at 0x8000, below .* 0x10000/,
    );
  });

  it('refuses a fixed libpal that the other areas would reach', () => {
    expect(() => layoutOf({ palAddress: 0xffa5000n })).toThrow(/needs at least/);
    expect(rowsOf(layoutOf({ palAddress: 0xffa4000n })).at(-1)).toBe('free 10000-ffa4000');
  });

  it('takes a second page for the NUL after a manifest of one page', () => {
    expect(rowsOf(layoutOf({ manifestBytes: 4095 }))[0]).toBe('manifest ffff000-10000000');
    expect(rowsOf(layoutOf({ manifestBytes: 4096 }))[0]).toBe('manifest fffe000-10000000');
    const graphene = layoutOf({
      manifestBytes: 4096,
      rules: enclaveRulesOf(parseRuntimeVersion('graphene-1.1')),
    });
    expect(rowsOf(graphene)[0]).toBe('manifest 80ffff000-810000000');
  });
});

describe('the base of an enclave', () => {
  const baseOf = (change: Change): [bigint, bigint] => {
    const { base, heapMin } = layoutOf(change);
    return [base, heapMin];
  };
  const size = 256n << 20n;

  it('is 0 from Gramine 1.5 on', () => {
    expect(baseOf({ rules: rulesOf('1.5') })).toEqual([0n, 0x10000n]);
    expect(baseOf({ rules: rulesOf('master') })).toEqual([0n, 0x10000n]);
  });

  it('is the size in Gramine 1.4, except for binaries at fixed addresses', () => {
    expect(baseOf({ rules: rulesOf('1.4') })).toEqual([size, size]);
    expect(baseOf({ rules: rulesOf('1.4'), settings: { isNonPie: true } })).toEqual([0n, 0x10000n]);
  });

  it('is high in Graphene v1.1, except where an address is fixed or the manifest names static_address', () => {
    const rules = enclaveRulesOf(parseRuntimeVersion('graphene-1.1'));
    expect(baseOf({ rules })).toEqual([0x800000000n, 0x800000000n]);
    expect(baseOf({ rules, palAddress: 0x6000000n })).toEqual([0n, 0x10000n]);
    expect(baseOf({ rules, settings: { namesStaticAddress: true } })).toEqual([0n, 0x10000n]);
  });
});
