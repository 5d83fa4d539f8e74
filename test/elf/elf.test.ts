import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GscError } from '../../src/base/error.ts';
import { contentOfSegment, parseElf } from '../../src/elf/elf.ts';
import { dynamicLinksOf, interpreterOf } from '../../src/elf/elf-dynamic.ts';

const tools = ['cc', 'readelf'].every((tool) => {
  try {
    execFileSync('/bin/sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' });
    return true;
  } catch {
    if (process.env.CI) throw new Error(`${tool} is needed for this test`);
    process.stderr.write(`SKIPPED: ${tool} is not installed\n`);
    return false;
  }
});

/** Kinds of output of the compiler, by the flags that make them. */
const builds: readonly (readonly [name: string, flags: readonly string[]])[] = [
  ['position-independent program', ['-pie']],
  ['program at a fixed address', ['-no-pie']],
  ['static program', ['-static']],
  ['shared library with a soname', ['-shared', '-fPIC', '-Wl,-soname,libsome.so.3']],
  ['program with a RUNPATH', ['-pie', '-Wl,--enable-new-dtags,-rpath,$ORIGIN/../lib:/opt/x']],
  ['program with an RPATH', ['-pie', '-Wl,--disable-new-dtags,-rpath,$ORIGIN/../lib']],
  ['program that needs two libraries', ['-pie', '-Wl,--no-as-needed', '-lm', '-lpthread']],
];

describe.skipIf(!tools)('readelf agrees', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'elf-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(builds)('on a %s', (name, flags) => {
    const path = join(folder, name.replaceAll(' ', '-'));
    execFileSync('cc', ['-x', 'c', '-', '-o', path, ...flags], { input: 'int main(void) { return 0; }\n' });
    const elf = parseElf(readFileSync(path), name);
    const links = dynamicLinksOf(elf);
    const dynamic = readelf('-d', path);
    const bracketed = (label: string) =>
      [...dynamic.matchAll(new RegExp(`\\(${label}\\).*\\[(.*)\\]`, 'g'))].map((m) => m[1] as string);
    expect(links.needed).toEqual(bracketed('NEEDED'));
    expect(links.soname).toEqual(bracketed('SONAME')[0]);
    expect(links.rpath.join(':')).toBe(bracketed('RPATH').join(''));
    expect(links.runpath.join(':')).toBe(bracketed('RUNPATH').join(''));

    const program = readelf('-l', path);
    expect(interpreterOf(elf)?.path).toBe(/program interpreter: (.*)\]/.exec(program)?.[1]);
    const rows = [...program.matchAll(/^ +[A-Z_0-9]+ +(0x\w+) (0x\w+) 0x\w+\s+(0x\w+) (0x\w+) /gm)];
    expect(elf.segments.map((s) => [s.offset, s.virtualAddress, s.fileSizeBytes, s.memorySizeBytes])).toEqual(
      rows.map((row) => row.slice(1, 5).map((text) => BigInt(text))),
    );
    expect(elf.entry).toBe(BigInt(/Entry point (0x\w+)/.exec(program)?.[1] ?? 0));
  });
});

function readelf(option: string, path: string): string {
  return execFileSync('readelf', ['-W', option, path], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address?: number;
  readonly sizeBytes: number | bigint;
}

/** A small ELF64 file: the header, these program headers, then `data` from byte 512 on. */
function elfOf(segments: readonly Segment[], data: Buffer = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(512 + data.length);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(bytes);
  bytes.writeUInt16LE(3, 16);
  bytes.writeUInt16LE(62, 18);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(segments.length, 56);
  for (const [index, segment] of segments.entries()) {
    const at = 64 + index * 56;
    bytes.writeUInt32LE(segment.type, at);
    bytes.writeBigUInt64LE(BigInt(segment.offset), at + 8);
    bytes.writeBigUInt64LE(BigInt(segment.address ?? 0), at + 16);
    bytes.writeBigUInt64LE(BigInt(segment.sizeBytes), at + 32);
    bytes.writeBigUInt64LE(BigInt(segment.sizeBytes), at + 40);
  }
  data.copy(bytes, 512);
  return bytes;
}

function dynamicEntries(...pairs: readonly (readonly [number, number | bigint])[]): Buffer {
  const bytes = Buffer.alloc(pairs.length * 16);
  for (const [index, [key, value]] of pairs.entries()) {
    bytes.writeBigUInt64LE(BigInt(key), index * 16);
    bytes.writeBigUInt64LE(BigInt(value), index * 16 + 8);
  }
  return bytes;
}

function withField(offset: number, value: number): Buffer {
  const bytes = elfOf([]);
  bytes[offset] = value;
  return bytes;
}

/** One PT_LOAD at address 0x1000, and a PT_DYNAMIC of these entries at its start; the strings follow. */
function dynamicElf(entries: Buffer, strings: string): Buffer {
  const data = Buffer.concat([entries, Buffer.from(strings, 'latin1')]);
  return elfOf(
    [
      { type: 1, offset: 512, address: 0x1000, sizeBytes: data.length },
      { type: 2, offset: 512, address: 0x1000, sizeBytes: entries.length },
    ],
    data,
  );
}

function links(bytes: Buffer) {
  return dynamicLinksOf(parseElf(bytes, 'libx.so'));
}

test('the dynamic section ends at DT_NULL', () => {
  const entries = dynamicEntries([5, 0x1000 + 80], [10, 6], [1, 1], [0, 0], [1, 99]);
  expect(links(dynamicElf(entries, '\0liba\0')).needed).toEqual(['liba']);
});

test('names are cut at their NUL, paths at colons', () => {
  const entries = dynamicEntries([5, 0x1000 + 80], [10, 18], [1, 1], [29, 6], [0, 0]);
  const found = links(dynamicElf(entries, '\0liba\0/a::$ORIGIN\0'));
  expect(found.needed).toEqual(['liba']);
  expect(found.runpath).toEqual(['/a', '$ORIGIN']);
});

test('an ELF interpreter shows its room', () => {
  const field = interpreterOf(
    parseElf(elfOf([{ type: 3, offset: 512, sizeBytes: 8 }], Buffer.from('/ld\0\0\0\0\0')), 'x'),
  );
  expect(field).toEqual({ offsetBytes: 512, sizeBytes: 8, path: '/ld' });
});

const bad: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['an empty file', () => parseElf(Buffer.alloc(0), 'f'), /f: not an ELF file/],
  ['a script', () => parseElf(Buffer.from('#!/bin/sh\n'), 'f'), /not an ELF file/],
  ['only the magic number', () => parseElf(Buffer.from('\x7fELF', 'latin1'), 'f'), /cut short/],
  [
    'a 32-bit file',
    () => parseElf(withField(4, 1), 'f'),
    /expected a 64-bit ELF file for x86-64, got class 1/,
  ],
  ['a big-endian file', () => parseElf(withField(5, 2), 'f'), /encoding 2/],
  ['a file for AArch64', () => parseElf(withField(18, 183), 'f'), /machine 183/],
  ['program headers past the end', () => parseElf(withField(57, 1), 'f'), /program headers lie outside/],
  [
    'program headers of another size',
    () => parseElf(elfOf([{ type: 1, offset: 0, sizeBytes: 0 }]).fill(32, 54, 55), 'f'),
    /headers of 56 bytes, got 32/,
  ],
  [
    'an interpreter without an end',
    () => interpreterOf(parseElf(elfOf([{ type: 3, offset: 512, sizeBytes: 3 }], Buffer.from('/ld')), 'f')),
    /not terminated/,
  ],
  [
    'an empty interpreter',
    () => interpreterOf(parseElf(elfOf([{ type: 3, offset: 512, sizeBytes: 3 }], Buffer.alloc(3)), 'f')),
    /empty/,
  ],
  [
    'an interpreter outside the file',
    () => interpreterOf(parseElf(elfOf([{ type: 3, offset: 512, sizeBytes: 30 }]), 'f')),
    /segment of type 3 lies outside/,
  ],
  [
    'a segment whose end wraps around',
    () => contentOf(elfOf([{ type: 3, offset: 512, sizeBytes: 0xffffffffffffffffn }])),
    /outside/,
  ],
  [
    'a dynamic section outside the file',
    () => links(elfOf([{ type: 2, offset: 600, sizeBytes: 16 }])),
    /segment of type 2/,
  ],
  [
    'strings at an address that no segment has',
    () => links(dynamicElf(dynamicEntries([5, 0x9000], [10, 8]), '')),
    /strings of the dynamic section lie outside/,
  ],
  [
    'strings that run past the end',
    () => links(dynamicElf(dynamicEntries([5, 0x1000], [10, 4096]), '')),
    /outside/,
  ],
  [
    'a name past the strings',
    () => links(dynamicElf(dynamicEntries([5, 0x1000], [10, 8], [1, 999999]), '')),
    /not terminated/,
  ],
  [
    'a name without an end',
    () => links(dynamicElf(dynamicEntries([5, 0x1000 + 48], [10, 4], [1, 0]), 'abcd')),
    /not terminated/,
  ],
  [
    'a name where there are no strings',
    () => links(dynamicElf(dynamicEntries([1, 0], [0, 0]), '')),
    /not terminated/,
  ],
];

function contentOf(bytes: Buffer): Buffer {
  const elf = parseElf(bytes, 'f');
  return contentOfSegment(elf, elf.segments[0] as (typeof elf.segments)[number]);
}

test.each(bad)('%s is an elf error', (_name, read, message) => {
  let caught: unknown;
  try {
    read();
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(GscError);
  expect((caught as GscError).code).toBe('elf');
  expect((caught as GscError).message).toMatch(message);
});

test('damage ends in an answer or an elf error, never in anything else', () => {
  const whole = dynamicElf(dynamicEntries([5, 0x1000 + 64], [10, 8], [1, 1], [0, 0]), '\0liba.so');
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, value, length) => {
      const bytes = Buffer.from(whole);
      bytes[at] = value;
      try {
        const elf = parseElf(bytes.subarray(0, length), 'f');
        interpreterOf(elf);
        dynamicLinksOf(elf);
      } catch (error) {
        expect(error).toBeInstanceOf(GscError);
      }
    }),
    { seed: 1 },
  );
});
