import type { ByteString } from '../base/image-path.ts';
import { decodeRecord, type RecordLayout } from '../base/record.ts';
import { contentOfSegment, type ElfFile, elfError } from './elf.ts';
import { dynamicEntriesOf, loadedSegmentAt, stringAt, stringTableOf } from './elf-dynamic.ts';

/** `d_tag` values. Linux Standard Base, "Symbol Versioning"; glibc, elf/elf.h. */
const tag = {
  defined: 0x6ffffffcn,
  definedCount: 0x6ffffffdn,
  needed: 0x6ffffffen,
  neededCount: 0x6fffffffn,
};

/** VER_FLG_BASE: the definition names the file itself. VER_FLG_WEAK: the loader only warns if the version is missing. */
const flag = { base: 1, weak: 2 };

/** Elf64_Verdef: `auxiliary` and `next` are relative to the record's own start. */
const definition = {
  sizeBytes: 20,
  fields: [
    ['flags', 2, 2],
    ['auxiliary', 12, 4],
    ['next', 16, 4],
  ],
} as const satisfies RecordLayout;

/** Elf64_Verdaux. */
const definedName = {
  sizeBytes: 8,
  fields: [
    ['name', 0, 4],
    ['next', 4, 4],
  ],
} as const satisfies RecordLayout;

/** Elf64_Verneed. */
const need = {
  sizeBytes: 16,
  fields: [
    ['count', 2, 2],
    ['file', 4, 4],
    ['auxiliary', 8, 4],
    ['next', 12, 4],
  ],
} as const satisfies RecordLayout;

/** Elf64_Vernaux. */
const neededName = {
  sizeBytes: 16,
  fields: [
    ['flags', 4, 2],
    ['name', 8, 4],
    ['next', 12, 4],
  ],
} as const satisfies RecordLayout;

/** No real library comes near this (libstdc++ has about 60); records that overlap must not keep gsc busy. */
const maximumRecords = 65_536;

/** A version that a file demands of a library: without it the loader refuses to start the program. */
export interface NeededVersion {
  /** The library's name, as in DT_NEEDED. */
  readonly library: ByteString;
  /** `GLIBC_2.34`. */
  readonly version: ByteString;
}

/** The symbol versions that a library defines, in its order (`.gnu.version_d`). Throws an `elf` error if they are damaged. */
export function definedVersionsOf(elf: ElfFile): readonly ByteString[] {
  const table = versionTable(elf, tag.defined, tag.definedCount);
  if (table === undefined) return [];
  return [...table.records(definition, 0, table.count)].flatMap(({ at, record }) => {
    if ((record.flags & flag.base) !== 0) return [];
    return [...table.records(definedName, at + record.auxiliary, 1)].map((name) =>
      table.text(name.record.name),
    );
  });
}

/** The symbol versions that a file cannot do without, in its order (`.gnu.version_r`). Throws an `elf` error if they are damaged. */
export function neededVersionsOf(elf: ElfFile): readonly NeededVersion[] {
  const table = versionTable(elf, tag.needed, tag.neededCount);
  if (table === undefined) return [];
  return [...table.records(need, 0, table.count)].flatMap(({ at, record }) => {
    const library = table.text(record.file);
    return [...table.records(neededName, at + record.auxiliary, record.count)]
      .filter((name) => (name.record.flags & flag.weak) === 0)
      .map((name) => ({ library, version: table.text(name.record.name) }));
  });
}

function versionTable(elf: ElfFile, addressTag: bigint, countTag: bigint): VersionTable | undefined {
  const entries = dynamicEntriesOf(elf);
  const address = entries.find(([key]) => key === addressTag)?.[1];
  const count = entries.find(([key]) => key === countTag)?.[1];
  if (address === undefined || count === undefined) return undefined;
  const segment = loadedSegmentAt(elf, address);
  if (segment === undefined) throw elfError(elf.subject, 'the symbol versions lie outside the file');
  // Nothing tells how long the table is: its records must be in the same segment.
  const bytes = contentOfSegment(elf, segment).subarray(Number(address - segment.virtualAddress));
  return new VersionTable(elf, { bytes, count: Number(count), strings: stringTableOf(elf, entries) });
}

/** Records that are chained by their `next`, and the names that they refer to. */
class VersionTable {
  readonly count: number;
  readonly #elf: ElfFile;
  readonly #bytes: Buffer;
  readonly #strings: Buffer;
  #recordsLeft = maximumRecords;

  constructor(
    elf: ElfFile,
    parts: { readonly bytes: Buffer; readonly count: number; readonly strings: Buffer },
  ) {
    this.#elf = elf;
    this.count = parts.count;
    this.#bytes = parts.bytes;
    this.#strings = parts.strings;
  }

  text(offset: number): ByteString {
    return stringAt(this.#elf, this.#strings, BigInt(offset));
  }

  *records<Name extends string>(
    layout: RecordLayout & { readonly fields: readonly (readonly [Name, number, 2 | 4])[] },
    start: number,
    count: number,
  ): Generator<{ readonly at: number; readonly record: Readonly<Record<Name | 'next', number>> }> {
    let at = start;
    for (let left = count; left > 0; left -= 1) {
      const end = at + layout.sizeBytes;
      if (end > this.#bytes.length) throw this.#damaged('outside their segment');
      if (this.#recordsLeft === 0) throw this.#damaged('too many, or overlap');
      this.#recordsLeft -= 1;
      const record = decodeRecord(layout, this.#bytes.subarray(at, end)) as Record<Name | 'next', number>;
      yield { at, record };
      if (record.next === 0) return;
      at += record.next;
    }
  }

  #damaged(how: string): Error {
    return elfError(this.#elf.subject, `the symbol versions are damaged: their records are ${how}`);
  }
}
