import { Capture } from '../base/capture.ts';
import type { ProgramFacts } from '../tree/entry.ts';
import { readElfProgram } from './elf-program.ts';
import { parseScriptLine, scriptLineBytes } from './script-line.ts';

/** How much of an ELF file's beginning stays at hand, for what its later parts refer back to. */
const headBytes = 4096;

/**
 * Watches a file's bytes stream by and finds out how the kernel would start it. Keeps what it needs, at most some
 * 70 KiB: the head, then the program headers and the interpreter's name wherever they lie further on.
 */
export class ProgramProbe {
  readonly #sizeBytes: number;
  #position = 0;
  #isSettled = false;
  #program: ProgramFacts | undefined;
  #head: Capture | undefined;
  #captures: Capture[] = [];

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
    this.#isSettled = sizeBytes < 4;
  }

  /** What is known when all bytes have been pushed. */
  get program(): ProgramFacts | undefined {
    return this.#program;
  }

  push(piece: Buffer): void {
    if (this.#isSettled) return;
    if (this.#position === 0 && piece.length >= 4 && !isProgram(piece)) {
      this.#isSettled = true;
      return;
    }
    this.#head ??= new Capture(0, Math.min(headBytes, this.#sizeBytes));
    for (const capture of [this.#head, ...this.#captures]) capture.fill(piece, this.#position);
    this.#consider(piece);
    this.#position += piece.length;
  }

  #consider(piece: Buffer): void {
    const head = this.#head?.seen ?? Buffer.alloc(0);
    if (head.length < Math.min(scriptLineBytes, this.#sizeBytes)) return;
    if (!isProgram(head)) this.#settle(undefined);
    else if (head[0] === 0x23) this.#settle(parseScriptLine(head.subarray(0, scriptLineBytes)));
    else this.#considerElf(piece);
  }

  /** Asks as long as there are bytes to answer with, then waits for the part that is missing. */
  #considerElf(piece: Buffer): void {
    for (;;) {
      const answer = readElfProgram((offset, sizeBytes) => this.#part(offset, sizeBytes));
      if (answer.kind === 'known') {
        this.#settle(answer.program);
        return;
      }
      const { offset, sizeBytes } = answer;
      if (this.#captures.some((capture) => capture.covers(offset, sizeBytes))) return;
      const capture = new Capture(offset, sizeBytes);
      capture.fill(this.#head?.seen ?? Buffer.alloc(0), 0);
      capture.fill(piece, this.#position);
      this.#captures.push(capture);
      const isPast = offset + capture.seen.length < this.#position + piece.length;
      const isBeyond = offset + sizeBytes > this.#sizeBytes;
      if (isBeyond || (isPast && !capture.has(offset, sizeBytes))) {
        this.#settle(undefined);
        return;
      }
    }
  }

  /** Only of what is kept: a piece that answered once is gone when the next question comes. */
  #part(offset: number, sizeBytes: number): Buffer | undefined {
    const held = [this.#head, ...this.#captures].find((capture) => capture?.has(offset, sizeBytes));
    return held?.seen.subarray(offset - held.offset, offset - held.offset + sizeBytes);
  }

  #settle(program: ProgramFacts | undefined): void {
    this.#program = program;
    this.#isSettled = true;
    this.#head = undefined;
    this.#captures = [];
  }
}

function isProgram(head: Buffer): boolean {
  return (head[0] === 0x23 && head[1] === 0x21) || head.toString('latin1', 0, 4) === '\x7fELF';
}
