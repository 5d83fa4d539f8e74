import { gnuFields, gnuSparseFields, type TarField } from './layout.ts';
import { readNumber } from './number-field.ts';
import { type TarPlace, tarError } from './tar-error.ts';

/** Enough for any number that is accepted; longer ones are not worth collecting. */
const maxDigits = 19;

/** A part of a sparse file that is stored; between such parts are zeros. */
export interface SparseRegion {
  /** In the expanded file. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * Checks that regions are in order, do not overlap, lie within the expanded size and take up exactly the stored bytes;
 * leaves out the empty ones. Throws a `tar` error.
 */
export function checkRegions(
  regions: readonly SparseRegion[],
  sizes: { readonly expandedBytes: number; readonly storedBytes: number },
  place: TarPlace,
): readonly SparseRegion[] {
  let end = 0;
  let stored = 0;
  for (const region of regions) {
    if (region.offset < end) throw tarError(place, 'the sparse map is not in order');
    end = region.offset + region.sizeBytes;
    stored += region.sizeBytes;
    if (end > sizes.expandedBytes) {
      throw tarError(place, `the sparse map reaches to ${end}, the file to ${sizes.expandedBytes}`);
    }
  }
  if (stored !== sizes.storedBytes) {
    throw tarError(place, `the sparse map names ${stored} stored bytes, there are ${sizes.storedBytes}`);
  }
  return regions.filter((region) => region.sizeBytes > 0);
}

/** The regions in a header block of GNU's old format, and whether a block with more of them follows. */
export function regionsOfHeader(block: Buffer, place: TarPlace): RegionBlock {
  return regionsOfBlock(block, gnuFields, place);
}

/** The same for a block that continues the map. */
export function regionsOfExtension(block: Buffer, place: TarPlace): RegionBlock {
  return regionsOfBlock(block, gnuSparseFields, place);
}

export interface RegionBlock {
  readonly regions: readonly SparseRegion[];
  readonly isExtended: boolean;
}

/** The size of the expanded file in a header block of GNU's old format. */
export function realSizeOfHeader(block: Buffer, place: TarPlace): number {
  return sparseNumber(readNumber(block, gnuFields.realSize), place);
}

/** The regions in a list of decimal numbers: offset, size, offset, size, … (PAX forms 0.0 and 0.1). */
export function regionsOfNumbers(numbers: readonly string[], place: TarPlace): readonly SparseRegion[] {
  if (numbers.length % 2 !== 0) throw tarError(place, 'the sparse map has an odd number of numbers');
  const values = numbers.map((text) => sparseDecimal(text, place));
  return Array.from({ length: values.length / 2 }, (_, i) => ({
    offset: values[2 * i] as number,
    sizeBytes: values[2 * i + 1] as number,
  }));
}

/** A decimal number of a sparse map. Throws a `tar` error on anything else and beyond 2^53. */
export function sparseDecimal(text: string, place: TarPlace): number {
  return sparseNumber(/^\d+$/.test(text) ? Number(text) : Number.NaN, place);
}

/**
 * Takes in the map that begins the data of a sparse file in PAX form 1.0: lines with the number of regions, then offset
 * and size of each, filled up to a whole block. GNU tar manual, "PAX Format, Version 1.0".
 */
export class SparseMapCollector {
  readonly #place: TarPlace;
  readonly #lines: string[] = [];
  #open = '';

  constructor(place: TarPlace) {
    this.#place = place;
  }

  /** Takes one block; gives the regions once the map is complete. */
  take(block: Buffer): readonly SparseRegion[] | undefined {
    const parts = (this.#open + block.toString('latin1')).split('\n');
    this.#open = parts.pop() ?? '';
    this.#lines.push(...parts);
    const [count] = this.#lines;
    if (count === undefined) throw tarError(this.#place, 'the sparse map does not begin with a number');
    const needed = 1 + 2 * sparseDecimal(count, this.#place);
    if (this.#lines.length < needed) {
      if (this.#open.length > maxDigits)
        throw tarError(this.#place, 'a number of the sparse map is too long');
      return undefined;
    }
    return regionsOfNumbers(this.#lines.slice(1, needed), this.#place);
  }
}

function regionsOfBlock(
  block: Buffer,
  fields: { readonly sparse: TarField; readonly isExtended: TarField },
  place: TarPlace,
): RegionBlock {
  const { offset, sizeBytes } = fields.sparse;
  const regions: SparseRegion[] = [];
  // A region is two numbers of 12 bytes; the first one that is not filled in ends the list.
  for (let at = offset; at < offset + sizeBytes && block[at] !== 0; at += 24) {
    regions.push({
      offset: sparseNumber(readNumber(block, { offset: at, sizeBytes: 12 }), place),
      sizeBytes: sparseNumber(readNumber(block, { offset: at + 12, sizeBytes: 12 }), place),
    });
  }
  return { regions, isExtended: block[fields.isExtended.offset] !== 0 };
}

function sparseNumber(value: number, place: TarPlace): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw tarError(place, 'a number of the sparse map is not from 0 to 2^53 - 1');
}
