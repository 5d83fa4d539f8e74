import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Layer } from '../image/image.ts';
import { hasNodeZstd } from '../tar/codec/unzstd.ts';
import type { LayerIndex } from './layer-index.ts';
import { decodeLayerIndex } from './layer-index-codec.ts';
import { type ScanLayerOptions, storedBytes } from './scan-layer.ts';
import { type FromScanThread, type ScanOutcome, type ToScanThread, unpackError } from './scan-messages.ts';

/** Starting a thread takes as long as reading this much. */
const worthwhileBytes = 16_000_000;

/** Pieces are sent in this size, and each thread has so many, which come back to be filled again. */
const pieceBytes = 1 << 19;
const pieceCount = 4;

/**
 * Which layers should be listed in threads: none unless there are processors for several, and enough to read beside the largest
 * layer. Small images are read before a thread has started. Gzip, and zstd where Node has it, are decompressed by threads of Node's
 * own while this one lists: others would only take more memory.
 */
export function layersForThreads(
  layers: readonly Layer[],
  processors = availableParallelism(),
): readonly Layer[] {
  const wanted = layers.filter(({ descriptor: { mediaType } }) => !decompressedByNode.test(mediaType));
  const sizes = wanted.map(({ descriptor }) => descriptor.sizeBytes);
  const sum = sizes.reduce((total, size) => total + size, 0);
  return processors > 1 && sum - Math.max(0, ...sizes) >= worthwhileBytes ? wanted : [];
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
const youngSpaceMegabytes = 8;

/** Threads that list layers, each one at a time, while this one reads them. */
export class ScanThreads {
  readonly #idle: ScanThread[];
  readonly #all: readonly ScanThread[];

  /** Undefined if threads cannot be started here: then layers are listed without. */
  static async start(program: string, count: number): Promise<ScanThreads | undefined> {
    const threads = Array.from({ length: count }, () => new ScanThread(program));
    const started = await Promise.all(threads.map((thread) => thread.isReady));
    if (started.every(Boolean)) return new ScanThreads(threads);
    await Promise.all(threads.map((thread) => thread.end()));
    return undefined;
  }

  private constructor(threads: readonly ScanThread[]) {
    this.#all = threads;
    this.#idle = [...threads];
  }

  /** As `scanLayer`, for no more layers at a time than there are threads. */
  async scan(layer: Layer, options: ScanLayerOptions): Promise<LayerIndex> {
    const thread = this.#idle.pop();
    if (thread === undefined) throw new RangeError('all threads are busy');
    try {
      return await thread.scan(layer, options);
    } finally {
      this.#idle.push(thread);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((thread) => thread.end()));
  }
}

class ScanThread {
  readonly #worker: Worker;
  /** False if it ended before it could do anything. */
  readonly isReady: Promise<boolean>;
  readonly #free: Buffer[] = [];
  /** Called when something was taken, or when the listing has ended. */
  #wake: () => void = () => {};
  #outcome: ScanOutcome | undefined;
  #failure: unknown;

  constructor(program: string) {
    this.#worker = new Worker(program, {
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: youngSpaceMegabytes },
    });
    this.isReady = new Promise((resolve) => {
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

  async scan(layer: Layer, options: ScanLayerOptions): Promise<LayerIndex> {
    const { observer, subject } = options;
    const { descriptor, diffId } = layer;
    this.#outcome = undefined;
    // A listing that failed has kept some.
    while (this.#free.length < pieceCount) this.#free.push(Buffer.allocUnsafeSlow(pieceBytes));
    const name = observer?.threadName;
    this.#post({
      ...{ kind: 'scan', layer: { descriptor, diffId }, subject },
      ...(name !== undefined && { observer: { name, input: observer?.threadInput } }),
    });
    const sourceError = await this.#send(layer, options).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    this.#post({ kind: sourceError ? 'broken' : 'end' });
    const outcome = await this.#ended();
    // What was wrong with the bytes before came first.
    if (outcome.kind === 'failed') throw unpackError(outcome.error);
    if (sourceError) throw sourceError.error;
    if (outcome.kind === 'broken') throw new RangeError('a thread gave up a layer that was read');
    observer?.add?.(outcome.observed);
    const { buffer, byteOffset, byteLength } = outcome.index;
    return decodeLayerIndex(Buffer.from(buffer, byteOffset, byteLength));
  }

  end(): Promise<number> {
    return this.#worker.terminate();
  }

  /** Sends the blob, at the pace at which it is taken, unless the listing fails on the way. Throws what reading it throws. */
  async #send(layer: Layer, options: ScanLayerOptions): Promise<void> {
    let filling: Buffer | undefined;
    let sizeBytes = 0;
    for await (const piece of storedBytes(layer, options)) {
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
    if (message.kind === 'taken') this.#free.push(Buffer.from(message.memory));
    else this.#outcome = message;
    this.#wake();
  }

  #post(message: ToScanThread, memory: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, memory);
  }
}
