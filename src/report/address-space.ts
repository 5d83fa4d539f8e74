import type { EnclaveLayout } from '../enclave/enclave-layout.ts';
import type { GramineEnclave } from '../enclave/gramine-enclave.ts';
import { type Area, type AreaKind, permissionsOf } from '../enclave/memory-area.ts';

/** Neighbouring areas of one kind, or `gap`: addresses that no page is added at. */
export interface AddressRange {
  readonly kind: AreaKind | 'gap' | 'heap';
  readonly start: bigint;
  readonly end: bigint;
  readonly sizeBytes: number;
  /** As `ls` shows them; empty for a gap. */
  readonly permissions: string;
  /** What goes into MRENCLAVE: the pages with their content, only that they are there, or nothing. */
  readonly measured: 'content' | 'presence' | 'nothing';
  /** How many areas it stands for: one per thread, or per segment. */
  readonly areaCount: number;
}

/** An enclave's addresses, from the lowest to the highest, without a hole between the ranges. */
export interface AddressSpace {
  readonly start: bigint;
  readonly end: bigint;
  readonly ranges: readonly AddressRange[];
}

export function addressSpace({ layout, settings }: GramineEnclave): AddressSpace {
  const sorted = [...layout.areas].sort((a, b) => (a.start < b.start ? -1 : 1));
  const ranges = mergeNeighbours(sorted);
  // With EDMM the heap has no pages when the enclave is measured.
  const heap = settings.hasEdmm ? heapRange(layout) : [];
  const end = layout.base + layout.sizeBytes;
  const placed = [...heap, ...ranges].sort((a, b) => (a.start < b.start ? -1 : 1));
  return { start: layout.base, end, ranges: withGaps(placed, layout.base, end) };
}

function heapRange({ heapMin, heapMax }: EnclaveLayout): readonly AddressRange[] {
  const sizeBytes = Number(heapMax - heapMin);
  const facts = { permissions: '', measured: 'nothing', areaCount: 1 } as const;
  return sizeBytes > 0 ? [{ kind: 'heap', start: heapMin, end: heapMax, sizeBytes, ...facts }] : [];
}

function mergeNeighbours(areas: readonly Area[]): readonly AddressRange[] {
  const ranges: AddressRange[] = [];
  for (const area of areas) {
    const range = rangeOf(area);
    const last = ranges.at(-1);
    const isSame =
      last?.kind === range.kind && last.permissions === range.permissions && last.measured === range.measured;
    if (!last || !isSame) ranges.push(range);
    else {
      const merged = { ...last, end: range.end, areaCount: last.areaCount + 1 };
      ranges[ranges.length - 1] = { ...merged, sizeBytes: last.sizeBytes + range.sizeBytes };
    }
  }
  return ranges;
}

function rangeOf(area: Area): AddressRange {
  const { kind, start, end, isMeasured } = area;
  const measured = isMeasured ? 'content' : 'presence';
  return {
    ...{ kind, start, end, sizeBytes: Number(end - start), measured, areaCount: 1 },
    permissions: permissionsOf(area),
  };
}

function withGaps(ranges: readonly AddressRange[], from: bigint, to: bigint): readonly AddressRange[] {
  const all: AddressRange[] = [];
  let cursor = from;
  const gap = (end: bigint) => {
    const facts = { permissions: '', measured: 'nothing', areaCount: 1 } as const;
    if (end > cursor)
      all.push({ kind: 'gap', start: cursor, end, sizeBytes: Number(end - cursor), ...facts });
  };
  for (const range of ranges) {
    gap(range.start);
    all.push(range);
    cursor = range.end > cursor ? range.end : cursor;
  }
  gap(to);
  return all;
}
