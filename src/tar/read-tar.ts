import { type ByteString, showBytes } from '../base/image-path.ts';
import type { ByteStream } from '../image/image.ts';
import { buildEntry, type Extensions, recordOf } from './entry-builder.ts';
import { parseHeader, type TarHeader } from './header.ts';
import { blockBytes } from './layout.ts';
import { parsePax } from './pax.ts';
import { type Span, SpanFeeder } from './span-feeder.ts';
import { readSparse } from './sparse-entry.ts';
import { expandSparse } from './sparse-expander.ts';
import type { SparseRegion } from './sparse-map.ts';
import type { TarEntry, TarVisitor } from './tar-entry.ts';
import { type TarPlace, tarError } from './tar-error.ts';

export interface TarLimits {
  /**
   * How many zeros the holes of all sparse files together may expand to: a bound for the time that a hostile tar can
   * take. 64 GiB is less than a minute of SHA-256; engines write layers without holes, so honest images have few.
   */
  readonly maxHoleBytes: number;
  /** How long one PAX header, GNU long name or sparse map may be. Go's reader, which engines use, has the same 1 MiB. */
  readonly maxHeaderBytes: number;
}

export const defaultTarLimits: TarLimits = { maxHoleBytes: 64 * 2 ** 30, maxHeaderBytes: 2 ** 20 };

/**
 * Reads a tar (v7, ustar, PAX, GNU, star; all sparse forms) and shows its entries to the visitor, in order. Reads the
 * source to its end, beyond the tar's own, so that digests of the source get checked. Throws a `tar` error with subject,
 * byte offset and entry on anything that is damaged, cut short, or that readers disagree about.
 */
export async function readTar(
  source: ByteStream,
  visitor: TarVisitor,
  subject: string,
  limits: TarLimits = defaultTarLimits,
): Promise<void> {
  const sink = tarSink(visitor, subject, limits);
  for await (const piece of source) sink.push(piece);
  sink.finish();
}

/**
 * Takes a tar piece by piece; `finish` says that there is no more. Both throw as {@link readTar} does. A piece's memory may be used
 * again afterwards.
 */
export interface TarSink {
  push(piece: Buffer): void;
  finish(): void;
}

/** As {@link readTar}, for whoever has the pieces at hand. */
export function tarSink(visitor: TarVisitor, subject: string, limits: TarLimits = defaultTarLimits): TarSink {
  return new SpanFeeder(new TarReader(visitor, subject, limits).expectHeader(), subject);
}

const zeroBlock = Buffer.alloc(blockBytes);

/** GNU tar's and Solaris' types that change how others should be read, or are parts of incremental archives. */
const refusedTypes: Readonly<Record<string, string>> = {
  D: 'a directory listing of an incremental backup',
  M: 'the continuation of a file on another volume',
  N: "GNU tar's first form of long names",
  X: "Solaris' own extended header",
};

/** Holds what carries over from one entry to the next. */
class TarReader {
  readonly #visitor: TarVisitor;
  readonly #subject: string;
  readonly #limits: TarLimits;
  /** Of the entry that comes next. */
  #extensions: Extensions = {};
  #hasPending = false;
  #holeBytes = 0;

  constructor(visitor: TarVisitor, subject: string, limits: TarLimits) {
    this.#visitor = visitor;
    this.#subject = subject;
    this.#limits = limits;
  }

  expectHeader(): Span {
    const what = () => (this.#hasPending ? 'the header that an extended header belongs to' : 'a header');
    return {
      kind: 'block',
      what,
      mayEnd: !this.#hasPending,
      take: (block, at) => this.#takeHeader(block, at),
    };
  }

  #takeHeader(block: Buffer, offset: number): Span {
    const place = { subject: this.#subject, offset };
    if (block.equals(zeroBlock)) return this.#takeZeroBlock(place);
    const header = parseHeader(block, place);
    const refused = refusedTypes[header.typeFlag];
    if (refused !== undefined)
      throw tarError({ ...place, entry: header.name }, `gsc does not read ${refused}`);
    switch (header.typeFlag) {
      case 'x':
        return this.#gather(header, place, (bytes) => this.#extend({ pax: parsePax(bytes, place) }));
      case 'g':
        return this.#gather(header, place, (bytes) => this.#takeGlobals(bytes, place));
      case 'L':
        return this.#gather(header, place, (bytes) => this.#extend({ longName: textOf(bytes) }));
      case 'K':
        return this.#gather(header, place, (bytes) => this.#extend({ longLink: textOf(bytes) }));
      case 'V':
        return this.#content(
          header.name,
          header.sizeBytes,
          () => {},
          () => this.expectHeader(),
        );
      default:
        return this.#takeEntry(header, block, place);
    }
  }

  /** Two zero blocks end a tar; one is enough at the end of the file. What follows is padding of tapes. */
  #takeZeroBlock(place: TarPlace): Span {
    if (this.#hasPending) throw tarError(place, 'the tar ends after an extended header, without its entry');
    return {
      kind: 'block',
      what: () => 'the end mark',
      mayEnd: true,
      take: (block, offset) => {
        if (block.equals(zeroBlock)) return { kind: 'rest' };
        throw tarError({ ...place, offset }, 'expected a second zero block, got something else');
      },
    };
  }

  /** Collects the content of an extension header. */
  #gather(header: TarHeader, place: TarPlace, use: (bytes: Buffer) => void): Span {
    const { maxHeaderBytes } = this.#limits;
    if (header.sizeBytes > maxHeaderBytes) {
      const found = `an extended header of ${header.sizeBytes} bytes`;
      throw tarError({ ...place, entry: header.name }, `${found}, more than ${maxHeaderBytes}`);
    }
    const pieces: Buffer[] = [];
    const collect = (piece: Buffer) => void pieces.push(Buffer.from(piece));
    return this.#content(header.name, header.sizeBytes, collect, () => {
      use(Buffer.concat(pieces));
      return this.expectHeader();
    });
  }

  #extend(more: Extensions): void {
    this.#extensions = { ...this.#extensions, ...more };
    this.#hasPending = true;
  }

  #takeGlobals(bytes: Buffer, place: TarPlace): void {
    const records = parsePax(bytes, place);
    const sparse = [...records.keys()].find((key) => key.startsWith('GNU.sparse.'));
    if (sparse !== undefined) throw tarError(place, `${sparse} in a global header`);
    this.#visitor.ignored?.([...records.keys()]);
  }

  #takeEntry(header: TarHeader, block: Buffer, place: TarPlace): Span {
    const extensions = this.#extensions;
    this.#extensions = {};
    this.#hasPending = false;
    const entry = buildEntry(header, extensions, place);
    const { maxHeaderBytes } = this.#limits;
    const records = (key: ByteString) => recordOf(extensions, key);
    const show = (whole: TarEntry, storedBytes: number, regions: readonly SparseRegion[]) =>
      this.#showSparse(whole, storedBytes, regions);
    return (
      readSparse({
        entry,
        block,
        records,
        maxMapBytes: maxHeaderBytes,
        place: { ...place, entry: entry.name },
        show,
      }) ?? this.#show(entry, entry.sizeBytes, (piece) => this.#visitor.data(piece))
    );
  }

  #showSparse(entry: TarEntry, storedBytes: number, regions: readonly SparseRegion[]): Span {
    this.#holeBytes += entry.sizeBytes - storedBytes;
    if (this.#holeBytes > this.#limits.maxHoleBytes) {
      throw tarError(
        { subject: this.#subject, offset: entry.headerOffset, entry: entry.name },
        `holes of sparse files come to more than ${this.#limits.maxHoleBytes} bytes`,
        'make the image again without the huge sparse file (/var/log/lastlog is a usual one)',
      );
    }
    const expander = expandSparse(regions, entry.sizeBytes, (piece) => this.#visitor.data(piece));
    return this.#show(entry, storedBytes, expander.data, expander.end);
  }

  #show(entry: TarEntry, storedBytes: number, data: (piece: Buffer) => void, finish?: () => void): Span {
    this.#visitor.entry(entry);
    return this.#content(entry.name, storedBytes, data, () => {
      finish?.();
      this.#visitor.end();
      return this.expectHeader();
    });
  }

  #content(name: ByteString, sizeBytes: number, data: (piece: Buffer) => void, end: () => Span): Span {
    if (sizeBytes === 0) return end();
    return { kind: 'content', what: () => `the content of "${showBytes(name)}"`, sizeBytes, data, end };
  }
}

/** GNU's long names end with a NUL. */
function textOf(bytes: Buffer): ByteString {
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end < 0 ? bytes.length : end);
}
