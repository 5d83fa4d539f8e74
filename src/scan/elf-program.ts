import type { ProgramFacts } from '../tree/entry.ts';

/** A part of the file that must be seen before the answer is known. */
export interface WantedBytes {
  readonly kind: 'wanted';
  readonly offset: number;
  readonly sizeBytes: number;
}

export type ElfAnswer = WantedBytes | { readonly kind: 'known'; readonly program: ProgramFacts | undefined };

/** Gives bytes of the file, or undefined if they are not at hand. */
export type FilePart = (offset: number, sizeBytes: number) => Buffer | undefined;

/** System V ABI, "ELF Header" and "Program Header": offsets of the fields for both classes. */
const layouts = {
  1: { headerBytes: 52, tableOffset: 28, entrySize: 42, entryCount: 44, segmentOffset: 4, segmentSize: 16 },
  2: { headerBytes: 64, tableOffset: 32, entrySize: 54, entryCount: 56, segmentOffset: 8, segmentSize: 32 },
} as const;

const machineOffset = 18;
const ptInterp = 3;
/** PATH_MAX; Linux refuses longer interpreter names (fs/binfmt_elf.c). */
const maximumNameBytes = 4096;
/** Linux refuses program headers of more than 64 KiB (fs/binfmt_elf.c, ELF_MIN_ALIGN and `load_elf_phdrs`). */
const maximumTableBytes = 65536;

/**
 * What Linux reads of an ELF file to start it: the machine, and the interpreter that PT_INTERP names. Asks for more
 * bytes as long as `part` does not have them; a file that is cut short or damaged counts as no program.
 */
export function readElfProgram(part: FilePart): ElfAnswer {
  const ident = part(0, 20);
  if (ident === undefined) return wanted(0, 20);
  if (ident.toString('latin1', 0, 4) !== '\x7fELF') return notElf;
  const isLittle = ident[5] === 1;
  const layout = ident[4] === 1 ? layouts[1] : layouts[2];
  if ((ident[4] !== 1 && ident[4] !== 2) || (ident[5] !== 1 && ident[5] !== 2)) return notElf;
  const header = part(0, layout.headerBytes);
  if (header === undefined) return wanted(0, layout.headerBytes);
  const read = new FieldReader(isLittle, layout === layouts[2]);
  const machine = read.half(header, machineOffset);
  const entrySize = read.half(header, layout.entrySize);
  const tableBytes = entrySize * read.half(header, layout.entryCount);
  if (tableBytes === 0) return known({ kind: 'elf', machine });
  if (tableBytes > maximumTableBytes) return notElf;
  const tableOffset = read.word(header, layout.tableOffset);
  const table = part(tableOffset, tableBytes);
  if (table === undefined) return wanted(tableOffset, tableBytes);
  return readInterpreter({ part, table, entrySize, machine, read, layout });
}

interface Table {
  readonly part: FilePart;
  readonly table: Buffer;
  readonly entrySize: number;
  readonly machine: number;
  readonly read: FieldReader;
  readonly layout: (typeof layouts)[1 | 2];
}

function readInterpreter({ part, table, entrySize, machine, read, layout }: Table): ElfAnswer {
  for (let at = 0; at + layout.segmentSize + 8 <= table.length; at += entrySize) {
    if (read.int(table, at) !== ptInterp) continue;
    const offset = read.word(table, at + layout.segmentOffset);
    const sizeBytes = read.word(table, at + layout.segmentSize);
    if (sizeBytes < 2 || sizeBytes > maximumNameBytes) return notElf;
    const name = part(offset, sizeBytes);
    if (name === undefined) return wanted(offset, sizeBytes);
    const end = name.indexOf(0);
    if (end < 1) return notElf;
    return known({ kind: 'elf', machine, interpreter: name.toString('latin1', 0, end) });
  }
  return known({ kind: 'elf', machine });
}

/** Numbers in the file's own byte order and class. */
class FieldReader {
  readonly #isLittle: boolean;
  readonly #isWide: boolean;

  constructor(isLittle: boolean, isWide: boolean) {
    this.#isLittle = isLittle;
    this.#isWide = isWide;
  }

  half(bytes: Buffer, at: number): number {
    return this.#isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  int(bytes: Buffer, at: number): number {
    return this.#isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }

  /** An offset or size: beyond 2^53 it is imprecise, and beyond every file in any case. */
  word(bytes: Buffer, at: number): number {
    if (!this.#isWide) return this.int(bytes, at);
    return Number(this.#isLittle ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
  }
}

const notElf: ElfAnswer = { kind: 'known', program: undefined };

function known(program: ProgramFacts): ElfAnswer {
  return { kind: 'known', program };
}

function wanted(offset: number, sizeBytes: number): WantedBytes {
  return { kind: 'wanted', offset, sizeBytes };
}
