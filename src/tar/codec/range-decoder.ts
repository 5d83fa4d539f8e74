/** Probabilities have 11 bits; a fresh one says that 0 and 1 are as likely. LZMA specification, "Range Decoder". */
const probabilityBits = 11;
const evenProbability = 1 << (probabilityBits - 1);
const adaptionShift = 5;
/** A range below 2^24 takes in another byte. */
const normalShift = 24;

/** Fresh probabilities for `count` decisions. */
export function evenProbabilities(count: number): Uint16Array {
  return new Uint16Array(count).fill(evenProbability);
}

/** Turns the order of unsigned numbers of 32 bits into that of signed ones. */
const signBit = 0x80000000 | 0;

/**
 * LZMA's arithmetic decoder over one chunk of input. Beyond the end it reads zeros; `isSpent` tells in the end. Its numbers
 * have 32 bits and are kept signed: V8 holds those without a box, which is four times as fast.
 */
export class RangeDecoder {
  readonly #input: Buffer;
  #at = 5;
  #range = -1;
  #code: number;

  /** The first byte of the five that every chunk starts with is 0; it holds nothing. */
  constructor(input: Buffer) {
    this.#input = input;
    this.#code = input.length < 5 ? 0 : input.readInt32BE(1);
  }

  /** True if exactly the whole input was used, as an encoder leaves it. */
  get isSpent(): boolean {
    return this.#at === this.#input.length && this.#code === 0;
  }

  /** One decision; its probability learns from it. */
  bit(probabilities: Uint16Array, index: number): 0 | 1 {
    const probability = probabilities[index] as number;
    const bound = Math.imul(this.#range >>> probabilityBits, probability);
    let bit: 0 | 1;
    if ((this.#code ^ signBit) < (bound ^ signBit)) {
      this.#range = bound;
      probabilities[index] = probability + (((1 << probabilityBits) - probability) >>> adaptionShift);
      bit = 0;
    } else {
      this.#range = (this.#range - bound) | 0;
      this.#code = (this.#code - bound) | 0;
      probabilities[index] = probability - (probability >>> adaptionShift);
      bit = 1;
    }
    if (this.#range >>> normalShift === 0) this.#normalize();
    return bit;
  }

  /** A number of `bits` bits, the highest first, each decided in the light of those before it. */
  tree(probabilities: Uint16Array, base: number, bits: number): number {
    let node = 1;
    for (let i = 0; i < bits; i++) node = (node << 1) | this.bit(probabilities, base + node);
    return node - (1 << bits);
  }

  /** As {@link tree}, the lowest bit first. */
  reverseTree(probabilities: Uint16Array, base: number, bits: number): number {
    let node = 1;
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.bit(probabilities, base + node);
      node = (node << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  /** A number of up to 26 bits that are as often 0 as 1. */
  direct(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i++) {
      this.#range = this.#range >>> 1;
      const bit = (this.#code ^ signBit) < (this.#range ^ signBit) ? 0 : 1;
      if (bit === 1) this.#code = (this.#code - this.#range) | 0;
      value = (value << 1) | bit;
      if (this.#range >>> normalShift === 0) this.#normalize();
    }
    return value;
  }

  /** Ends each decision, as the encoder does: the last byte of a chunk is read even if nothing follows. */
  #normalize(): void {
    this.#range = this.#range << 8;
    const at = this.#at++;
    this.#code = (this.#code << 8) | (at < this.#input.length ? (this.#input[at] as number) : 0);
  }
}
