import { createHash, type Hash, hash } from 'node:crypto';
import type { Digest } from '../base/digest.ts';
import type { ByteString, ImagePath } from '../base/image-path.ts';
import { isCLibraryPart, versionsDefinedIn } from '../elf/c-library-parts.ts';
import { hasLibraryData, libraryDataPlaces } from '../elf/library-data.ts';
import type { TarEntry, TarVisitor } from '../tar/tar-entry.ts';
import type { FileFacts, LayerEntry, Ownership, ProgramFacts } from '../tree/entry.ts';
import { isContentKept, isShellScript, mayBeStartScript } from './kept-content.ts';
import { classifyTarEntry, fileEntry } from './layer-entry.ts';
import type { LayerIndex } from './layer-index.ts';
import { EntryPacker, packedIndex, unpackEntries } from './packed-index.ts';
import { ProgramProbe } from './program-probe.ts';

/** Sees contents of files while a layer is read: what an index has no room for. */
export interface ContentObserver {
  /** Asked with the first bytes of each file that is not empty; undefined for a file whose content is not wanted. */
  observe(path: ImagePath, sizeBytes: number, start: Buffer): ContentWatcher | undefined;
  /** What an observer in another thread goes by, which sees a layer in place of this one. Without it layers are listed in this thread. */
  readonly threadName?: string;
  /** What the observer in the other thread is made with: a value that passes between threads. */
  readonly threadInput?: unknown;
  /** Takes over what an observer in another thread has seen. */
  add?(seen: unknown): void;
}

/** An observer whose layer is listed in a thread of its own. */
export interface ThreadObserver extends ContentObserver {
  /** All that it has seen, as values that pass between threads, for `add` of the observer that it stands for. */
  seen(): unknown;
}

/** Sees the content of one file. */
export interface ContentWatcher {
  /** Gets the next piece, also the first one. Its memory is used again: what is kept has to be copied. */
  push(piece: Buffer): void;
  /** Called when all has been pushed, of a file that is what the layer says. */
  end(sha256: string): void;
}

/** Others are comments, times and names of owners, which no listing has. */
const changesEntries = /^(?:path|linkpath|size|uid|gid|hdrcharset|(?:SCHILY|LIBARCHIVE)\.xattr\..+)$/s;

export interface LayerVisitorOptions {
  readonly observer?: ContentObserver;
  readonly onEntry?: (entry: LayerEntry) => void;
}

/** Makes layer entries of a tar as it is read. */
export class LayerVisitor implements TarVisitor {
  readonly #entries = new EntryPacker();
  readonly #ignoredKeys = new Set<ByteString>();
  readonly #subject: string;
  readonly #observer: ContentObserver | undefined;
  readonly #onEntry: (entry: LayerEntry) => void;
  #file: { readonly path: ImagePath; readonly ownership: Ownership; readonly facts: FileScan } | undefined;

  /** `subject` is what errors are about; `onEntry` gets each entry as soon as it is complete. */
  constructor(subject: string, { observer, onEntry = () => {} }: LayerVisitorOptions = {}) {
    this.#subject = subject;
    this.#observer = observer;
    this.#onEntry = onEntry;
  }

  /** The index of the whole layer, entries in the order of the tar, keys of global headers that would have changed them sorted. */
  indexOf(diffId: Digest, sizeBytes: number): LayerIndex {
    const ignoredKeys = [...this.#ignoredKeys].sort();
    return packedIndex({ diffId, sizeBytes, ignoredKeys }, this.#entries.finish());
  }

  /** All entries, in the order of the tar. */
  get entries(): readonly LayerEntry[] {
    return [...unpackEntries(this.#entries.finish())];
  }

  ignored(keys: readonly ByteString[]): void {
    for (const key of keys) if (changesEntries.test(key)) this.#ignoredKeys.add(key);
  }

  entry(entry: TarEntry): void {
    const meaning = classifyTarEntry(entry, this.#subject);
    if (meaning.kind === 'entry') this.#add(meaning.entry);
    if (meaning.kind !== 'file') return;
    const { path, ownership } = meaning;
    this.#file = {
      path,
      ownership,
      facts: new FileScan(path, entry.sizeBytes, this.#observer),
    };
  }

  data(piece: Buffer): void {
    this.#file?.facts.push(piece);
  }

  end(): void {
    if (this.#file === undefined) return;
    const { path, ownership, facts } = this.#file;
    this.#add(fileEntry(path, ownership, facts.finish()));
    this.#file = undefined;
  }

  #add(entry: LayerEntry): void {
    this.#entries.add(entry);
    this.#onEntry(entry);
  }
}

/** Collects the facts of one file from its content, piece by piece. */
export class FileScan {
  readonly #path: ImagePath;
  readonly #sizeBytes: number;
  readonly #probe: ProgramProbe;
  readonly #isContentKept: boolean;
  readonly #isVersioned: boolean;
  readonly #observer: ContentObserver | undefined;
  #pieces: Buffer[] | undefined;
  #watcher: ContentWatcher | undefined;
  #hash: Hash | undefined;
  /** Of a file that came in one piece. */
  #sha256: string | undefined;

  constructor(path: ImagePath, sizeBytes: number, observer?: ContentObserver) {
    this.#observer = observer;
    this.#path = path;
    this.#sizeBytes = sizeBytes;
    this.#probe = new ProgramProbe(sizeBytes);
    this.#isContentKept = isContentKept(path, sizeBytes);
    this.#isVersioned = isCLibraryPart(path, sizeBytes);
    this.#pieces = this.#isContentKept || this.#isVersioned ? [] : undefined;
  }

  push(piece: Buffer): void {
    this.#probe.push(piece);
    const isFirst = this.#hash === undefined;
    if (isFirst && piece[0] === 0x23 && mayBeStartScript(this.#path, this.#sizeBytes)) this.#pieces ??= [];
    this.#pieces?.push(Buffer.from(piece));
    if (isFirst) this.#watcher = this.#observer?.observe(this.#path, this.#sizeBytes, piece);
    this.#watcher?.push(piece);
    // Most files come in one piece, and a one-shot hash costs half of a Hash object.
    if (piece.length === this.#sizeBytes) {
      this.#sha256 = hash('sha256', piece, 'hex');
    } else {
      this.#hash ??= createHash('sha256');
      this.#hash.update(piece);
    }
  }

  finish(): FileFacts {
    const sha256 = this.#sha256 ?? this.#hash?.digest('hex') ?? hash('sha256', '', 'hex');
    this.#watcher?.end(sha256);
    const content = this.#pieces && Buffer.concat(this.#pieces);
    const program = this.#programOf(content);
    const isKept = this.#isContentKept || isShellScript(program);
    return {
      sizeBytes: this.#sizeBytes,
      sha256,
      ...(program && { program }),
      ...(isKept && content && { content }),
    };
  }

  #programOf(content: Buffer | undefined): ProgramFacts | undefined {
    const { program } = this.#probe;
    if (!this.#isVersioned || content === undefined || program?.kind !== 'elf') return program;
    const definedVersions = versionsDefinedIn(content);
    if (definedVersions === undefined) return program;
    const libraryData = hasLibraryData(this.#path) ? { libraryData: libraryDataPlaces(content) } : {};
    return { ...program, definedVersions, ...libraryData };
  }
}
