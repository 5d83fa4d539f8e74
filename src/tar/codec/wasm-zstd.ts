import { ZSTDDecoder } from 'zstddec/stream';

/** What the library's WebAssembly exports: zstd's own functions. Pointers and sizes have 32 bits. */
interface Zstd {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(sizeBytes: number): number;
  free(pointer: number): void;
  ZSTD_createDCtx(): number;
  ZSTD_freeDCtx(context: number): number;
  ZSTD_decompressStream(context: number, output: number, input: number): number;
}

/** Larger pieces are given in parts. */
const inputBytes = 1 << 18;
const outputBytes = 1 << 18;

/** zstd.h: `ZSTD_inBuffer` and `ZSTD_outBuffer`, each pointer, size, position. The two are one after the other. */
const bufferBytes = 12;
const sizeOffset = 4;
const positionOffset = 8;

/** zstd_errors.h, in its own words. */
const errors: Readonly<Record<number, string>> = {
  20: 'Data corruption detected',
  22: "Restored data doesn't match checksum",
};

/** ZSTD_error_memory_allocation: all decoders together have 2 GiB. */
const allocationError = 64;

let loaded: Promise<Zstd> | undefined;

/** The library has a generator over pieces that are all there; what is read while it arrives needs the functions below it. */
function loadZstd(): Promise<Zstd> {
  loaded ??= new Promise((resolve, reject) => {
    const decoder = new ZSTDDecoder();
    const take = decoder._init;
    decoder._init = (result) => {
      take(result);
      resolve(result.instance.exports as unknown as Zstd);
    };
    decoder.init().catch(reject);
  });
  // What fails for want of memory may succeed later.
  loaded.catch(() => {
    loaded = undefined;
  });
  return loaded;
}

/** zstd's decoder as WebAssembly. It has to be freed: its memory is outside of what is collected. */
export class WasmZstd {
  readonly #zstd: Zstd;
  readonly #context: number;
  readonly #input: number;
  readonly #output: number;
  /** Of both buffers. */
  readonly #state: number;
  readonly #piece = Buffer.allocUnsafeSlow(outputBytes);

  /** Throws a RangeError if there is not enough memory. */
  static async create(): Promise<WasmZstd> {
    return new WasmZstd(await loadZstd());
  }

  private constructor(zstd: Zstd) {
    this.#zstd = zstd;
    this.#context = zstd.ZSTD_createDCtx();
    this.#input = zstd.malloc(inputBytes);
    this.#output = zstd.malloc(outputBytes);
    this.#state = zstd.malloc(2 * bufferBytes);
    if (![this.#context, this.#input, this.#output, this.#state].includes(0)) return;
    this.free();
    throw new RangeError('zstd: not enough memory for a decoder');
  }

  /**
   * What comes out for the next bytes of the stream; each piece is good until the next one is asked for. Throws an `Error`
   * with zstd's own words on damage, a RangeError if there is not enough memory for the frame's window.
   */
  *push(bytes: Buffer): Generator<Buffer> {
    for (let at = 0; at < bytes.length; at += inputBytes)
      yield* this.#take(bytes.subarray(at, at + inputBytes));
  }

  free(): void {
    const { free, ZSTD_freeDCtx } = this.#zstd;
    ZSTD_freeDCtx(this.#context);
    for (const pointer of [this.#input, this.#output, this.#state]) free(pointer);
  }

  *#take(piece: Buffer): Generator<Buffer> {
    this.#bytesAt(this.#input, piece.length).set(piece);
    this.#setBuffer(this.#state, this.#input, piece.length);
    for (let isDone = false; !isDone; ) {
      this.#setBuffer(this.#state + bufferBytes, this.#output, outputBytes);
      const status = this.#zstd.ZSTD_decompressStream(this.#context, this.#state + bufferBytes, this.#state);
      if (status === -allocationError)
        throw new RangeError('zstd: not enough memory for the window of a frame');
      if (status < 0) throw new Error(errors[-status] ?? `zstd error ${-status}`);
      const writtenBytes = this.#positionOf(this.#state + bufferBytes);
      isDone = this.#positionOf(this.#state) === piece.length && writtenBytes < outputBytes;
      if (writtenBytes === 0) continue;
      // The decoder's own memory moves when it grows, for another decoder too.
      this.#piece.set(this.#bytesAt(this.#output, writtenBytes));
      yield this.#piece.subarray(0, writtenBytes);
    }
  }

  #setBuffer(at: number, pointer: number, sizeBytes: number): void {
    const view = new DataView(this.#zstd.memory.buffer, at, bufferBytes);
    view.setUint32(0, pointer, true);
    view.setUint32(sizeOffset, sizeBytes, true);
    view.setUint32(positionOffset, 0, true);
  }

  #positionOf(at: number): number {
    return new DataView(this.#zstd.memory.buffer).getUint32(at + positionOffset, true);
  }

  /** Taken anew each time: when the memory grows, older views are empty. */
  #bytesAt(pointer: number, sizeBytes: number): Uint8Array {
    return new Uint8Array(this.#zstd.memory.buffer, pointer, sizeBytes);
  }
}
