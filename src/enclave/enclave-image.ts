import { type ElfSegment, elfError, parseElf, segmentType, sliceOf, startsAsElf } from '../elf/elf.ts';
import { highestOf, lowestOf, pageSizeBytes, roundDownToPage, roundUpToPage } from './address.ts';

/** One PT_LOAD of a file that goes into an enclave: its link address and PF_ bits (X 1, W 2, R 4). */
export interface LoadSegment {
  readonly address: bigint;
  readonly memorySizeBytes: bigint;
  readonly flags: number;
  /** The bytes that the file has for it: a view into the file. The rest of its memory is zero. */
  readonly bytes: Buffer;
}

/** What an enclave takes of an ELF file: its entry point and its PT_LOADs in program-header order. */
export interface EnclaveImage {
  readonly entry: bigint;
  readonly segments: readonly LoadSegment[];
}

/** A range of whole pages. */
export interface PageRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** Gramine's loader takes at most this many PT_LOADs. */
const maxSegments = 16;

/**
 * Reads what an enclave takes of libpal.so, an ELF64 little-endian x86-64 file. `subject` names it in errors.
 * Throws an `elf` error if it is anything else, is cut short, or has segments that an enclave cannot hold:
 * none, more than 16, beyond the file, sharing a page, or not congruent with their place in the file.
 */
export function parseEnclaveImage(bytes: Buffer, subject: string): EnclaveImage {
  const { entry, segments } = parseElf(bytes, subject);
  const loads = segments.filter(({ type }) => type === segmentType.load);
  if (loads.length === 0) throw elfError(subject, 'it has no PT_LOAD segment, so nothing to load');
  if (loads.length > maxSegments) {
    throw elfError(subject, `expected at most ${maxSegments} PT_LOAD segments, got ${loads.length}`);
  }
  const read = loads.map((load, index) => readSegment(bytes, load, `${subject}, PT_LOAD ${index}`));
  checkOverlaps(read, subject);
  return { entry, segments: read };
}

/**
 * Reads what an enclave takes of the executable, which Graphene measured until v1.1. Its signer takes a file that is not an ELF
 * file as it is, as one segment. Throws an `elf` error for a damaged one.
 */
export function parseExecutable(bytes: Buffer, subject: string): EnclaveImage {
  if (startsAsElf(bytes)) return parseEnclaveImage(bytes, subject);
  const segment = { address: 0n, memorySizeBytes: BigInt(bytes.length), flags: 0, bytes };
  return { entry: 0n, segments: [segment] };
}

/** True if the pages are at an address of their own, and not where there is room. */
export function hasFixedAddress(image: EnclaveImage): boolean {
  return spanOf(image).start !== 0n;
}

/** The pages that the segments span, gaps included, as link addresses. */
export function spanOf({ segments }: EnclaveImage): PageRange {
  const ranges = segments.map(pagesOf);
  return { start: lowestOf(ranges.map(({ start }) => start)), end: highestOf(ranges.map(({ end }) => end)) };
}

/** The pages that a segment touches, as link addresses. */
export function pagesOf({ address, memorySizeBytes }: LoadSegment): PageRange {
  return { start: roundDownToPage(address), end: roundUpToPage(address + memorySizeBytes) };
}

function readSegment(file: Buffer, segment: ElfSegment, subject: string): LoadSegment {
  const { offset, virtualAddress: address, fileSizeBytes, memorySizeBytes, flags } = segment;
  if (fileSizeBytes > memorySizeBytes) {
    throw elfError(subject, `${fileSizeBytes} bytes of file do not fit ${memorySizeBytes} of memory`);
  }
  if (address + memorySizeBytes > (1n << 64n) - pageSizeBytes) {
    throw elfError(subject, 'it goes beyond the 64-bit address space');
  }
  // Without bytes from the file, where they would be in it does not matter.
  if (fileSizeBytes === 0n) return { address, memorySizeBytes, flags, bytes: Buffer.alloc(0) };
  const bytes = sliceOf(file, offset, fileSizeBytes);
  if (bytes === undefined) {
    throw elfError(subject, `it ends at byte ${offset + fileSizeBytes}, the file at ${file.length}`);
  }
  if ((address - offset) % pageSizeBytes !== 0n) {
    const [inMemory, inFile] = [address, offset].map((value) => (value % pageSizeBytes).toString(16));
    throw elfError(subject, `its place in the page is 0x${inMemory} in memory, but 0x${inFile} in the file`);
  }
  return { address, memorySizeBytes, flags, bytes };
}

/** A page can be added to an enclave once only, so two segments may not share one. */
function checkOverlaps(segments: readonly LoadSegment[], subject: string): void {
  for (const [second, other] of segments.entries()) {
    const first = segments.slice(0, second).findIndex((one) => doOverlap(pagesOf(one), pagesOf(other)));
    if (first !== -1) throw elfError(subject, `PT_LOAD ${first} and ${second} share a page of memory`);
  }
}

function doOverlap(one: PageRange, other: PageRange): boolean {
  return one.start < other.end && other.start < one.end;
}
