import type { ByteString, ImagePath } from '../base/image-path.ts';
import { type LibraryDataPlaces, libraryDataKinds } from '../elf/library-data.ts';
import type { FileFacts, LayerEntry, Ownership, ProgramFacts } from '../tree/entry.ts';
import type { PackedReader } from './packed-reader.ts';
import type { PackedWriter } from './packed-writer.ts';

/** The low bits of an entry's first byte. */
const tags = {
  file: 0,
  directory: 1,
  symlink: 2,
  hardlink: 3,
  fifo: 4,
  'character-device': 5,
  'block-device': 6,
  whiteout: 7,
  opaque: 8,
} as const;
const tagMask = 0x0f;
/** Flags beside the tag. */
const hasProgram = 0x10;
const hasContent = 0x20;
/** The owner's numbers are not both from 0 to 2^53 - 1 (tars may hold negative ones). */
const hasOddOwner = 0x40;

const programs = { script: 0, scriptWithArgument: 1, elf: 2 } as const;
/** Added to `programs.elf`. */
const hasInterpreter = 1;
const hasVersions = 4;
const hasLibraryPlaces = 8;

/** Writes an entry, with its path by what it shares with the one before. */
export function writeEntry(out: PackedWriter, entry: LayerEntry): void {
  out.byte(firstByteOf(entry));
  out.path(entry.path);
  if (entry.kind === 'whiteout' || entry.kind === 'opaque') return;
  if (entry.kind !== 'hardlink') writeOwnership(out, entry);
  if (entry.kind === 'hardlink' || entry.kind === 'symlink') out.string(entry.target);
  if (entry.kind === 'file') writeFacts(out, entry);
}

function writeFacts(out: PackedWriter, entry: FileFacts): void {
  out.count(entry.sizeBytes);
  out.sha256(entry.sha256);
  if (entry.program) writeProgram(out, entry.program);
  if (entry.content) out.bytes(entry.content);
}

function firstByteOf(entry: LayerEntry): number {
  const tag = tags[entry.kind === 'special' ? entry.type : entry.kind];
  const owner = 'mode' in entry && isOdd(entry) ? hasOddOwner : 0;
  if (entry.kind !== 'file') return tag | owner;
  return tag | owner | (entry.program ? hasProgram : 0) | (entry.content ? hasContent : 0);
}

function isOdd({ uid, gid }: Ownership): boolean {
  return !(Number.isSafeInteger(uid) && Number.isSafeInteger(gid) && uid >= 0 && gid >= 0);
}

function writeOwnership(out: PackedWriter, owner: Ownership): void {
  out.count(owner.mode);
  for (const id of [owner.uid, owner.gid]) {
    if (isOdd(owner)) out.double(id);
    else out.count(id);
  }
}

function writeProgram(out: PackedWriter, program: ProgramFacts): void {
  if (program.kind === 'script') {
    out.byte(program.argument === undefined ? programs.script : programs.scriptWithArgument);
    out.string(program.interpreter);
    if (program.argument !== undefined) out.string(program.argument);
    return;
  }
  const { machine, interpreter, definedVersions, libraryData } = program;
  const flags = (interpreter === undefined ? 0 : hasInterpreter) | (definedVersions ? hasVersions : 0);
  out.byte(programs.elf | flags | (libraryData ? hasLibraryPlaces : 0));
  out.count(machine);
  if (interpreter !== undefined) out.string(interpreter);
  if (definedVersions) writeStrings(out, definedVersions);
  // No place is empty: that stands for one that the library does not name.
  if (libraryData) for (const kind of libraryDataKinds) out.string(libraryData[kind] ?? '');
}

export function writeStrings(out: PackedWriter, strings: readonly ByteString[]): void {
  out.count(strings.length);
  for (const each of strings) out.string(each);
}

/** The entry that {@link writeEntry} wrote. Throws a RangeError for anything else. */
export function readEntry(from: PackedReader): LayerEntry {
  const first = from.byte();
  const path = from.path() as ImagePath;
  switch (first & tagMask) {
    case tags.file:
      return readFile(from, first, path);
    case tags.directory:
      return { kind: 'directory', path, ...readOwnership(from, first) };
    case tags.symlink:
      return { kind: 'symlink', path, ...readOwnership(from, first), target: from.string() };
    case tags.hardlink:
      return { kind: 'hardlink', path, target: from.string() as ImagePath };
    case tags.fifo:
      return { kind: 'special', path, ...readOwnership(from, first), type: 'fifo' };
    case tags['character-device']:
      return { kind: 'special', path, ...readOwnership(from, first), type: 'character-device' };
    case tags['block-device']:
      return { kind: 'special', path, ...readOwnership(from, first), type: 'block-device' };
    case tags.whiteout:
      return { kind: 'whiteout', path };
    case tags.opaque:
      return { kind: 'opaque', path };
    default:
      throw new RangeError(`unknown kind of entry: ${first}`);
  }
}

function readFile(from: PackedReader, first: number, path: ImagePath): LayerEntry {
  const { mode, uid, gid } = readOwnership(from, first);
  const sizeBytes = from.count();
  const sha256 = from.sha256();
  if ((first & (hasProgram | hasContent)) === 0)
    return { kind: 'file', path, mode, uid, gid, sizeBytes, sha256 };
  const program = (first & hasProgram) !== 0 ? { program: readProgram(from) } : {};
  const content = (first & hasContent) !== 0 ? { content: from.bytes() } : {};
  return { kind: 'file', path, mode, uid, gid, sizeBytes, sha256, ...program, ...content };
}

function readOwnership(from: PackedReader, first: number): Ownership {
  const mode = from.count();
  if ((first & hasOddOwner) !== 0) return { mode, uid: from.double(), gid: from.double() };
  return { mode, uid: from.count(), gid: from.count() };
}

function readProgram(from: PackedReader): ProgramFacts {
  const form = from.byte();
  switch (form) {
    case programs.script:
      return { kind: 'script', interpreter: from.string() };
    case programs.scriptWithArgument:
      return { kind: 'script', interpreter: from.string(), argument: from.string() };
    default:
      if ((form & ~(hasInterpreter | hasVersions | hasLibraryPlaces)) === programs.elf)
        return readElf(from, form);
      throw new RangeError(`unknown form of program: ${form}`);
  }
}

function readElf(from: PackedReader, form: number): ProgramFacts {
  const machine = from.count();
  const interpreter = (form & hasInterpreter) !== 0 ? { interpreter: from.string() } : {};
  const definedVersions = (form & hasVersions) !== 0 ? { definedVersions: readStrings(from) } : {};
  const libraryData = (form & hasLibraryPlaces) !== 0 ? { libraryData: readLibraryData(from) } : {};
  return { kind: 'elf', machine, ...interpreter, ...definedVersions, ...libraryData };
}

function readLibraryData(from: PackedReader): LibraryDataPlaces {
  const places = libraryDataKinds.map((kind) => [kind, from.string()] as const);
  return Object.fromEntries(places.filter(([, place]) => place !== ''));
}

export function readStrings(from: PackedReader): readonly ByteString[] {
  const count = from.count();
  if (count > from.leftBytes) throw new RangeError('there are fewer bytes than strings');
  return Array.from({ length: count }, () => from.string());
}
