import { GscError } from '../base/error.ts';
import { powerOfTwoFrom, showManifestSize } from '../manifest/schema/size.ts';
import { highestOf } from './address.ts';
import { type Block, blocksOf, type EnclaveParts, manifestSizeOf } from './enclave-blocks.ts';
import { type Area, freeArea } from './memory-area.ts';

/** An enclave's memory before it runs: addresses are absolute, areas stand in the order in which they are measured. */
export interface EnclaveLayout {
  readonly base: bigint;
  readonly sizeBytes: bigint;
  readonly maxThreads: number;
  readonly heapMin: bigint;
  readonly heapMax: bigint;
  /** Where execution starts: the TCS pages' OENTRY, without the base. */
  readonly entryOffset: bigint;
  /** The manifest's length as passed to the runtime. */
  readonly manifestSizeBytes: bigint;
  /** Old Graphene only: the executable's address and span. */
  readonly executable?: { readonly address: bigint; readonly sizeBytes: bigint };
  readonly areas: readonly Area[];
}

// Gramine's and Graphene's enclave configuration headers: where a heap may start, and Graphene v1.1's own base.
const lowestHeap = 0x10000n;
const highBase = 0x800000000n;

/**
 * Places the areas of an enclave from its top downwards. Throws an `enclave` error if they do not fit: it tells
 * which size would be enough.
 */
export function layOutEnclave(parts: EnclaveParts): EnclaveLayout {
  const { rules, settings } = parts;
  const blocks = blocksOf(parts);
  const { base, heapMin } = originOf(parts, blocks);
  const top = base + settings.sizeBytes;
  checkRoom(blocks, { base, heapMin, top, gapBytes: rules.gapBytes });
  const placed = placeBlocks(blocks, top, rules.gapBytes);
  const pal = placedBlock(placed, 'pal');
  const executable = placed.find(({ kind }) => kind === 'executable');
  const free = settings.hasEdmm ? [] : freeAreas(placed, heapMin, rules.gapBytes);
  return {
    base,
    sizeBytes: settings.sizeBytes,
    maxThreads: settings.maxThreads,
    heapMin,
    heapMax: pal.start - rules.gapBytes,
    // With a libpal linked to a fixed address, the link address counts twice: that is what upstream does.
    entryOffset: pal.start + parts.libpal.entry - base,
    manifestSizeBytes: manifestSizeOf(parts),
    ...(executable && {
      executable: { address: executable.start, sizeBytes: executable.sizeBytes },
    }),
    areas: [...placed.flatMap((block) => block.areasAt(block.start)), ...free],
  };
}

/** The first area of a kind. Throws a RangeError if the layout has none. */
export function areaOf(layout: EnclaveLayout, kind: Area['kind']): Area {
  const area = layout.areas.find((each) => each.kind === kind);
  if (area === undefined) throw new RangeError(`the enclave has no ${kind} area`);
  return area;
}

function originOf({ rules, settings }: EnclaveParts, blocks: readonly Block[]): Origin {
  const zero = { base: 0n, heapMin: lowestHeap };
  switch (rules.base) {
    case 'zero':
      return zero;
    case 'size-unless-non-pie':
      return settings.isNonPie ? zero : { base: settings.sizeBytes, heapMin: settings.sizeBytes };
    case 'static-address': {
      const isStatic =
        settings.namesStaticAddress || blocks.some((block) => block.fixedAddress !== undefined);
      return isStatic ? zero : { base: highBase, heapMin: highBase };
    }
  }
}

type PlacedBlock = Block & { readonly start: bigint };

interface Origin {
  readonly base: bigint;
  readonly heapMin: bigint;
}

interface Room extends Origin {
  readonly top: bigint;
  readonly gapBytes: bigint;
}

/** Before anything is placed, since a wrong count of threads would fill the memory. */
function checkRoom(blocks: readonly Block[], { base, heapMin, top, gapBytes }: Room): void {
  const moving = blocks.filter((block) => block.fixedAddress === undefined);
  const needed = moving.reduce(
    (sum, { sizeBytes, count }) => sum + (sizeBytes + gapBytes) * BigInt(count),
    0n,
  );
  const fixed = blocks.filter((block) => block.fixedAddress !== undefined);
  const fixedEnds = fixed.map(({ fixedAddress = 0n, sizeBytes }) => fixedAddress + sizeBytes);
  const lowest = highestOf([heapMin, ...fixedEnds]);
  // The gap below the lowest area may reach under the heap's start; the area itself may not.
  const enough = lowest - base + needed - gapBytes;
  if (enough > top - base) {
    const size = showManifestSize(powerOfTwoFrom(enough));
    throw new GscError({
      code: 'enclave',
      subject: 'sgx.enclave_size',
      message: `the enclave needs at least ${enough} bytes, its size is ${top - base}`,
      hint: `set sgx.enclave_size = "${size}" or more, to leave room for a heap`,
    });
  }
  for (const { kind, fixedAddress = heapMin } of fixed) {
    if (fixedAddress < heapMin) throw lowAddressError(kind, fixedAddress, heapMin);
  }
}

function lowAddressError(kind: string, address: bigint, heapMin: bigint): GscError {
  return new GscError({
    code: 'enclave',
    subject: `the ${kind} area`,
    message: `it is linked at 0x${address.toString(16)}, below the enclave's first usable address 0x${heapMin.toString(16)}`,
    hint: 'give a libpal.so that is linked at address 0, as builds of the runtime do it',
  });
}

/** Hands out addresses from the top downwards; a block with its own address does not move the cursor. */
function placeBlocks(blocks: readonly Block[], top: bigint, gapBytes: bigint): PlacedBlock[] {
  let cursor = top;
  const place = (block: Block): PlacedBlock => {
    if (block.fixedAddress !== undefined) return { ...block, start: block.fixedAddress };
    const start = cursor - block.sizeBytes;
    cursor = start - gapBytes;
    return { ...block, start };
  };
  return blocks.flatMap((block) => Array.from({ length: block.count }, () => place(block)));
}

function placedBlock(placed: readonly PlacedBlock[], kind: Area['kind']): PlacedBlock {
  const block = placed.find((each) => each.kind === kind);
  if (block === undefined) throw new RangeError(`the enclave has no ${kind}`);
  return block;
}

/** What is left: above each block at a fixed address, and at last down to the lowest heap address. */
function freeAreas(placed: readonly PlacedBlock[], heapMin: bigint, gapBytes: bigint): Area[] {
  const areas: Area[] = [];
  const moving = placed.filter((block) => block.fixedAddress === undefined);
  let cursor = (moving.at(-1)?.start ?? 0n) - gapBytes;
  for (const { start, sizeBytes } of placed.filter((block) => block.fixedAddress !== undefined)) {
    const from = start + sizeBytes + gapBytes;
    if (from < cursor) areas.push(freeArea(from, cursor));
    cursor = start - gapBytes;
  }
  if (heapMin < cursor) areas.push(freeArea(heapMin, cursor));
  return areas;
}
