import { blockBytes, paddingBytes } from './layout.ts';
import { tarError } from './tar-error.ts';

/** What a tar must hold next. Taking it in tells what comes after it. */
export type Span =
  /** One block. `offset` is where it begins. A tar may end before it only if `mayEnd`. */
  | {
      readonly kind: 'block';
      readonly what: () => string;
      readonly mayEnd: boolean;
      readonly take: (block: Buffer, offset: number) => Span;
    }
  /** Content of a known size, at least 1, in pieces as they come, and the padding after it. */
  | {
      readonly kind: 'content';
      readonly what: () => string;
      readonly sizeBytes: number;
      readonly data: (piece: Buffer) => void;
      readonly end: () => Span;
    }
  /** Whatever is left, which does not matter. */
  | { readonly kind: 'rest' };

type BlockSpan = Extract<Span, { kind: 'block' }>;
type ContentSpan = Extract<Span, { kind: 'content' }>;

/** Cuts pieces of any size into the spans that a reader asks for, without copying content. */
export class SpanFeeder {
  readonly #subject: string;
  readonly #carry = Buffer.alloc(blockBytes);
  #span: Span;
  /** Bytes of the current span that are taken in, padding included. */
  #taken = 0;
  #offset = 0;

  constructor(first: Span, subject: string) {
    this.#span = first;
    this.#subject = subject;
  }

  /** Takes in the next bytes of the tar. */
  push(piece: Buffer): void {
    for (let at = 0; at < piece.length; ) {
      const span = this.#span;
      if (span.kind === 'rest') return;
      const taken =
        span.kind === 'block' ? this.#takeBlock(span, piece, at) : this.#takeContent(span, piece, at);
      at += taken;
      this.#offset += taken;
    }
  }

  /** Says that there are no more bytes. Throws a `tar` error if the tar may not end here. */
  finish(): void {
    const span = this.#withoutPadding();
    if (span.kind === 'rest' || (span.kind === 'block' && span.mayEnd && this.#taken === 0)) return;
    throw tarError(
      { subject: this.#subject, offset: this.#offset },
      `the tar is cut short in ${span.what()}: expected ${sizeOf(span)} bytes with padding, got ${this.#taken}`,
      'it was not copied or downloaded completely; pull or export the image again',
    );
  }

  /** What comes after a content that is there, if only its padding is missing: Go's reader, which engines use, takes such a tar. */
  #withoutPadding(): Span {
    const span = this.#span;
    if (span.kind !== 'content' || this.#taken < span.sizeBytes) return span;
    this.#taken = 0;
    this.#span = span.end();
    return this.#span;
  }

  #takeBlock(span: BlockSpan, piece: Buffer, at: number): number {
    if (this.#taken === 0 && piece.length - at >= blockBytes) {
      this.#span = span.take(piece.subarray(at, at + blockBytes), this.#offset);
      return blockBytes;
    }
    const copied = piece.copy(this.#carry, this.#taken, at);
    this.#taken += copied;
    if (this.#taken === blockBytes) {
      this.#taken = 0;
      this.#span = span.take(this.#carry, this.#offset + copied - blockBytes);
    }
    return copied;
  }

  #takeContent(span: ContentSpan, piece: Buffer, at: number): number {
    const taken = Math.min(sizeOf(span) - this.#taken, piece.length - at);
    const contentLeft = span.sizeBytes - this.#taken;
    if (contentLeft > 0) span.data(piece.subarray(at, at + Math.min(taken, contentLeft)));
    this.#taken += taken;
    if (this.#taken === sizeOf(span)) {
      this.#taken = 0;
      this.#span = span.end();
    }
    return taken;
  }
}

function sizeOf(span: BlockSpan | ContentSpan): number {
  return span.kind === 'block' ? blockBytes : span.sizeBytes + paddingBytes(span.sizeBytes);
}
