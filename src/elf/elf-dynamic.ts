import type { ByteString } from '../base/image-path.ts';
import { contentOfSegment, type ElfFile, type ElfSegment, elfError, segmentType, sliceOf } from './elf.ts';

/** `d_tag` values. System V ABI, "Dynamic Section". */
const tag = { end: 0n, needed: 1n, strings: 5n, stringsSize: 10n, soname: 14n, rpath: 15n, runpath: 29n };

/** One Elf64_Dyn: `d_tag` and `d_un`, 8 bytes each. */
const dynamicEntryBytes = 16;

/** PATH_MAX; Linux refuses longer interpreter names (fs/binfmt_elf.c). */
export const mostInterpreterBytes = 4096;
/** Linkers write some dozens of entries. */
export const mostDynamicBytes = 1 << 20;
/** Of one name, or list of directories. A file may give one long name a thousand times. */
const mostNameBytes = 1 << 16;
/** Of all that the dynamic section names. */
const mostTextBytes = 1 << 20;

/** Where the path of the ELF interpreter is in a file, and how much room it has there. */
export interface InterpreterField {
  readonly offsetBytes: number;
  /** The room, final NUL included. */
  readonly sizeBytes: number;
  readonly path: ByteString;
}

/** What the dynamic section says about other files. Names and paths are bytes. */
export interface DynamicLinks {
  /** DT_NEEDED, in order. */
  readonly needed: readonly ByteString[];
  readonly soname: ByteString | undefined;
  /** DT_RPATH and DT_RUNPATH, cut at colons, `$ORIGIN` as it stands. */
  readonly rpath: readonly ByteString[];
  readonly runpath: readonly ByteString[];
}

/** PT_INTERP, or undefined for a static program or a library. Throws an `elf` error if it is damaged. */
export function interpreterOf(elf: ElfFile): InterpreterField | undefined {
  const segment = elf.segments.find(({ type }) => type === segmentType.interpreter);
  if (segment === undefined) return undefined;
  if (segment.fileSizeBytes > mostInterpreterBytes)
    throw elfError(
      elf.subject,
      `the path of the ELF interpreter has more than ${mostInterpreterBytes} bytes`,
    );
  const content = contentOfSegment(elf, segment);
  const end = content.indexOf(0);
  if (end <= 0) throw elfError(elf.subject, 'the path of the ELF interpreter is empty or not terminated');
  return {
    offsetBytes: Number(segment.offset),
    sizeBytes: content.length,
    path: content.toString('latin1', 0, end),
  };
}

/** The dynamic section; all empty for a static file. Throws an `elf` error if it is damaged. */
export function dynamicLinksOf(elf: ElfFile): DynamicLinks {
  const entries = dynamicEntriesOf(elf);
  const strings = stringTableOf(elf, entries);
  let textBytes = 0;
  const textOf = (offset: bigint) => {
    const text = stringAt(elf, strings, offset);
    textBytes += text.length;
    if (textBytes > mostTextBytes)
      throw elfError(elf.subject, `the dynamic section names more than ${mostTextBytes} bytes`);
    return text;
  };
  const textsOf = (wanted: bigint) =>
    entries.filter(([key]) => key === wanted).map(([, offset]) => textOf(offset));
  const directoriesOf = (wanted: bigint) =>
    textsOf(wanted).flatMap((text) => text.split(':').filter((directory) => directory !== ''));
  return {
    needed: textsOf(tag.needed),
    soname: textsOf(tag.soname)[0],
    rpath: directoriesOf(tag.rpath),
    runpath: directoriesOf(tag.runpath),
  };
}

/** `d_tag` and `d_un` of one entry. */
export type DynamicEntry = readonly [key: bigint, value: bigint];

/** The entries of the dynamic section, in order; none for a static file. Throws an `elf` error if it lies outside the file. */
export function dynamicEntriesOf(elf: ElfFile): readonly DynamicEntry[] {
  const segment = elf.segments.find(({ type }) => type === segmentType.dynamic);
  if (segment === undefined) return [];
  if (segment.fileSizeBytes > mostDynamicBytes)
    throw elfError(elf.subject, `the dynamic section has more than ${mostDynamicBytes} bytes`);
  const content = contentOfSegment(elf, segment);
  const entries: DynamicEntry[] = [];
  for (let at = 0; at + dynamicEntryBytes <= content.length; at += dynamicEntryBytes) {
    const key = content.readBigUInt64LE(at);
    if (key === tag.end) break;
    entries.push([key, content.readBigUInt64LE(at + 8)]);
  }
  return entries;
}

/** Where the names that a dynamic section refers to are. */
export interface StringRange {
  readonly address: bigint;
  /** In the file. */
  readonly offset: bigint;
  readonly sizeBytes: bigint;
}

/** The range of a dynamic section's names; undefined if it has none. Throws an `elf` error if no segment has them. */
export function stringRangeOf(elf: ElfFile, entries: readonly DynamicEntry[]): StringRange | undefined {
  const address = entries.find(([key]) => key === tag.strings)?.[1];
  const sizeBytes = entries.find(([key]) => key === tag.stringsSize)?.[1];
  if (address === undefined || sizeBytes === undefined) return undefined;
  const segment = loadedSegmentAt(elf, address);
  if (segment === undefined) throw stringsOutside(elf);
  return { address, sizeBytes, offset: segment.offset + (address - segment.virtualAddress) };
}

/** The names that a dynamic section refers to; empty if it has none. Throws an `elf` error if they lie outside the file. */
export function stringTableOf(elf: ElfFile, entries: readonly DynamicEntry[]): Buffer {
  const range = stringRangeOf(elf, entries);
  if (range === undefined) return Buffer.alloc(0);
  const table = sliceOf(elf.bytes, range.offset, range.sizeBytes);
  if (table === undefined) throw stringsOutside(elf);
  return table;
}

function stringsOutside({ subject }: ElfFile) {
  return elfError(subject, 'the strings of the dynamic section lie outside the file');
}

/** The PT_LOAD whose bytes in the file cover an address. */
export function loadedSegmentAt(elf: ElfFile, address: bigint): ElfSegment | undefined {
  return elf.segments.find(
    ({ type, virtualAddress, fileSizeBytes }) =>
      type === segmentType.load && address >= virtualAddress && address < virtualAddress + fileSizeBytes,
  );
}

/** The name at an offset of a string table. Throws an `elf` error if it has no end within 64 KiB. */
export function stringAt(elf: ElfFile, strings: Buffer, offset: bigint): ByteString {
  const start = offset < BigInt(strings.length) ? Number(offset) : strings.length;
  const sizeBytes = strings.subarray(start, start + mostNameBytes + 1).indexOf(0);
  if (sizeBytes < 0)
    throw elfError(
      elf.subject,
      `a name in the dynamic section is not terminated, or has more than ${mostNameBytes} bytes`,
    );
  return strings.toString('latin1', start, start + sizeBytes);
}
