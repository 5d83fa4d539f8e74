import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseEnclaveImage, spanOf } from '../../src/enclave/enclave-image.ts';
import { codeSegment, type MadeSegment, makeElf, patternOf } from '../support/enclave/elf-file.ts';
import { hasNeededTool } from '../support/tool.ts';

const parse = (segments: readonly MadeSegment[]) => parseEnclaveImage(makeElf(segments, 0x42n), 'libpal.so');

function changed(change: (file: Buffer) => void): Buffer {
  const file = makeElf([codeSegment(0n)]);
  change(file);
  return file;
}

describe('an ELF file for an enclave', () => {
  it('gives its entry point and its PT_LOADs in the order of the headers', () => {
    const note: MadeSegment = { offset: 0, address: 0n, bytes: Buffer.alloc(0), type: 4 };
    const data: MadeSegment = { offset: 0x1f10, address: 0x3f10n, bytes: patternOf(8), memorySizeBytes: 99n };
    const image = parse([data, note, codeSegment(0x1000n)]);
    expect(image.entry).toBe(0x42n);
    expect(image.segments).toEqual([
      { address: 0x3f10n, memorySizeBytes: 99n, flags: 6, bytes: patternOf(8) },
      { address: 0x1000n, memorySizeBytes: 0x123n, flags: 5, bytes: patternOf(0x123) },
    ]);
    expect(spanOf(image)).toEqual({ start: 0x1000n, end: 0x4000n });
  });

  it('may have a segment without bytes anywhere in the file, even beyond it', () => {
    const bss: MadeSegment = {
      offset: 0x123457,
      address: 0x5000n,
      bytes: Buffer.alloc(0),
      memorySizeBytes: 1n,
    };
    const file = makeElf([codeSegment(0n), { ...bss, offset: 0 }]);
    file.writeBigUInt64LE(0x123457n, 64 + 56 + 8);
    expect(spanOf(parseEnclaveImage(file, 'libpal.so')).end).toBe(0x6000n);
  });

  it('may have 16 segments, not 17', () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => codeSegment(BigInt(index) * 0x1000n));
    expect(parse(many(16)).segments).toHaveLength(16);
    expect(() => parse(many(17))).toThrow('libpal.so: expected at most 16 PT_LOAD segments, got 17');
  });

  it.skipIf(!hasNeededTool('readelf'))('has the segments that readelf shows', () => {
    const file = process.execPath;
    const lines = execFileSync('readelf', ['-lW', file], { encoding: 'utf8' }).split('\n');
    const shown = lines
      .filter((line) => /^\s*LOAD /.test(line))
      .map((line) => line.trim().split(/\s+/).slice(1, 6).map(BigInt))
      .map(([, address, , fileSize, memorySize]) => [address, fileSize, memorySize]);
    const { segments } = parseEnclaveImage(readFileSync(file), file);
    const own = segments.map(({ address, bytes, memorySizeBytes }) => [
      address,
      BigInt(bytes.length),
      memorySizeBytes,
    ]);
    expect(own).toEqual(shown);
  });
});

describe('an enclave refuses', () => {
  const overlapping = [codeSegment(0n), { ...codeSegment(0x800n), offset: 0x1800 }];
  const cases: readonly (readonly [string, Buffer, RegExp])[] = [
    ['an empty file', Buffer.alloc(0), /not an ELF file/],
    ['a script', Buffer.from('#!/bin/sh\n'), /not an ELF file/],
    ['a header that is cut short', makeElf([codeSegment(0n)]).subarray(0, 63), /cut short/],
    ['a 32-bit file', changed((file) => file.writeUInt8(1, 4)), /expected a 64-bit ELF file/],
    ['a big-endian file', changed((file) => file.writeUInt8(2, 5)), /expected a 64-bit ELF file/],
    ['another machine', changed((file) => file.writeUInt16LE(183, 18)), /machine 183/],
    ['program headers outside the file', changed((file) => file.writeBigUInt64LE(1n << 40n, 32)), /outside/],
    ['program headers of another size', changed((file) => file.writeUInt16LE(32, 54)), /got 32/],
    ['no program headers', makeElf([]), /no PT_LOAD segment/],
    ['only other program headers', makeElf([{ ...codeSegment(0n), type: 2 }]), /no PT_LOAD segment/],
    ['a segment beyond the file', makeElf([codeSegment(0n)]).subarray(0, 0x1100), /ends at byte 4387/],
    ['more file than memory', makeElf([{ ...codeSegment(0n), memorySizeBytes: 2n }]), /do not fit 2/],
    ['a segment beyond the address space', makeElf([codeSegment((1n << 64n) - 0x1000n)]), /64-bit address/],
    ['a segment moved in its page', makeElf([codeSegment(0x10n)]), /0x10 in memory, but 0x0 in the file/],
    ['segments that share a page', makeElf(overlapping), /PT_LOAD 0 and 1 share a page/],
  ];
  for (const [what, file, message] of cases) {
    it(what, () => {
      expect(() => parseEnclaveImage(file, 'libpal.so')).toThrow(
        expect.objectContaining({ code: 'elf', message: expect.stringMatching(message) }),
      );
    });
  }

  it('the same for any cut through the headers and segments', () => {
    const file = makeElf([codeSegment(0n)]);
    for (let length = 0; length < 0x1123; length += 7) {
      expect(() => parseEnclaveImage(file.subarray(0, length), 'libpal.so')).toThrow(
        expect.objectContaining({ code: 'elf' }),
      );
    }
  });
});
