import { Capture } from '../base/capture.ts';
import { GscError } from '../base/error.ts';
import { type ByteString, type ImagePath, imagePath, parentOf } from '../base/image-path.ts';
import { type ElfFile, type ElfSegment, elfError, parseElf, segmentType, startsAsElf } from './elf.ts';
import {
  dynamicEntriesOf,
  dynamicLinksOf,
  interpreterOf,
  mostDynamicBytes,
  mostInterpreterBytes,
  stringRangeOf,
} from './elf-dynamic.ts';

/** What an ELF file says of the files that it needs. */
export interface ElfNeeds {
  readonly interpreter: ByteString | undefined;
  readonly needed: readonly ByteString[];
  /** DT_RPATH and DT_RUNPATH, `$ORIGIN` as it stands. */
  readonly searched: readonly ByteString[];
}

/** What a file needs; undefined for what is no intact ELF file for x86-64. */
export function elfNeedsOf(content: Buffer): ElfNeeds | undefined {
  if (!startsAsElf(content)) return undefined;
  return unlessDamaged(() => needsIn(parseElf(content, 'file')));
}

/** The directories that a file names itself, `$ORIGIN` being its own; those with other variables are left out. */
export function ownDirectories({ searched }: ElfNeeds, path: ImagePath): readonly ImagePath[] {
  return searched
    .map((entry) => entry.replace(/\$(ORIGIN\b|\{ORIGIN\})/g, () => parentOf(path)))
    .filter((entry) => entry.startsWith('/') && !entry.includes('$'))
    .map(imagePath);
}

/** Program headers come within these. */
const headBytes = 64 << 10;
/** PF_X and PF_W of System V ABI, "Program Header". */
const executable = 1;
const writable = 2;
/** Of the segments of a file that may have its names. */
const mostKeptBytes = 48 << 20;
/** Of all its names: the largest libraries have a tenth of that. */
const mostNamesBytes = 32 << 20;

/**
 * Finds out what an ELF file needs as it streams by. Of a large one it keeps the segments that may have the names until it has seen
 * the dynamic section, and names that come behind that section, where `patchelf` puts them.
 */
export class ElfNeedsProbe {
  readonly #sizeBytes: number;
  /** Of a file that comes in several pieces. */
  #head: Capture | undefined;
  #position = 0;
  /** What is kept of a file that is larger than the head. */
  #parts: ElfParts | undefined;
  #needs: ElfNeeds | undefined;
  #isSettled = false;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  push(piece: Buffer): void {
    if (this.#isSettled) return;
    if (piece.length === this.#sizeBytes) this.#settle(elfNeedsOf(piece));
    else if (!unlessDamaged(() => this.#take(piece))) this.#settle(undefined);
    this.#position += piece.length;
  }

  /**
   * When all has been pushed. Undefined for what is no intact ELF file for x86-64, and for a file that could not be looked into: its
   * names are elsewhere.
   */
  get needs(): ElfNeeds | undefined {
    if (!this.#isSettled) this.#settle(unlessDamaged(() => this.#parts?.needs));
    return this.#needs;
  }

  /** True as long as there is something to find. Throws an `elf` error for damage. */
  #take(piece: Buffer): boolean {
    if (this.#parts) return this.#parts.fill(piece, this.#position);
    this.#head ??= new Capture(0, Math.min(headBytes, this.#sizeBytes));
    this.#head.fill(piece, this.#position);
    if (!this.#head.isFull) return true;
    const head = this.#head.seen;
    if (head.length === this.#sizeBytes) {
      this.#settle(elfNeedsOf(head));
      return true;
    }
    this.#parts = new ElfParts(parseElf(head, 'file'), this.#sizeBytes);
    return this.#parts.fill(head, 0) && this.#parts.fill(piece, this.#position);
  }

  #settle(needs: ElfNeeds | undefined): void {
    this.#needs = needs;
    this.#isSettled = true;
    this.#parts = undefined;
  }
}

/** The parts of an ELF file that say what it needs. */
class ElfParts {
  readonly #elf: ElfFile;
  readonly #sizeBytes: number;
  readonly #interpreter: Part | undefined;
  readonly #dynamic: Part | undefined;
  /** Where the names may be, until it is known where they are. */
  #kept: readonly Part[];
  #names: Part | undefined;
  #isPlanned = false;

  /** `elf` has its head for bytes. Throws an `elf` error for parts that lie outside the file, and for parts that are too large. */
  constructor(elf: ElfFile, sizeBytes: number) {
    this.#elf = elf;
    this.#sizeBytes = sizeBytes;
    const partOf = (wanted: number, mostBytes: number) => {
      const segment = elf.segments.find(({ type }) => type === wanted);
      return segment && this.#part(segment, mostBytes);
    };
    this.#interpreter = partOf(segmentType.interpreter, mostInterpreterBytes);
    this.#dynamic = partOf(segmentType.dynamic, mostDynamicBytes);
    this.#kept = this.#dynamic ? this.#segmentsBefore(this.#dynamic.segment) : [];
  }

  /** False if the names have gone by. */
  fill(piece: Buffer, position: number): boolean {
    for (const part of [this.#interpreter, this.#dynamic, this.#names, ...this.#kept])
      part?.capture.fill(piece, position);
    if (this.#isPlanned || !this.#dynamic?.capture.isFull) return true;
    this.#isPlanned = true;
    const names = this.#namesBy(this.#dynamic);
    this.#names = names;
    // Whatever the sizes of pieces, what lies before the section comes from what was kept.
    const isBehind = names !== undefined && names.capture.offset >= this.#dynamic.capture.next;
    if (isBehind) names.capture.fill(piece, position);
    else for (const { capture } of this.#kept) names?.capture.fill(capture.seen, capture.offset);
    this.#letGo();
    return names === undefined || isBehind || names.capture.isFull;
  }

  /** Throws an `elf` error for damage, and if something has not come. */
  get needs(): ElfNeeds {
    this.#letGo();
    const parts = [this.#interpreter, this.#dynamic, this.#names].filter((part) => part !== undefined);
    if (parts.some(({ capture }) => !capture.isFull)) throw elfError('file', 'it is cut short');
    const segments: ElfSegment[] = [];
    let offset = 0n;
    for (const { segment, capture } of parts) {
      segments.push({ ...segment, offset });
      offset += BigInt(capture.seen.length);
    }
    return needsIn({
      ...this.#elf,
      segments,
      bytes: Buffer.concat(parts.map(({ capture }) => capture.seen)),
    });
  }

  #letGo(): void {
    for (const { capture } of this.#kept) capture.free();
    this.#kept = [];
  }

  /**
   * Linkers put the names into the first segment, if it has nothing that is executed; else into the first or, as that of Go does,
   * into one behind it. `patchelf` gives them one that can be written.
   */
  #segmentsBefore({ offset: end }: ElfSegment): readonly Part[] {
    const loaded = this.#elf.segments
      .filter(({ type, offset }) => type === segmentType.load && offset < end)
      .sort((a, b) => Number(a.offset - b.offset));
    const [first] = loaded;
    const isAnywhere = first !== undefined && (first.flags & executable) !== 0;
    const wanted = loaded.filter(
      (segment) => isAnywhere || segment === first || (segment.flags & writable) !== 0,
    );
    let room = BigInt(mostKeptBytes);
    return wanted.map((segment) => {
      const fileSizeBytes = least(segment.fileSizeBytes, end - segment.offset, room);
      room -= fileSizeBytes;
      return this.#part({ ...segment, fileSizeBytes }, mostKeptBytes);
    });
  }

  /** The names, as a segment of their own. */
  #namesBy({ segment, capture: { seen } }: Part): Part | undefined {
    const alone = { ...this.#elf, bytes: seen, segments: [{ ...segment, offset: 0n }] };
    const range = stringRangeOf(this.#elf, dynamicEntriesOf(alone));
    if (range === undefined) return undefined;
    const { address: virtualAddress, offset, sizeBytes: fileSizeBytes } = range;
    const load = { ...segment, type: segmentType.load, virtualAddress, offset };
    const { capture } = this.#part({ ...load, fileSizeBytes }, mostNamesBytes);
    // So that the address of a table without names is in it, too.
    return { capture, segment: { ...load, fileSizeBytes: fileSizeBytes + 1n } };
  }

  #part(segment: ElfSegment, mostBytes: number): Part {
    const { offset, fileSizeBytes } = segment;
    if (offset + fileSizeBytes > BigInt(this.#sizeBytes))
      throw elfError('file', 'a segment lies outside the file');
    if (fileSizeBytes > BigInt(mostBytes)) throw elfError('file', 'a part of it is too large');
    return { segment, capture: new Capture(Number(offset), Number(fileSizeBytes)) };
  }
}

interface Part {
  readonly segment: ElfSegment;
  readonly capture: Capture;
}

function least(...values: readonly bigint[]): bigint {
  return values.reduce((one, other) => (one < other ? one : other));
}

function needsIn(elf: ElfFile): ElfNeeds {
  const { needed, rpath, runpath } = dynamicLinksOf(elf);
  return { interpreter: interpreterOf(elf)?.path, needed, searched: [...rpath, ...runpath] };
}

function unlessDamaged<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    // A damaged file is not loaded; whether the program that starts is intact is checked elsewhere.
    if (error instanceof GscError && error.code === 'elf') return undefined;
    throw error;
  }
}
