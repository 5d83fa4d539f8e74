import { Capture } from '../base/capture.ts';
import { type ImagePath, isWithin } from '../base/image-path.ts';
import { startsAsElf } from '../elf/elf.ts';
import { type ElfNeeds, ElfNeedsProbe } from '../elf/elf-needs.ts';
import type { ContentWatcher, ThreadObserver } from '../scan/layer-visitor.ts';

/** Manifests of large images have some 20 MB; what is larger than this is not kept. */
const mostKeptBytes = 64 << 20;
/** Of all files that are kept together: an image may hold the same name in every layer. */
const mostKeptTogetherBytes = 256 << 20;

/** What was seen of the layers. */
interface Seen {
  /** Of gsc's own files. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  readonly needs: ReadonlyMap<string, ElfNeeds>;
}

/** What the checks need of files besides their hashes, by SHA-256, taken while the layers stream by. */
export class ObservedContents implements ThreadObserver {
  static readonly threadName = 'contents';
  readonly threadName = ObservedContents.threadName;
  readonly #contents = new Map<string, Buffer>();
  readonly #needs = new Map<string, ElfNeeds>();
  readonly #places: ImagePath[] = [];
  #keptBytes = 0;

  /** Keeps the contents of the files at these places, and of those in these directories. */
  constructor(places: readonly ImagePath[] = []) {
    this.keep(places);
  }

  keep(places: readonly ImagePath[]): void {
    this.#places.push(...places);
  }

  get threadInput(): readonly ImagePath[] {
    return this.#places;
  }

  seen(): Seen {
    return { contents: this.#contents, needs: this.#needs };
  }

  add(seen: Seen): void {
    for (const [sha256, { buffer, byteOffset, byteLength }] of seen.contents) {
      if (this.#keptBytes + byteLength > mostKeptTogetherBytes) continue;
      this.#keptBytes += byteLength;
      this.#contents.set(sha256, Buffer.from(buffer, byteOffset, byteLength));
    }
    for (const [sha256, needs] of seen.needs) this.#needs.set(sha256, needs);
  }

  observe(path: ImagePath, sizeBytes: number, start: Buffer): ContentWatcher | undefined {
    const isOwn = this.#places.some((place) => isWithin(path, place));
    const hasRoom = sizeBytes <= mostKeptBytes && this.#keptBytes + sizeBytes <= mostKeptTogetherBytes;
    const isKept = isOwn && hasRoom;
    if (isKept) this.#keptBytes += sizeBytes;
    const isElf = startsAsElf(start);
    if (!isKept && !isElf) return undefined;
    const content = isKept ? new Capture(0, sizeBytes) : undefined;
    const probe = isElf ? new ElfNeedsProbe(sizeBytes) : undefined;
    return {
      push: (piece) => {
        content?.append(piece);
        probe?.push(piece);
      },
      end: (sha256) => {
        if (content) this.#contents.set(sha256, content.seen);
        if (probe?.needs) this.#needs.set(sha256, probe.needs);
      },
    };
  }

  /** The content of a file of gsc's own; undefined for others, and for what is too large to be one. */
  contentOf(sha256: string): Buffer | undefined {
    return this.#contents.get(sha256);
  }

  /** What an ELF file needs; undefined for what is none, and for one that could not be looked into. */
  needsOf(sha256: string): ElfNeeds | undefined {
    return this.#needs.get(sha256);
  }
}
