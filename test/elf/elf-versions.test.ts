import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { GscError } from '../../src/base/error.ts';
import { parseElf } from '../../src/elf/elf.ts';
import { definedVersionsOf, neededVersionsOf } from '../../src/elf/elf-versions.ts';
import { testWithTool } from '../support/tool.ts';

/** What the compiler's C library and this Node are: real files with versions, small and large. */
function realFiles(): readonly string[] {
  const names = ['libc.so.6', 'libm.so.6', 'ld-linux-x86-64.so.2', 'libstdc++.so.6', 'libresolv.so.2'];
  const found = names.map((name) => execFileSync('cc', [`-print-file-name=${name}`], { encoding: 'utf8' }));
  return [process.execPath, '/bin/bash', ...found.map((path) => path.trim())].filter(existsSync);
}

/** The two tables as readelf prints them. */
function readelfVersions(path: string): { readonly defined: string[]; readonly needed: string[] } {
  const text = execFileSync('readelf', ['--version-info', '--wide', path], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const [, definitions = ''] = /Version definition section[^\n]*\n([\s\S]*?)(?:\n\n|$)/.exec(text) ?? [];
  const [, needs = ''] = /Version needs section[^\n]*\n([\s\S]*?)(?:\n\n|$)/.exec(text) ?? [];
  const defined = [...definitions.matchAll(/Flags: (.*?)\s+Index: .*Name: (\S+)/g)];
  const needed: string[] = [];
  let library = '';
  for (const line of needs.split('\n')) {
    library = /File: (\S+)/.exec(line)?.[1] ?? library;
    const version = /Name: (\S+)\s+Flags: (.*?)\s+Version/.exec(line);
    if (version && !version[2]?.includes('WEAK')) needed.push(`${library} ${version[1]}`);
  }
  return {
    defined: defined.filter(([, flags]) => !flags?.includes('BASE')).map(([, , name = '']) => name),
    needed,
  };
}

testWithTool('cc readelf', 'readelf finds the same versions in real files', () => {
  const files = realFiles();
  expect(files.length).toBeGreaterThan(4);
  for (const path of files) {
    const elf = parseElf(readFileSync(path), path);
    const expected = readelfVersions(path);
    expect(definedVersionsOf(elf), path).toEqual(expected.defined);
    expect(
      neededVersionsOf(elf).map(({ library, version }) => `${library} ${version}`),
      path,
    ).toEqual(expected.needed);
  }
  const cLibrary = files.find((path) => path.endsWith('/libc.so.6')) ?? '';
  expect(definedVersionsOf(parseElf(readFileSync(cLibrary), cLibrary))).toContain('GLIBC_2.34');
});

/** One PT_LOAD over all, and a dynamic section that names a string table and one table of versions. */
function elfWith(parts: {
  readonly table: Buffer;
  readonly tags: readonly [address: number, count: number];
  readonly address?: number;
  readonly count?: number;
  readonly strings?: string;
}): Buffer {
  const headers = 64 + 2 * 56;
  const strings = Buffer.from(parts.strings ?? '\0libc.so.6\0GLIBC_2.34\0GLIBC_2.99\0');
  const tableAt = headers + strings.length;
  const pairs = [
    [5, headers],
    [10, strings.length],
    [parts.tags[0], parts.address ?? tableAt],
    [parts.tags[1], parts.count ?? 1],
    [0, 0],
  ] as const;
  const dynamic = Buffer.alloc(pairs.length * 16);
  for (const [index, [key, value]] of pairs.entries()) {
    dynamic.writeBigUInt64LE(BigInt(key), index * 16);
    dynamic.writeBigUInt64LE(BigInt(value), index * 16 + 8);
  }
  // The table comes last: what comes after it comes after the segment.
  const dynamicAt = headers + strings.length;
  const body = Buffer.concat([strings, dynamic, parts.table]);
  if (parts.address === undefined) dynamic.writeBigUInt64LE(BigInt(dynamicAt + dynamic.length), 2 * 16 + 8);
  dynamic.copy(body, strings.length);
  const head = Buffer.alloc(headers);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(head);
  head.writeUInt16LE(3, 16);
  head.writeUInt16LE(62, 18);
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(2, 56);
  const segments = [
    [1, 0, headers + body.length],
    [2, dynamicAt, dynamic.length],
  ] as const;
  for (const [index, [type, offset, sizeBytes]] of segments.entries()) {
    const at = 64 + index * 56;
    head.writeUInt32LE(type, at);
    for (const field of [8, 16]) head.writeBigUInt64LE(BigInt(offset), at + field);
    for (const field of [32, 40]) head.writeBigUInt64LE(BigInt(sizeBytes), at + field);
  }
  return Buffer.concat([head, body]);
}

const neededTags = [0x6ffffffe, 0x6fffffff] as const;
const definedTags = [0x6ffffffc, 0x6ffffffd] as const;

/** Elf64_Verneed with its Elf64_Vernaux records after it. */
function needs(names: readonly (readonly [offset: number, flags: number])[], next = 0): Buffer {
  const bytes = Buffer.alloc(16 + names.length * 16);
  bytes.writeUInt16LE(1, 0);
  bytes.writeUInt16LE(names.length, 2);
  bytes.writeUInt32LE(1, 4);
  bytes.writeUInt32LE(16, 8);
  bytes.writeUInt32LE(next, 12);
  for (const [index, [offset, flags]] of names.entries()) {
    const at = 16 + index * 16;
    bytes.writeUInt16LE(flags, at + 4);
    bytes.writeUInt32LE(offset, at + 8);
    bytes.writeUInt32LE(index + 1 < names.length ? 16 : 0, at + 12);
  }
  return bytes;
}

const nameAt = { '2.34': 11, '2.99': 22 };

test('a version that is needed weakly is left out: the loader does without', () => {
  const table = needs([
    [nameAt['2.34'], 0],
    [nameAt['2.99'], 2],
  ]);
  const elf = parseElf(elfWith({ table, tags: neededTags }), 'weak');
  expect(neededVersionsOf(elf)).toEqual([{ library: 'libc.so.6', version: 'GLIBC_2.34' }]);
});

test('a file without tables has no versions', () => {
  const elf = parseElf(elfWith({ table: Buffer.alloc(0), tags: [21, 22] }), 'none');
  expect([definedVersionsOf(elf), neededVersionsOf(elf)]).toEqual([[], []]);
});

describe('damage is an elf error', () => {
  const good = needs([[nameAt['2.34'], 0]]);
  test.each<[string, Parameters<typeof elfWith>[0]]>([
    ['an address in no segment', { table: good, tags: neededTags, address: 1 << 30 }],
    ['a table that is cut short', { table: good.subarray(0, 10), tags: neededTags }],
    ['a record that is cut short', { table: good.subarray(0, 20), tags: neededTags }],
    ['a name outside the strings', { table: needs([[5000, 0]]), tags: neededTags }],
    ['a next record outside', { table: needs([[nameAt['2.34'], 0]], 4000), tags: neededTags, count: 2 }],
    ['a definition that is cut short', { table: Buffer.alloc(12), tags: definedTags }],
    ['records that overlap without end', { table: overlapping(), tags: neededTags, count: 2 ** 40 }],
  ])('%s', (_, recipe) => {
    const elf = parseElf(elfWith(recipe), 'damaged');
    const read = () => [definedVersionsOf(elf), neededVersionsOf(elf)];
    expect(read).toThrow(GscError);
    expect(read).toThrow(expect.objectContaining({ code: 'elf', subject: 'damaged' }));
  });
});

/** Each byte starts a record that claims 65,535 names. */
function overlapping(): Buffer {
  const bytes = Buffer.alloc(200_000);
  for (let at = 0; at + 16 <= bytes.length; at += 16) {
    bytes.writeUInt16LE(0xffff, at + 2);
    bytes.writeUInt32LE(16, at + 8);
    bytes.writeUInt32LE(16, at + 12);
  }
  return bytes;
}
