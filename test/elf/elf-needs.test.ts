import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { ElfNeedsProbe, elfNeedsOf } from '../../src/elf/elf-needs.ts';
import { type MadeSegment, makeElf, patternOf } from '../support/enclave/elf-file.ts';

const pieceSizes = [977, 70_000, 1 << 18];

function probe(content: Buffer, pieceBytes: number) {
  const probe = new ElfNeedsProbe(content.length);
  for (let at = 0; at < content.length; at += pieceBytes) {
    // As the reader of a layer does: the memory of a piece is used for the next one.
    const piece = Buffer.from(content.subarray(at, at + pieceBytes));
    probe.push(piece);
    piece.fill(0xcc);
  }
  return probe.needs;
}

const names = Buffer.from('\0libone.so\0/opt/lib:$ORIGIN\0', 'latin1');
const address = 0x40_0000;
/** Where the parts of the made file are. */
const [early, middle, dynamicAt, late] = [0x2000, 0x4_0000, 0x8_0000, 0xc_0000];

function dynamicSection({ namesAt, sizeBytes = names.length, count = 1 }: Recipe): Buffer {
  const needed = Array.from({ length: count }, () => [1, 1]).flat();
  const pairs = [...needed, 29, names.indexOf('/opt'), 5, address + namesAt, 10, sizeBytes, 0, 0];
  const bytes = Buffer.alloc(pairs.length * 8);
  for (const [index, value] of pairs.entries()) bytes.writeBigUInt64LE(BigInt(value), index * 8);
  return bytes;
}

interface Recipe {
  readonly namesAt: number;
  readonly sizeBytes?: number;
  /** PF_R is 4, PF_W 2, PF_X 1. */
  readonly firstFlags?: number;
  readonly middleFlags?: number;
  /** So often the dynamic section names the library. */
  readonly count?: number;
  readonly interpreter?: Buffer;
}

/** A file of 1 MB with four segments in memory, which have the names in one of them. */
function largeElf(recipe: Recipe): Buffer {
  const { namesAt, firstFlags = 4, middleFlags = 4, interpreter } = recipe;
  const filler = patternOf(0x3_0000);
  const load = (offset: number, flags: number): MadeSegment => ({
    offset,
    address: BigInt(address + offset),
    bytes: filler,
    flags,
  });
  const dynamic = dynamicSection(recipe);
  const segments = [
    ...[load(0x1000, firstFlags), load(middle, middleFlags), load(dynamicAt, 6), load(late, 4)],
    { offset: dynamicAt, address: BigInt(address + dynamicAt), bytes: dynamic, type: 2 },
    ...(interpreter ? [{ offset: 0x1000, address: 0n, bytes: interpreter, type: 3 }] : []),
  ];
  const file = makeElf(segments);
  names.copy(file, namesAt);
  return file;
}

const found = { interpreter: undefined, needed: ['libone.so'], searched: ['/opt/lib', '$ORIGIN'] };

describe('ElfNeedsProbe', () => {
  test.each([
    ['the first segment', { namesAt: early }],
    ['one behind the first, where that is executed', { namesAt: middle, firstFlags: 5 }],
    ['one behind the first that can be written', { namesAt: middle, middleFlags: 6 }],
    ['the segment of the dynamic section', { namesAt: dynamicAt + 0x100 }],
    ['one behind that', { namesAt: late }],
  ])('finds names in %s', (_, recipe) => {
    const content = largeElf(recipe);
    expect(elfNeedsOf(content)).toEqual(found);
    for (const size of [...pieceSizes, content.length]) expect(probe(content, size)).toEqual(found);
  });

  it('finds the interpreter', () => {
    const content = largeElf({ namesAt: early, interpreter: Buffer.from('/lib64/ld.so\0') });
    for (const size of pieceSizes)
      expect(probe(content, size)).toEqual({ ...found, interpreter: '/lib64/ld.so' });
  });

  it('does not look into a file whose names come where no linker puts them', () => {
    for (const middleFlags of [4, 5]) {
      const content = largeElf({ namesAt: middle, middleFlags });
      expect(elfNeedsOf(content)).toEqual(found);
      for (const size of pieceSizes) expect(probe(content, size)).toBeUndefined();
    }
  });

  it('does not repeat a long name as often as a file says', () => {
    const elf = (sizeBytes: number, count: number) => {
      const content = largeElf({ namesAt: early, sizeBytes: sizeBytes + 2, count });
      content
        .fill(0x61, early + 1, early + 1 + sizeBytes)
        .fill(0, early + 1 + sizeBytes, early + 2 + sizeBytes);
      return content;
    };
    expect(elfNeedsOf(elf(4000, 100))?.needed).toHaveLength(100);
    for (const [sizeBytes, count] of [
      [4000, 1000],
      [70_000, 1],
    ] as const) {
      expect(elfNeedsOf(elf(sizeBytes, count))).toBeUndefined();
      expect(probe(elf(sizeBytes, count), 70_000)).toBeUndefined();
    }
  });

  it.each([
    ['names beyond the end', largeElf({ namesAt: late, sizeBytes: 1 << 20 })],
    ['names that no segment has', largeElf({ namesAt: 0x7f_0000 })],
    ['a name without an end', largeElf({ namesAt: early, sizeBytes: 4 })],
    ['too long a dynamic section', largeElf({ namesAt: early, count: 66_000 })],
    ['an interpreter without an end', largeElf({ namesAt: early, interpreter: patternOf(20) })],
    ['half a file', largeElf({ namesAt: early }).subarray(0, dynamicAt + 8)],
    ['another machine', Buffer.from(largeElf({ namesAt: early })).fill(3, 18, 19)],
    ['nothing but a magic number', Buffer.concat([Buffer.from('\x7fELF', 'latin1'), patternOf(200_000)])],
  ])('finds nothing in %s', (_, content) => {
    expect(elfNeedsOf(content)).toBeUndefined();
    for (const size of pieceSizes) expect(probe(content, size)).toBeUndefined();
  });

  it('finds what the whole file says in programs of this machine', () => {
    for (const path of [process.execPath, '/bin/sh', '/usr/bin/env']) {
      const content = readFileSync(path);
      const expected = elfNeedsOf(content);
      expect(expected?.needed).toContain('libc.so.6');
      for (const size of [70_000, 1 << 18]) expect(probe(content, size)).toEqual(expected);
    }
  });
});
