import { createHash } from 'node:crypto';
import type { MadeSegment } from './elf-file.ts';

/** A Gramine enclave (1.5 or newer) as a test describes it. */
export interface PlainEnclave {
  readonly manifest: Buffer;
  readonly segments: readonly MadeSegment[];
  readonly entry: bigint;
  readonly size: bigint;
  readonly threads: number;
  readonly edmm: boolean;
}

/**
 * MRENCLAVE the slow way: a second implementation, straight from the description, with one page and one record after
 * the other and no shared code. The oracle for enclaves of which there is no vector.
 */
export function plainMrEnclave(enclave: PlainEnclave): string {
  const hash = createHash('sha256');
  const create = Buffer.alloc(64);
  create.write('ECREATE\0', 'latin1');
  create.writeUInt32LE(4, 8);
  create.writeBigUInt64LE(enclave.size, 12);
  hash.update(create);
  const add = (address: bigint, flags: number, content?: Buffer): void => {
    hash.update(record('EADD\0\0\0\0', address, BigInt(flags)));
    if (!content) return;
    for (let at = 0; at < 4096; at += 256) {
      hash.update(record('EEXTEND\0', address + BigInt(at)));
      hash.update(content.subarray(at, at + 256));
    }
  };
  addAll(enclave, add);
  return hash.digest('hex');
}

type Add = (address: bigint, flags: number, content?: Buffer) => void;

function addAll(enclave: PlainEnclave, add: Add): void {
  const { manifest, segments, entry, size, threads, edmm } = enclave;
  const up = (value: bigint): bigint => (value + 4095n) & ~4095n;
  const zero = Buffer.alloc(4096);
  const each = (
    start: bigint,
    end: bigint,
    flags: number,
    content: (index: number) => Buffer | undefined,
  ) => {
    for (let page = start; page < end; page += 4096n) add(page, flags, content(Number(page - start) / 4096));
  };
  const count = BigInt(threads);
  const padded = Buffer.alloc(Number(up(BigInt(manifest.length) + 1n)));
  manifest.copy(padded);
  const manifestAt = size - BigInt(padded.length);
  const ssa = manifestAt - count * 0x8000n;
  const tcs = ssa - count * 4096n;
  const tls = tcs - count * 4096n;
  const stacks = tls - count * 0x40000n;
  const sigStacks = stacks - count * 0x10000n;
  const low = segments.map(({ address }) => address & ~4095n).sort(ascending)[0] ?? 0n;
  const endOf = ({ address, bytes, memorySizeBytes }: MadeSegment): bigint =>
    up(address + (memorySizeBytes ?? BigInt(bytes.length)));
  const high = segments.map(endOf).sort(ascending).at(-1) ?? 0n;
  const pal = low === 0n ? sigStacks - (high - low) : low;
  each(manifestAt, size, 0x201, (index) => padded.subarray(index * 4096, index * 4096 + 4096));
  each(ssa, manifestAt, 0x203, () => zero);
  each(tcs, ssa, 0x100, (thread) => {
    const page = Buffer.alloc(4096);
    page.writeBigUInt64LE(ssa + BigInt(thread) * 0x8000n, 0x10);
    page.writeUInt32LE(2, 0x1c);
    page.writeBigUInt64LE(pal + entry, 0x20);
    page.writeBigUInt64LE(tls + BigInt(thread) * 4096n, 0x38);
    page.writeUInt32LE(0xfff, 0x40);
    page.writeUInt32LE(0xfff, 0x44);
    return page;
  });
  each(tls, tcs, 0x203, (thread) => {
    const page = Buffer.alloc(4096);
    const number = BigInt(thread);
    const sigStack = stacks - (number + 1n) * 0x10000n;
    const ownSsa = ssa + number * 0x8000n;
    const words: [number, bigint][] = [
      [0x0, tls + number * 4096n],
      [0x8, 0xbadbadbadbadn],
      [0x110, size],
      [0x118, tcs + number * 4096n],
      [0x120, tls - number * 0x40000n],
      [0x130, sigStack],
      [0x138, sigStack + 0x10000n],
      [0x148, ownSsa],
      [0x150, ownSsa + 0x4000n - 0xb8n],
      [0x1a0, BigInt(manifest.length) + 1n],
      [0x1a8, 0x10000n],
      [0x1b0, pal],
    ];
    for (const [offset, value] of words) page.writeBigUInt64LE(value, offset);
    return page;
  });
  for (let thread = 1n; thread <= count; thread++) {
    each(tls - thread * 0x40000n, tls - (thread - 1n) * 0x40000n, 0x203, () => zero);
  }
  for (let thread = 1n; thread <= count; thread++) {
    each(stacks - thread * 0x10000n, stacks - (thread - 1n) * 0x10000n, 0x203, () => zero);
  }
  for (const segment of segments) {
    const memory = Buffer.alloc(Number(endOf(segment) - (segment.address & ~4095n)));
    segment.bytes.copy(memory, Number(segment.address & 4095n));
    const flags = segment.flags ?? 6;
    const secinfo = 0x200 | (flags & 4 ? 1 : 0) | (flags & 2 ? 2 : 0) | (flags & 1 ? 4 : 0);
    const start = pal - low + (segment.address & ~4095n);
    each(start, start + BigInt(memory.length), secinfo, (index) =>
      memory.subarray(index * 4096, index * 4096 + 4096),
    );
  }
  if (edmm) return;
  if (low !== 0n) each(high, sigStacks, 0x207, () => undefined);
  each(0x10000n, pal, 0x207, () => undefined);
}

function ascending(one: bigint, other: bigint): number {
  return Number(one - other);
}

function record(tag: string, offset: bigint, flags = 0n): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write(tag, 'latin1');
  bytes.writeBigUInt64LE(offset, 8);
  bytes.writeBigUInt64LE(flags, 16);
  return bytes;
}
