import type { MessagePort } from 'node:worker_threads';
import type { ByteStream } from '../image/image.ts';
import { sniffCompression } from '../tar/codec/compression.ts';
import { encodeLayerIndex } from './layer-index-codec.ts';
import type { ThreadObserver } from './layer-visitor.ts';
import { scanLayer } from './scan-layer.ts';
import { type FromScanThread, packError, type ScanOutcome, type ToScanThread } from './scan-messages.ts';

/** Makes observers, by their names, of their `threadInput`. */
export type ObserverMakers = Readonly<Record<string, (input: unknown) => ThreadObserver>>;

/** Lists layers for another thread, which sends their bytes, until that ends this one. */
export function serveScans(port: MessagePort, observers: ObserverMakers): void {
  const post = (message: FromScanThread, memory: readonly ArrayBuffer[] = []) =>
    port.postMessage(message, memory);
  let blob: ArrivingBlob | undefined;
  port.on('message', (message: ToScanThread) => {
    if (message.kind !== 'scan') {
      blob?.add(message);
      return;
    }
    blob = new ArrivingBlob((memory) => post({ kind: 'taken', memory }, [memory]));
    void scan(message, blob, observers).then((outcome) => post(outcome, memoryOf(outcome)));
  });
  post({ kind: 'ready' });
}

type Order = Extract<ToScanThread, { kind: 'scan' }>;

async function scan(order: Order, blob: ArrivingBlob, observers: ObserverMakers): Promise<ScanOutcome> {
  const { layer, subject, observer: wanted } = order;
  const observer = wanted && observers[wanted.name]?.(wanted.input);
  try {
    const open = () => blob.pieces();
    const index = await scanLayer({ ...layer, open }, { subject, ...(observer && { observer }) });
    return { kind: 'done', index: encodeLayerIndex(index), observed: observer?.seen() };
  } catch (error) {
    return error === sourceBroken ? { kind: 'broken' } : { kind: 'failed', error: packError(error) };
  }
}

/** The encoded index is alone in its memory. */
function memoryOf(outcome: ScanOutcome): readonly ArrayBuffer[] {
  return outcome.kind === 'done' ? [outcome.index.buffer as ArrayBuffer] : [];
}

/** Stands for the error that the other thread has. */
const sourceBroken = new Error('the blob could not be read');

/** The bytes of a blob as the other thread sends them. */
class ArrivingBlob {
  readonly #taken: (memory: ArrayBuffer) => void;
  readonly #messages: ToScanThread[] = [];
  #wake: (() => void) | undefined;

  constructor(taken: (memory: ArrayBuffer) => void) {
    this.#taken = taken;
  }

  add(message: ToScanThread): void {
    this.#messages.push(message);
    this.#wake?.();
  }

  /** Tars are read piece by piece; what decompresses keeps pieces for longer, and gets copies. */
  async *pieces(): ByteStream {
    let isTar: boolean | undefined;
    for (;;) {
      const message = this.#messages.shift() ?? (await this.#next());
      if (message.kind === 'broken') throw sourceBroken;
      if (message.kind !== 'piece') return;
      const memory = message.bytes.buffer as ArrayBuffer;
      const piece = Buffer.from(memory, 0, message.bytes.byteLength);
      isTar ??= sniffCompression(piece) === 'none';
      yield isTar ? piece : Buffer.from(piece);
      this.#taken(memory);
    }
  }

  async #next(): Promise<ToScanThread> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
    return this.#messages.shift() as ToScanThread;
  }
}
