import { evenProbabilities, RangeDecoder } from './range-decoder.ts';

/** How contexts are chosen: bits of the last byte, and of the position, that count. LZMA specification. */
export interface LzmaProperties {
  readonly literalContextBits: number;
  readonly literalPositionBits: number;
  readonly positionBits: number;
}

/** The bytes decoded so far, as far back as a match may reach, and room for those to come. */
export interface LzmaWindow {
  readonly bytes: Buffer;
  /** Where the next byte goes. */
  readonly end: number;
  /** Where the oldest byte lies that a match may copy. */
  readonly start: number;
}

/** What the last packets were, as a number: below 7 the last one was a literal. LZMA specification, "State". */
const firstStateAfterMatch = 7;
const stateCount = 12;
const positionStates = 16;
const shortestMatch = 2;
const lengthStates = 4;
const firstSlotWithDirectBits = 14;
const alignmentBits = 4;

/**
 * LZMA, as LZMA2 uses it: no end marker, every chunk with its own range decoder. What it learnt stays from chunk to
 * chunk until {@link reset}. Written from the LZMA specification by Igor Pavlov (public domain), its names spelled out.
 */
export class LzmaDecoder {
  #properties: LzmaProperties;
  #models: Models;
  #state = 0;
  /** The last four distances, less one, the latest first. */
  #distance0 = 0;
  #distance1 = 0;
  #distance2 = 0;
  #distance3 = 0;

  constructor(properties: LzmaProperties) {
    this.#properties = properties;
    this.#models = newModels(properties);
  }

  /** Forgets everything learnt. */
  reset(properties: LzmaProperties = this.#properties): void {
    this.#properties = properties;
    this.#models = newModels(properties);
    this.#state = 0;
    this.#remember(0, 0, 0, 0);
  }

  /**
   * Decodes one chunk into the window; `position` counts the bytes since the dictionary was reset. False if the chunk is
   * damaged: a match reaches too far back, or the input does not end with the output.
   */
  decode(input: Buffer, sizeBytes: number, window: LzmaWindow, position: number): boolean {
    const range = new RangeDecoder(input);
    const { bytes, start } = window;
    const last = window.end + sizeBytes;
    const positionMask = (1 << this.#properties.positionBits) - 1;
    for (let at = window.end; at < last; ) {
      const positionState = (position + at - window.end) & positionMask;
      if (range.bit(this.#models.isMatch, this.#state * positionStates + positionState) === 0) {
        bytes[at] = this.#literal(range, window, at, position + at - window.end);
        at += 1;
        continue;
      }
      const length = this.#match(range, positionState);
      const from = at - this.#distance0 - 1;
      if (from < start || at + length > last) return false;
      for (let i = 0; i < length; i++) bytes[at + i] = bytes[from + i] as number;
      at += length;
    }
    return range.isSpent;
  }

  #remember(first: number, second: number, third: number, fourth: number): void {
    this.#distance0 = first;
    this.#distance1 = second;
    this.#distance2 = third;
    this.#distance3 = fourth;
  }

  #literal(range: RangeDecoder, { bytes, start }: LzmaWindow, at: number, position: number): number {
    const { literalContextBits, literalPositionBits } = this.#properties;
    const before = at > start ? (bytes[at - 1] as number) : 0;
    const context =
      ((position & ((1 << literalPositionBits) - 1)) << literalContextBits) +
      (before >> (8 - literalContextBits));
    const base = 0x300 * context;
    let symbol = 1;
    if (this.#state >= firstStateAfterMatch) {
      const from = at - this.#distance0 - 1;
      let matched = from < start ? 0 : (bytes[from] as number);
      let offset = 0x100;
      while (symbol < 0x100) {
        matched <<= 1;
        const expected = matched & offset;
        const bit = range.bit(this.#models.literals, base + offset + expected + symbol);
        symbol = (symbol << 1) | bit;
        offset = bit === 1 ? expected : offset & ~expected;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | range.bit(this.#models.literals, base + symbol);
    const state = this.#state;
    this.#state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
    return symbol & 0xff;
  }

  /** Reads a match, sets its distance (less one) as the latest, and gives its length. */
  #match(range: RangeDecoder, positionState: number): number {
    const { isRepeated, matchLengths, repeatLengths } = this.#models;
    const isAfterLiteral = this.#state < firstStateAfterMatch;
    if (range.bit(isRepeated, this.#state) === 0) {
      const length = lengthOf(range, matchLengths, positionState);
      this.#state = isAfterLiteral ? 7 : 10;
      const distance = this.#readDistance(range, length);
      this.#remember(distance, this.#distance0, this.#distance1, this.#distance2);
      return length + shortestMatch;
    }
    if (this.#isShortRepeat(range, positionState)) {
      this.#state = isAfterLiteral ? 9 : 11;
      return 1;
    }
    const length = lengthOf(range, repeatLengths, positionState);
    this.#state = isAfterLiteral ? 8 : 11;
    return length + shortestMatch;
  }

  /** Chooses one of the last four distances; true for a single byte at the latest one. */
  #isShortRepeat(range: RangeDecoder, positionState: number): boolean {
    const { isRepeat0, isRepeat0Long, isRepeat1, isRepeat2 } = this.#models;
    if (range.bit(isRepeat0, this.#state) === 0) {
      return range.bit(isRepeat0Long, this.#state * positionStates + positionState) === 0;
    }
    const [first, second, third] = [this.#distance0, this.#distance1, this.#distance2];
    if (range.bit(isRepeat1, this.#state) === 0) this.#remember(second, first, third, this.#distance3);
    else if (range.bit(isRepeat2, this.#state) === 0) this.#remember(third, first, second, this.#distance3);
    else this.#remember(this.#distance3, first, second, third);
    return false;
  }

  #readDistance(range: RangeDecoder, length: number): number {
    const { slots, nearDistances, alignment } = this.#models;
    const slot = range.tree(slots, Math.min(length, lengthStates - 1) * 64, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) * 2 ** bits;
    if (slot < firstSlotWithDirectBits) return base + range.reverseTree(nearDistances, base - slot, bits);
    const high = range.direct(bits - alignmentBits) * (1 << alignmentBits);
    return base + high + range.reverseTree(alignment, 0, alignmentBits);
  }
}

interface LengthModels {
  /** Whether a length is beyond the lowest 8, and beyond the next 8. */
  readonly choice: Uint16Array;
  readonly low: Uint16Array;
  readonly middle: Uint16Array;
  readonly high: Uint16Array;
}

interface Models {
  readonly literals: Uint16Array;
  readonly isMatch: Uint16Array;
  readonly isRepeated: Uint16Array;
  readonly isRepeat0: Uint16Array;
  readonly isRepeat0Long: Uint16Array;
  readonly isRepeat1: Uint16Array;
  readonly isRepeat2: Uint16Array;
  readonly slots: Uint16Array;
  readonly nearDistances: Uint16Array;
  readonly alignment: Uint16Array;
  readonly matchLengths: LengthModels;
  readonly repeatLengths: LengthModels;
}

function newModels({ literalContextBits, literalPositionBits }: LzmaProperties): Models {
  return {
    literals: evenProbabilities(0x300 << (literalContextBits + literalPositionBits)),
    isMatch: evenProbabilities(stateCount * positionStates),
    isRepeated: evenProbabilities(stateCount),
    isRepeat0: evenProbabilities(stateCount),
    isRepeat0Long: evenProbabilities(stateCount * positionStates),
    isRepeat1: evenProbabilities(stateCount),
    isRepeat2: evenProbabilities(stateCount),
    slots: evenProbabilities(lengthStates * 64),
    nearDistances: evenProbabilities(128),
    alignment: evenProbabilities(1 << alignmentBits),
    matchLengths: newLengthModels(),
    repeatLengths: newLengthModels(),
  };
}

function newLengthModels(): LengthModels {
  return {
    choice: evenProbabilities(2),
    low: evenProbabilities(positionStates * 8),
    middle: evenProbabilities(positionStates * 8),
    high: evenProbabilities(256),
  };
}

/** A match's length, less {@link shortestMatch}. */
function lengthOf(range: RangeDecoder, models: LengthModels, positionState: number): number {
  if (range.bit(models.choice, 0) === 0) return range.tree(models.low, positionState * 8, 3);
  if (range.bit(models.choice, 1) === 0) return 8 + range.tree(models.middle, positionState * 8, 3);
  return 16 + range.tree(models.high, 0, 8);
}
