import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EnclaveParts } from '../../src/enclave/enclave-blocks.ts';
import { parseEnclaveImage } from '../../src/enclave/enclave-image.ts';
import { type EnclaveLayout, layOutEnclave } from '../../src/enclave/enclave-layout.ts';
import { measureEnclave } from '../../src/enclave/enclave-measurement.ts';
import { enclaveRulesOf } from '../../src/enclave/enclave-rules.ts';
import { parseRuntimeVersion } from '../../src/runtime/version.ts';
import { codeSegment, type MadeSegment, makeElf, patternOf } from '../support/enclave/elf-file.ts';
import { type PlainEnclave, plainMrEnclave } from '../support/enclave/plain-measurement.ts';

const rules = enclaveRulesOf(parseRuntimeVersion('1.9'));

const usual: PlainEnclave = {
  manifest: Buffer.from('[sgx]\n'),
  segments: [codeSegment(0n)],
  entry: 0x10n,
  size: 4n << 20n,
  threads: 2,
  edmm: false,
};

function layoutOf(enclave: PlainEnclave): EnclaveLayout {
  const settings: EnclaveParts['settings'] = {
    sizeBytes: enclave.size,
    maxThreads: enclave.threads,
    hasEdmm: enclave.edmm,
    isNonPie: false,
    namesStaticAddress: false,
  };
  const libpal = parseEnclaveImage(makeElf(enclave.segments, enclave.entry), 'libpal.so');
  return layOutEnclave({ manifest: enclave.manifest, libpal, settings, rules });
}

function expectSameAsPlain(change: Partial<PlainEnclave>): void {
  const enclave = { ...usual, ...change };
  expect(measureEnclave(layoutOf(enclave), rules)).toBe(plainMrEnclave(enclave));
}

describe('MRENCLAVE', () => {
  it('of one small enclave never changes', () => {
    const figure = '0f2da35a2ba606a1a5bb70a54d0d463d864f25f211269c17bec921a6f226bf46';
    expect(measureEnclave(layoutOf(usual), rules)).toBe(figure);
    expect(plainMrEnclave(usual)).toBe(figure);
  });

  it.each([0, 1, 4094, 4095, 4096, 4097, 8191, 8192])(
    'counts the NUL after a manifest of %i bytes',
    (length) => {
      expectSameAsPlain({ manifest: patternOf(length) });
    },
  );

  it('takes a segment without bytes in the file as zeros', () => {
    const bss: MadeSegment = {
      offset: 0,
      address: 0x3000n,
      bytes: Buffer.alloc(0),
      memorySizeBytes: 0x2345n,
    };
    expectSameAsPlain({ segments: [codeSegment(0n), bss] });
  });

  it('leaves out the pages between segments', () => {
    const far: MadeSegment = { offset: 0x2000, address: 0x9000n, bytes: patternOf(0x1800, 2) };
    expectSameAsPlain({ segments: [codeSegment(0n), far] });
  });

  it('takes bytes around a segment in its file pages as zeros', () => {
    const data: MadeSegment = {
      offset: 0x1f31,
      address: 0x4f31n,
      bytes: patternOf(0xf00, 3),
      memorySizeBytes: 0x3000n,
    };
    expectSameAsPlain({ segments: [codeSegment(0n), data] });
  });

  it('takes segments in the order of the program headers, not of their addresses', () => {
    const late: MadeSegment = { offset: 0x2000, address: 0x5000n, bytes: patternOf(0x10, 2), flags: 4 };
    expectSameAsPlain({ segments: [late, codeSegment(0n)] });
  });

  it('has one order of areas for a libpal that is linked to a fixed address', () => {
    const enclave = { segments: [codeSegment(0x80000n, 0x1234)], entry: 0x80010n };
    expectSameAsPlain(enclave);
    expectSameAsPlain({ ...enclave, edmm: true });
  });

  it('has no heap with EDMM, up to the largest enclave', () => {
    expectSameAsPlain({ edmm: true });
    expectSameAsPlain({ edmm: true, size: 1n << 40n });
  });

  it('is right beyond 4 GB, where offsets need more than 32 bits', () => {
    expectSameAsPlain({ size: (4n << 30n) + (16n << 20n), edmm: false, threads: 1 });
  });

  it('is right for any enclave', () => {
    const enclaves = fc.record({
      manifest: fc.integer({ min: 0, max: 20_000 }).map((length) => patternOf(length)),
      threads: fc.integer({ min: 1, max: 9 }),
      size: fc.integer({ min: 1024, max: 3000 }).map((pages) => BigInt(pages) * 4096n),
      edmm: fc.boolean(),
      entry: fc.bigInt({ min: 0n, max: 0x7000n }),
      segments: fc
        .tuple(
          fc.integer({ min: 0, max: 4095 }),
          fc.integer({ min: 0, max: 9000 }),
          fc.bigInt({ min: 0n, max: 9000n }),
          fc.integer({ min: 0, max: 7 }),
        )
        .map(([inPage, length, more, flags]): MadeSegment[] => [
          codeSegment(0n),
          {
            offset: 0x2000 + inPage,
            address: 0x5000n + BigInt(inPage),
            bytes: patternOf(length, 5),
            memorySizeBytes: BigInt(length) + more,
            flags,
          },
        ]),
    });
    fc.assert(fc.property(enclaves, expectSameAsPlain), { numRuns: 40 });
  });
});
