import type { ByteString } from '../base/image-path.ts';
import { isGnuHeader } from './header.ts';
import { blockBytes } from './layout.ts';
import { sparseMapKey } from './pax.ts';
import type { Span } from './span-feeder.ts';
import {
  checkRegions,
  realSizeOfHeader,
  regionsOfExtension,
  regionsOfHeader,
  regionsOfNumbers,
  SparseMapCollector,
  type SparseRegion,
  sparseDecimal,
} from './sparse-map.ts';
import type { TarEntry } from './tar-entry.ts';
import { type TarPlace, tarError } from './tar-error.ts';

export interface SparseSource {
  /** As its header says: with the stored size and perhaps a stand-in name. */
  readonly entry: TarEntry;
  /** The entry's header block; it is reused after the call. */
  readonly block: Buffer;
  readonly records: (key: ByteString) => ByteString | undefined;
  readonly maxMapBytes: number;
  readonly place: TarPlace;
  /** Goes on once the map is read: the entry as it really is, how many bytes are stored, and where they belong. */
  readonly show: (entry: TarEntry, storedBytes: number, regions: readonly SparseRegion[]) => Span;
}

/**
 * Reads the sparse map of an entry, in whichever of the four forms it is (GNU tar manual, "Sparse Formats");
 * undefined if the entry is not sparse.
 */
export function readSparse(source: SparseSource): Span | undefined {
  const form = formOf(source);
  if (form === undefined) return undefined;
  if (source.entry.type !== 'file') throw tarError(source.place, `a sparse ${source.entry.type}`);
  switch (form) {
    case 'old-gnu':
      return readOldGnu(source);
    case 'pax-0':
      return readPax0(source);
    case 'pax-1':
      return readPax1(source);
  }
}

function formOf({ entry, records, place }: SparseSource): 'old-gnu' | 'pax-0' | 'pax-1' | undefined {
  if (entry.typeFlag === 'S') return 'old-gnu';
  const major = records('GNU.sparse.major');
  const minor = records('GNU.sparse.minor');
  if (major === undefined && minor === undefined) {
    return records(sparseMapKey) === undefined ? undefined : 'pax-0';
  }
  if (major === '0' && (minor === '0' || minor === '1')) return 'pax-0';
  if (major === '1' && minor === '0') return 'pax-1';
  throw tarError(place, `the sparse form ${major ?? '?'}.${minor ?? '?'} is not known`);
}

function readOldGnu(source: SparseSource): Span {
  const { entry, block, place } = source;
  // star writes this type as well, with its map elsewhere.
  if (!isGnuHeader(block)) throw tarError(place, "a sparse file in a form other than GNU tar's");
  const expanded = { ...entry, sizeBytes: realSizeOfHeader(block, place) };
  const { regions, isExtended } = regionsOfHeader(block, place);
  const finish = (all: readonly SparseRegion[]) => finishMap(source, expanded, entry.sizeBytes, all);
  return isExtended ? readExtensions(source, [...regions], finish) : finish(regions);
}

function readExtensions(
  source: SparseSource,
  regions: SparseRegion[],
  finish: (regions: readonly SparseRegion[]) => Span,
): Span {
  let mapBytes = 0;
  const take = (block: Buffer): Span => {
    mapBytes += blockBytes;
    checkMapSize(mapBytes, source);
    const more = regionsOfExtension(block, source.place);
    regions.push(...more.regions);
    return more.isExtended ? next : finish(regions);
  };
  const next: Span = { kind: 'block', what: () => 'a sparse map', mayEnd: false, take };
  return next;
}

function readPax0(source: SparseSource): Span {
  const map = source.records(sparseMapKey);
  const regions = regionsOfNumbers(map === undefined ? [] : map.split(','), source.place);
  return finishMap(source, expandedEntry(source), source.entry.sizeBytes, regions);
}

function readPax1(source: SparseSource): Span {
  const collector = new SparseMapCollector(source.place);
  const expanded = expandedEntry(source);
  let mapBytes = 0;
  const take = (block: Buffer): Span => {
    mapBytes += blockBytes;
    checkMapSize(mapBytes, source);
    const regions = collector.take(block);
    if (mapBytes > source.entry.sizeBytes)
      throw tarError(source.place, 'the sparse map is longer than the data');
    return regions === undefined
      ? next
      : finishMap(source, expanded, source.entry.sizeBytes - mapBytes, regions);
  };
  const next: Span = { kind: 'block', what: () => 'a sparse map', mayEnd: false, take };
  return next;
}

function finishMap(
  source: SparseSource,
  expanded: TarEntry,
  storedBytes: number,
  regions: readonly SparseRegion[],
): Span {
  const sizes = { expandedBytes: expanded.sizeBytes, storedBytes };
  return source.show(expanded, storedBytes, checkRegions(regions, sizes, source.place));
}

function checkMapSize(mapBytes: number, { maxMapBytes, place }: SparseSource): void {
  if (mapBytes > maxMapBytes) throw tarError(place, `a sparse map of more than ${maxMapBytes} bytes`);
}

/** The PAX forms keep the real name and size in records, so that other readers do not overwrite the file. */
function expandedEntry({ entry, records, place }: SparseSource): TarEntry {
  const size = records('GNU.sparse.size') ?? records('GNU.sparse.realsize');
  if (size === undefined) throw tarError(place, 'a sparse file without its size');
  return {
    ...entry,
    name: records('GNU.sparse.name') ?? entry.name,
    sizeBytes: sparseDecimal(size, place),
  };
}
