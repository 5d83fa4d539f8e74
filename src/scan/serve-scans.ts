import { readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { fileBlob, type ReadInto } from '../image/file-blob.ts';
import type { ByteStream } from '../image/image.ts';
import { needsNoCopies } from '../tar/codec/decompress.ts';
import type { ThreadObserver } from './layer-visitor.ts';
import { packedEntriesOf } from './packed-index.ts';
import { type ScanLayerOptions, scanLayer } from './scan-layer.ts';
import {
  type FromScanThread,
  type OrderedFile,
  packError,
  type ScanOutcome,
  type ToScanThread,
} from './scan-messages.ts';

/** Makes observers, by their names, of their `threadInput`. */
export type ObserverMakers = Readonly<Record<string, (input: unknown) => ThreadObserver>>;

/** Lists layers for another thread, which sends their bytes or says in which file they are, until that ends this one. */
export function serveScans(port: MessagePort, observers: ObserverMakers): void {
  const post: Post = (message, memory = []) => port.postMessage(message, memory);
  let source: Source | undefined;
  port.on('message', (message: ToScanThread) => {
    if (message.kind !== 'scan') {
      source?.add(message);
      return;
    }
    source = message.file ? new FileSource(message, message.file, post) : new ArrivingBlob(post);
    void scan(message, source, observers).then((outcome) => post(outcome, memoryOf(outcome)));
  });
  post({ kind: 'ready' });
}

type Order = Extract<ToScanThread, { kind: 'scan' }>;
type Post = (message: FromScanThread, memory?: readonly ArrayBuffer[]) => void;

/** Where the bytes of a layer come from. */
interface Source {
  open(): ByteStream;
  readonly options: Pick<ScanLayerOptions, 'onRead' | 'signal'>;
  /** Hears what the other thread says about it. */
  add(message: ToScanThread): void;
}

async function scan(order: Order, source: Source, observers: ObserverMakers): Promise<ScanOutcome> {
  const { layer, subject, observer: wanted } = order;
  const observer = wanted && observers[wanted.name]?.(wanted.input);
  try {
    const open = () => source.open();
    const options = { ...source.options, subject, ...(observer && { observer }) };
    const index = await scanLayer({ ...layer, open }, options);
    const { sizeBytes, ignoredKeys } = index;
    const facts = { sizeBytes, ...(ignoredKeys && { ignoredKeys }) };
    return { kind: 'done', facts, packed: packedEntriesOf(index), observed: observer?.seen() };
  } catch (error) {
    return error === sourceBroken ? { kind: 'broken' } : { kind: 'failed', error: packError(error) };
  }
}

/** Packed entries are alone in their memory. */
function memoryOf(outcome: ScanOutcome): readonly ArrayBuffer[] {
  return outcome.kind === 'done' ? [outcome.packed.bytes.buffer as ArrayBuffer] : [];
}

/** Stands for the error that the other thread has. */
const sourceBroken = new Error('the blob could not be read');

/** A blob in a file that the other thread holds open, read here. */
class FileSource implements Source {
  readonly #order: Order;
  readonly #file: OrderedFile;
  readonly #abort = new AbortController();
  readonly options: Source['options'];

  constructor(order: Order, file: OrderedFile, post: Post) {
    this.#order = order;
    this.#file = file;
    const onRead = (sizeBytes: number) => post({ kind: 'read', sizeBytes });
    this.options = { signal: this.#abort.signal, onRead };
  }

  open(): ByteStream {
    const { where, ...part } = this.#file;
    const { descriptor } = this.#order.layer;
    const hold = async () => ({ ...part, release: async () => {} });
    return fileBlob({ descriptor, where, hold, read: readHere });
  }

  add(message: ToScanThread): void {
    if (message.kind === 'abort') this.#abort.abort();
  }
}

/** A thread that has nothing else to do need not read in the background; between pieces it hears messages. */
const readHere: ReadInto = async (fd, memory, at, sizeBytes, position) => {
  await setImmediate();
  return readSync(fd, memory, at, sizeBytes, position);
};

/** The bytes of a blob as the other thread sends them. */
class ArrivingBlob implements Source {
  readonly options = {};
  readonly #post: Post;
  readonly #messages: ToScanThread[] = [];
  #wake: (() => void) | undefined;

  constructor(post: Post) {
    this.#post = post;
  }

  open(): ByteStream {
    return this.#pieces();
  }

  add(message: ToScanThread): void {
    this.#messages.push(message);
    this.#wake?.();
  }

  async *#pieces(): ByteStream {
    let isLent: boolean | undefined;
    for (;;) {
      const message = this.#messages.shift() ?? (await this.#next());
      if (message.kind === 'broken') throw sourceBroken;
      if (message.kind !== 'piece') return;
      const memory = message.bytes.buffer as ArrayBuffer;
      const piece = Buffer.from(memory, 0, message.bytes.byteLength);
      isLent ??= needsNoCopies(piece);
      yield isLent ? piece : Buffer.from(piece);
      this.#post({ kind: 'taken', memory }, [memory]);
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
