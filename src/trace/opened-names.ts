import { type ByteString, type ImagePath, imagePath } from '../base/image-path.ts';
import { readTraceEvent, type TraceEvent } from './trace-event.ts';
import { type TraceMessage, TraceMessages } from './trace-messages.ts';

/** A file that was opened or executed, by its name inside the enclave. */
export interface OpenedName {
  /** Absolute and cleaned as text, as Gramine does it; links and mounts are not looked at. */
  readonly path: ImagePath;
  /** The program that opened it, and how often. */
  readonly byProgram: ReadonlyMap<ByteString, number>;
}

/** What a log says. */
export interface Trace {
  /** Opened for reading, or executed; sorted by path. */
  readonly opened: readonly OpenedName[];
  /** Opened for writing, or made; sorted. */
  readonly written: readonly ImagePath[];
  readonly processCount: number;
}

/**
 * Reads a log at the level `trace`, whole or in pieces that are cut anywhere. `startDirectory` is `fs.start_dir`: what relative
 * names of the first process are relative to.
 */
export async function readTrace(
  log: AsyncIterable<Buffer> | Iterable<Buffer>,
  { startDirectory }: { readonly startDirectory: ImagePath },
): Promise<Trace> {
  const messages = new TraceMessages();
  const processes = new Processes(startDirectory);
  for await (const piece of log) {
    for (const message of messages.push(piece.toString('latin1'))) processes.see(message);
  }
  for (const message of messages.end()) processes.see(message);
  return processes.trace();
}

/** What a name of a process is relative to. Children begin with a copy of their parent's. */
interface Place {
  directory: ImagePath;
  readonly descriptors: Map<number, ImagePath>;
}

class Processes {
  readonly #places = new Map<string, Place>();
  readonly #counts = new Map<ImagePath, Map<ByteString, number>>();
  readonly #written = new Set<ImagePath>();
  /** What a thread waits for, by process and thread. */
  readonly #pending = new Map<string, TraceEvent & { readonly kind: 'started' }>();
  /** The places of processes at the moment when they began to make another one. */
  readonly #making = new Map<string, Place>();
  /** The same of processes that were made and have not said anything yet, by the number of their first thread. */
  readonly #born = new Map<string, Place>();
  /** Programs that threads have asked for, and the program that asked. */
  readonly #executing = new Map<string, { readonly path: ImagePath; readonly program: ByteString }>();
  readonly #startDirectory: ImagePath;

  constructor(startDirectory: ImagePath) {
    this.#startDirectory = startDirectory;
  }

  see(message: TraceMessage): void {
    const event = readTraceEvent(message.text);
    const place = this.#placeOf(message);
    const key = `${message.process}:${message.thread}`;
    if (event?.kind !== 'returned') this.#endExecuting(key);
    if (event === undefined) return;
    if (event.kind === 'started') this.#start(key, event, { message, place });
    else if (event.kind === 'returned') this.#return(key, event, message, place);
    else this.#apply(event, message, place);
  }

  trace(): Trace {
    for (const key of [...this.#executing.keys()]) this.#endExecuting(key);
    const opened = [...this.#counts].map(([path, byProgram]) => ({ path, byProgram: sorted(byProgram) }));
    return {
      opened: opened.sort((a, b) => (a.path < b.path ? -1 : 1)),
      written: [...this.#written].sort(),
      processCount: this.#places.size,
    };
  }

  /**
   * A process that was not seen before begins with what its parent had when it was made. Its first message may come before
   * its parent knows its number: then it is the child of whoever has been making one for the longest time.
   */
  #placeOf({ process, thread }: TraceMessage): Place {
    const known = this.#places.get(process);
    if (known) return known;
    const place = this.#bornAs(thread) ?? { directory: this.#startDirectory, descriptors: new Map() };
    this.#places.set(process, place);
    return place;
  }

  #bornAs(thread: string): Place | undefined {
    const born = this.#born.get(thread);
    if (born !== undefined) {
      this.#born.delete(thread);
      return born;
    }
    const [maker, parent] = this.#making.entries().next().value ?? [];
    if (maker !== undefined) this.#making.delete(maker);
    return parent;
  }

  #start(
    key: string,
    event: TraceEvent & { readonly kind: 'started' },
    { message, place }: { readonly message: TraceMessage; readonly place: Place },
  ): void {
    this.#pending.set(key, event);
    if (event.makesProcess) this.#making.set(key, copyOf(place));
    const path = event.event?.kind === 'execute' ? resolveIn(place, event.event.name) : undefined;
    if (path !== undefined) this.#executing.set(key, { path, program: message.program });
  }

  /** A program that is started in place of another one does not return: what the thread says next is the new one's. */
  #endExecuting(key: string): void {
    const started = this.#executing.get(key);
    if (started === undefined) return;
    this.#executing.delete(key);
    this.#pending.delete(key);
    this.#count(started.path, started.program);
  }

  #return(
    key: string,
    { call, result }: TraceEvent & { readonly kind: 'returned' },
    message: TraceMessage,
    place: Place,
  ): void {
    const pending = this.#pending.get(key);
    const made = this.#making.get(key);
    if (made !== undefined && result > 0) this.#born.set(String(result), made);
    this.#making.delete(key);
    this.#pending.delete(key);
    this.#executing.delete(key);
    if (pending?.call !== call || result < 0 || pending.event?.kind !== 'open') return;
    this.#apply({ ...pending.event, descriptor: result }, message, place);
  }

  #apply(event: TraceEvent, message: TraceMessage, place: Place): void {
    switch (event.kind) {
      case 'open':
        if (event.descriptor !== undefined) this.#open(event, event.descriptor, message, place);
        break;
      case 'change-directory':
        place.directory = resolveIn(place, event.name) ?? place.directory;
        break;
      case 'change-directory-to':
        place.directory = place.descriptors.get(event.descriptor) ?? place.directory;
        break;
      case 'duplicate': {
        const path = place.descriptors.get(event.descriptor);
        if (path === undefined) place.descriptors.delete(event.result);
        else place.descriptors.set(event.result, path);
        break;
      }
      case 'close':
        place.descriptors.delete(event.descriptor);
    }
  }

  #open(
    event: TraceEvent & { readonly kind: 'open' },
    descriptor: number,
    { program }: TraceMessage,
    place: Place,
  ): void {
    const path = resolveIn(place, event.name, event.from);
    if (path === undefined) {
      place.descriptors.delete(descriptor);
      return;
    }
    place.descriptors.set(descriptor, path);
    if (event.writes) this.#written.add(path);
    else this.#count(path, program);
  }

  #count(path: ImagePath, program: ByteString): void {
    const counts = this.#counts.get(path) ?? new Map<ByteString, number>();
    this.#counts.set(path, counts.set(program, (counts.get(program) ?? 0) + 1));
  }
}

/** Undefined if the directory of the descriptor is not known. An empty name does not count. */
function resolveIn(place: Place, name: ByteString, from?: number): ImagePath | undefined {
  if (name === '') return undefined;
  if (name.startsWith('/')) return imagePath(name);
  const directory = from === undefined ? place.directory : place.descriptors.get(from);
  return directory && imagePath(`${directory}/${name}`);
}

function copyOf({ directory, descriptors }: Place): Place {
  return { directory, descriptors: new Map(descriptors) };
}

function sorted(counts: ReadonlyMap<ByteString, number>): ReadonlyMap<ByteString, number> {
  return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
