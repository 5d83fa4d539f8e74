import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProgramProbe } from '../../src/scan/program-probe.ts';
import type { ProgramFacts } from '../../src/tree/entry.ts';
import { hasNeededTool } from '../support/tool.ts';

function probe(bytes: Buffer, pieceBytes = bytes.length): ProgramFacts | undefined {
  const found = new ProgramProbe(bytes.length);
  for (let at = 0; at < bytes.length; at += pieceBytes)
    found.push(Buffer.from(bytes.subarray(at, at + pieceBytes)));
  return found.program;
}

interface ElfShape {
  readonly table?: number;
  readonly name?: number;
  readonly interpreter?: string;
  readonly machine?: number;
  readonly sizeBytes?: number;
}

/** An ELF file for x86-64 with one PT_LOAD and one PT_INTERP. */
function elf({
  table = 64,
  name = 400,
  interpreter = '/lib/ld.so',
  machine = 62,
  sizeBytes = 1000,
}: ElfShape): Buffer {
  const bytes = Buffer.alloc(sizeBytes, 0x11);
  bytes.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  bytes.writeUInt16LE(machine, 18);
  bytes.writeBigUInt64LE(BigInt(table), 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(2, 56);
  bytes.writeUInt32LE(1, table);
  bytes.writeUInt32LE(3, table + 56);
  bytes.writeBigUInt64LE(BigInt(name), table + 56 + 8);
  bytes.writeBigUInt64LE(BigInt(interpreter.length + 1), table + 56 + 32);
  bytes.write(`${interpreter}\0`, name, 'latin1');
  return bytes;
}

const known = { kind: 'elf', machine: 62, interpreter: '/lib/ld.so' };

describe('ProgramProbe', () => {
  it.each([
    ['at the beginning', {}],
    ['with headers far from the beginning', { table: 90_000, name: 95_000, sizeBytes: 100_000 }],
    ['with the name at the end', { name: 99_000, sizeBytes: 99_011 }],
    [
      'with headers at the end and the name at the beginning',
      { table: 99_000, name: 200, sizeBytes: 100_000 },
    ],
  ])('finds the interpreter %s, whatever the pieces', (_, shape) => {
    const bytes = elf(shape);
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 600, max: 120_000 })),
        (pieceBytes) => {
          expect(probe(bytes, pieceBytes)).toEqual(known);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('finds the interpreter when a piece ends where the headers do', () => {
    const shape = { table: 90_000, name: 95_000, sizeBytes: 100_000 };
    expect(probe(elf(shape), 90_000 + 2 * 56)).toEqual(known);
  });

  it('an ELF file without PT_INTERP has none', () => {
    const bytes = elf({});
    bytes.writeUInt32LE(6, 64 + 56);
    expect(probe(bytes)).toEqual({ kind: 'elf', machine: 62 });
  });

  it('other machines and byte orders are named', () => {
    expect(probe(elf({ machine: 183 }))).toEqual({ ...known, machine: 183 });
    const big = Buffer.alloc(64);
    big.write('\x7fELF\x02\x02\x01', 0, 'latin1');
    big.writeUInt16BE(22, 18);
    expect(probe(big)).toEqual({ kind: 'elf', machine: 22 });
  });

  it.each([
    ['an empty file', Buffer.alloc(0)],
    ['three bytes', Buffer.from('\x7fEL', 'latin1')],
    ['the magic alone', Buffer.from('\x7fELF', 'latin1')],
    ['a cut header', elf({}).subarray(0, 40)],
    ['a cut table', elf({}).subarray(0, 100)],
    ['a cut name', elf({}).subarray(0, 405)],
    ['text', Buffer.from('echo hello\n')],
    ['zeros', Buffer.alloc(5000)],
    ['a table of more than 64 KiB', patched((bytes) => bytes.writeUInt16LE(0xffff, 56))],
    ['a name of no length', patched((bytes) => bytes.writeBigUInt64LE(0n, 64 + 56 + 32))],
    ['a name longer than PATH_MAX', patched((bytes) => bytes.writeBigUInt64LE(5000n, 64 + 56 + 32))],
    ['a table beyond 2^53', patched((bytes) => bytes.writeBigUInt64LE(0xffffffffffffff00n, 32))],
    ['a class that does not exist', patched((bytes) => bytes.writeUInt8(3, 4))],
  ])('%s is not a program', (_, bytes) => {
    expect(probe(bytes)).toBeUndefined();
    expect(probe(bytes, 3)).toBeUndefined();
  });

  it.skipIf(!hasNeededTool('readelf'))('agrees with readelf on programs of this machine', () => {
    const files = ['/bin/sh', '/usr/bin/env', process.execPath, '/bin/busybox'].filter((path) =>
      existsSync(path),
    );
    expect(files.length).toBeGreaterThan(1);
    for (const file of files) {
      const text = execFileSync('readelf', ['-lhW', file], { encoding: 'utf8' });
      const interpreter = /Requesting program interpreter: (.*)\]/.exec(text)?.[1];
      const facts = { kind: 'elf', machine: 62, ...(interpreter && { interpreter }) };
      expect(probe(readFileSync(file), 1 << 20)).toEqual(facts);
    }
  });
});

function patched(patch: (bytes: Buffer) => void): Buffer {
  const bytes = elf({});
  patch(bytes);
  return bytes;
}
