import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type FileBlob, isFileBlob } from '../image/file-blob.ts';
import type { ByteStream, Layer } from '../image/image.ts';
import { hasNodeZstd } from '../tar/codec/unzstd.ts';
import type { LayerIndex } from './layer-index.ts';
import { packedIndex } from './packed-index.ts';
import { type ScanLayerOptions, storedBytes } from './scan-layer.ts';
import {
  type FromScanThread,
  type OrderedFile,
  type ScanOutcome,
  type ToScanThread,
  unpackError,
} from './scan-messages.ts';

/** Starting a thread takes as long as reading this much. */
const worthwhileBytes = 16_000_000;

/** Pieces are sent in this size, and each thread has so many, which come back to be filled again. */
const pieceBytes = 1 << 19;
const pieceCount = 4;

/**
 * True if layers should be listed in a thread beside this one: if there is a processor for it, and enough to read beside the
 * largest layer. Small images are read before a thread has started. Gzip, and zstd where Node has it, are decompressed by
 * threads of Node's own while this one lists: others would only take more memory.
 */
export function areWorthThreads(layers: readonly Layer[], processors = availableParallelism()): boolean {
  const sizes = layers
    .filter(({ descriptor: { mediaType } }) => !decompressedByNode.test(mediaType))
    .map(({ descriptor }) => descriptor.sizeBytes);
  const sum = sizes.reduce((total, size) => total + size, 0);
  return processors > 1 && sum - Math.max(0, ...sizes) >= worthwhileBytes;
}

/** What a layer really is only its bytes tell; by these it is guessed. */
const decompressedByNode = hasNodeZstd ? /gzip$|zstd$/ : /gzip$/;

/** The program of the threads, where it is: beside the bundle that this is part of. Undefined for one that was bundled without. */
export function scanThreadProgram(): string | undefined {
  if (typeof __GSC_SCAN_THREAD__ === 'undefined') return undefined;
  const path = fileURLToPath(new URL(__GSC_SCAN_THREAD__, import.meta.url));
  return existsSync(path) ? path : undefined;
}

/** What is listed lives on: a larger space for new objects saves nothing. */
const youngSpaceMegabytes = 2;

/** A thread that lists layers, one at a time. */
export class ScanThread {
  readonly #worker: Worker;
  /** False if it ended before it could do anything. */
  readonly #isReady: Promise<boolean>;
  readonly #free: Buffer[] = [];
  /** Called when something was taken, or when the listing has ended. */
  #wake: () => void = () => {};
  #outcome: ScanOutcome | undefined;
  #onRead: ScanLayerOptions['onRead'];
  #failure: unknown;

  /** Undefined if threads cannot be started here: then layers are listed without. */
  static async start(program: string): Promise<ScanThread | undefined> {
    const thread = new ScanThread(program);
    if (await thread.#isReady) return thread;
    await thread.end();
    return undefined;
  }

  private constructor(program: string) {
    this.#worker = new Worker(program, {
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: youngSpaceMegabytes },
    });
    this.#isReady = new Promise((resolve) => {
      this.#worker.on('message', (message: FromScanThread) => {
        if (message.kind === 'ready') resolve(true);
        else this.#hear(message);
      });
      this.#worker.on('error', (error) => {
        this.#failure = error;
      });
      this.#worker.on('exit', (code) => {
        this.#failure ??= new Error(`a thread that lists layers ended with ${code}`);
        resolve(false);
        this.#wake();
      });
    });
  }

  /** As `scanLayer`. */
  async scan(layer: Layer, options: ScanLayerOptions): Promise<LayerIndex> {
    const { observer } = options;
    const blob = layer.open();
    this.#outcome = undefined;
    const outcome = await (isFileBlob(blob)
      ? this.#scanFile(layer, options, blob)
      : this.#scanStream(layer, options, blob));
    if (outcome.kind === 'failed') throw unpackError(outcome.error);
    if (outcome.kind === 'broken') throw new RangeError('a thread gave up a layer that was read');
    observer?.add?.(outcome.observed);
    return packedIndex({ diffId: layer.diffId, ...outcome.facts }, outcome.packed);
  }

  /** The thread reads the file itself. */
  async #scanFile(layer: Layer, options: ScanLayerOptions, blob: FileBlob): Promise<ScanOutcome> {
    const { release, ...part } = await blob.hold();
    const abort = () => this.#post({ kind: 'abort' });
    const { signal } = options;
    try {
      this.#onRead = options.onRead;
      this.#order(layer, options, { ...part, where: blob.where });
      signal?.addEventListener('abort', abort);
      if (signal?.aborted) abort();
      return await this.#ended();
    } finally {
      signal?.removeEventListener('abort', abort);
      await release();
    }
  }

  async #scanStream(layer: Layer, options: ScanLayerOptions, blob: ByteStream): Promise<ScanOutcome> {
    // A listing that failed has kept some.
    while (this.#free.length < pieceCount) this.#free.push(Buffer.allocUnsafeSlow(pieceBytes));
    this.#order(layer, options);
    const sourceError = await this.#send(storedBytes(layer, options, blob)).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    this.#post({ kind: sourceError ? 'broken' : 'end' });
    const outcome = await this.#ended();
    // What was wrong with the bytes before came first.
    if (sourceError && outcome.kind !== 'failed') throw sourceError.error;
    return outcome;
  }

  #order({ descriptor, diffId }: Layer, { subject, observer }: ScanLayerOptions, file?: OrderedFile): void {
    const name = observer?.threadName;
    this.#post({
      ...{ kind: 'scan', layer: { descriptor, diffId }, subject },
      ...(name !== undefined && { observer: { name, input: observer?.threadInput } }),
      ...(file && { file }),
    });
  }

  end(): Promise<number> {
    return this.#worker.terminate();
  }

  /** Sends the blob, at the pace at which it is taken, unless the listing fails on the way. Throws what reading it throws. */
  async #send(stored: ByteStream): Promise<void> {
    let filling: Buffer | undefined;
    let sizeBytes = 0;
    for await (const piece of stored) {
      for (let at = 0; at < piece.length; ) {
        filling ??= await this.#emptyPiece();
        if (filling === undefined) return;
        const copied = piece.copy(filling, sizeBytes, at);
        at += copied;
        sizeBytes += copied;
        if (sizeBytes < pieceBytes) continue;
        this.#sendPiece(filling);
        [filling, sizeBytes] = [undefined, 0];
      }
    }
    if (filling) this.#sendPiece(filling.subarray(0, sizeBytes));
  }

  /** Undefined if the listing has ended. */
  async #emptyPiece(): Promise<Buffer | undefined> {
    while (this.#free.length === 0 && !this.#hasEnded) await this.#news();
    return this.#hasEnded ? undefined : this.#free.pop();
  }

  #sendPiece(bytes: Buffer): void {
    this.#post({ kind: 'piece', bytes }, [bytes.buffer as ArrayBuffer]);
  }

  get #hasEnded(): boolean {
    return this.#outcome !== undefined || this.#failure !== undefined;
  }

  async #ended(): Promise<ScanOutcome> {
    while (!this.#hasEnded) await this.#news();
    if (this.#outcome === undefined) throw this.#failure;
    return this.#outcome;
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #hear(message: Exclude<FromScanThread, { kind: 'ready' }>): void {
    if (message.kind === 'read') this.#onRead?.(message.sizeBytes);
    else if (message.kind === 'taken') this.#free.push(Buffer.from(message.memory));
    else this.#outcome = message;
    this.#wake();
  }

  #post(message: ToScanThread, memory: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, memory);
  }
}
