import { GscError } from '../base/error.ts';
import { decodeRecord, type RecordLayout } from '../base/record.ts';

/** `p_type` values. System V ABI, "Program Header". */
export const segmentType = { load: 1, dynamic: 2, interpreter: 3 } as const;

/** `e_machine` of x86-64. System V ABI, AMD64 supplement. */
export const machineX86 = 62;

/** `e_type`: a program at a fixed address, or a shared object (which a position-independent program is too). */
export const elfType = { executable: 2, sharedObject: 3 } as const;

/** A program header of an ELF64 file. Offsets are relative to the start of the file. */
export interface ElfSegment {
  readonly type: number;
  /** PF_X = 1, PF_W = 2, PF_R = 4. */
  readonly flags: number;
  readonly offset: bigint;
  readonly virtualAddress: bigint;
  readonly fileSizeBytes: bigint;
  readonly memorySizeBytes: bigint;
  readonly alignment: bigint;
}

/** What the header and the program headers of an ELF64 file say. */
export interface ElfFile {
  readonly bytes: Buffer;
  /** How messages call the file. */
  readonly subject: string;
  readonly type: number;
  readonly entry: bigint;
  /** In the file's order. */
  readonly segments: readonly ElfSegment[];
}

/** Elf64_Ehdr. System V ABI, "ELF Header". */
const headerLayout: RecordLayout = {
  sizeBytes: 64,
  fields: [
    ['class', 4, 1],
    ['dataEncoding', 5, 1],
    ['type', 16, 2],
    ['machine', 18, 2],
    ['entry', 24, 8],
    ['programHeaderOffset', 32, 8],
    ['programHeaderSize', 54, 2],
    ['programHeaderCount', 56, 2],
  ],
};

/** Elf64_Phdr. System V ABI, "Program Header". */
const segmentLayout: RecordLayout = {
  sizeBytes: 56,
  fields: [
    ['type', 0, 4],
    ['flags', 4, 4],
    ['offset', 8, 8],
    ['virtualAddress', 16, 8],
    ['fileSizeBytes', 32, 8],
    ['memorySizeBytes', 40, 8],
    ['alignment', 48, 8],
  ],
};

/** True if `bytes` start with the magic number of an ELF file of any class and machine. */
export function startsAsElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/**
 * Reads the header and the program headers of a little-endian ELF64 file for x86-64. Throws an `elf` error that names
 * `subject` for anything else, and for headers that lie outside the file.
 */
export function parseElf(bytes: Buffer, subject: string): ElfFile {
  if (!startsAsElf(bytes)) throw elfError(subject, 'not an ELF file');
  if (bytes.length < headerLayout.sizeBytes) throw elfError(subject, 'the ELF header is cut short');
  const header = decodeRecord(headerLayout, bytes.subarray(0, headerLayout.sizeBytes));
  if (header.class !== 2 || header.dataEncoding !== 1 || header.machine !== machineX86) {
    throw elfError(
      subject,
      `expected a 64-bit ELF file for x86-64, got class ${header.class}, encoding ${header.dataEncoding}, machine ${header.machine}`,
    );
  }
  const { type, entry, programHeaderSize, programHeaderCount, programHeaderOffset } = header;
  if (programHeaderCount !== 0 && programHeaderSize !== segmentLayout.sizeBytes) {
    throw elfError(
      subject,
      `expected program headers of ${segmentLayout.sizeBytes} bytes, got ${programHeaderSize}`,
    );
  }
  const tableSizeBytes = Number(programHeaderCount) * segmentLayout.sizeBytes;
  const table = sliceOf(bytes, programHeaderOffset as bigint, BigInt(tableSizeBytes));
  if (table === undefined) throw elfError(subject, 'the program headers lie outside the file');
  const segments = Array.from({ length: Number(programHeaderCount) }, (_, index) =>
    parseSegment(table, index * segmentLayout.sizeBytes),
  );
  return { bytes, subject, type: type as number, entry: entry as bigint, segments };
}

/** The bytes that a segment takes in the file. Throws an `elf` error if they lie outside it. */
export function contentOfSegment(elf: ElfFile, segment: ElfSegment): Buffer {
  const content = sliceOf(elf.bytes, segment.offset, segment.fileSizeBytes);
  if (content !== undefined) return content;
  throw elfError(elf.subject, `a segment of type ${segment.type} lies outside the file`);
}

/** The `elf` error for a file that is damaged or of the wrong kind. */
export function elfError(subject: string, message: string): GscError {
  return new GscError({
    code: 'elf',
    subject,
    message,
    hint: 'the file is damaged or not for x86-64 Linux: get it again',
  });
}

/** A view of `sizeBytes` bytes from `offset`, or undefined if they are not all there. */
export function sliceOf(bytes: Buffer, offset: bigint, sizeBytes: bigint): Buffer | undefined {
  if (offset + sizeBytes > BigInt(bytes.length)) return undefined;
  return bytes.subarray(Number(offset), Number(offset + sizeBytes));
}

function parseSegment(table: Buffer, offset: number): ElfSegment {
  const values = decodeRecord(segmentLayout, table.subarray(offset, offset + segmentLayout.sizeBytes));
  return {
    type: values.type as number,
    flags: values.flags as number,
    offset: values.offset as bigint,
    virtualAddress: values.virtualAddress as bigint,
    fileSizeBytes: values.fileSizeBytes as bigint,
    memorySizeBytes: values.memorySizeBytes as bigint,
    alignment: values.alignment as bigint,
  };
}
