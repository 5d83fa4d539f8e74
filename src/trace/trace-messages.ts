import type { ByteString } from '../base/image-path.ts';

/** One message of the log at the level `trace`. */
export interface TraceMessage {
  /** `1` of `P1`: one per process of the enclave. */
  readonly process: string;
  /** `1` of `T1`. */
  readonly thread: string;
  /** The base name of the program that the process runs, as the log has it: cut at some 20 bytes. */
  readonly program: ByteString;
  /** Without the prefix; pieces joined. */
  readonly text: ByteString;
}

/**
 * What a line begins with: `(libos_parser.c:1701:buf_write_all) [P1:T1:python3.11] trace: `. Gramine, libos/src/utils/log.c
 * (the same from 1.4 on); threads of the library OS itself have `[P1:libos]`, and before there is a process nothing. A program's
 * name that is too long ends with three dots in place of what follows it.
 */
const prefix =
  /\([\w./-]+\.[ch]:\d+:\w+\) (?:\[(?:P(\d+))?(?::(?:T(\d+)|libos)?)?(?::([^\]\n]*))?\] )?(?:error|warning|debug|trace): /g;

/** Every message that tells of a system call begins so: libos_parser.c. */
const callMark = '---- ';
/** Gramine passes messages on in pieces of at most this: PRINT_BUF_SIZE in common/include/api.h. */
const pieceBytes = 256;
/** A message that has ended: with a result, or with the dots of a call that may take long. */
const ended = /(?:\) = -?\w+|\) \.\.\.|\)|\(returning -?\d+\)?)$/;

interface Writer {
  readonly process: string;
  readonly thread: string;
  readonly program: ByteString;
}

/**
 * Puts the messages of a log together: lines into which another process has written, messages in several lines, names with
 * newlines in them. Takes the log in pieces, cut anywhere; what is not a system call's message is skipped.
 */
export class TraceMessages {
  /** The end of what was pushed: a line that is not over yet. */
  #rest = '';
  /** Lines that another one cut off, latest last. */
  readonly #interrupted: ByteString[] = [];
  /** Messages that may go on, by process and thread. */
  readonly #open = new Map<string, { readonly writer: Writer; text: ByteString }>();
  #last: string | undefined;

  /** The messages that are whole now, in the log's order. */
  push(piece: ByteString): readonly TraceMessage[] {
    const lines = (this.#rest + piece).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.flatMap((line) => this.#line(line));
  }

  /** The messages that were still open when the log ended. */
  end(): readonly TraceMessage[] {
    const last = this.#rest === '' ? [] : this.#line(this.#rest);
    this.#rest = '';
    const open = [...this.#open.values()].map(({ writer, text }) => ({ ...writer, text }));
    this.#open.clear();
    return [...last, ...open];
  }

  #line(line: ByteString): readonly TraceMessage[] {
    const starts = [...line.matchAll(prefix)].map(({ index }) => index);
    const head = line.slice(0, starts[0] ?? line.length);
    if (starts.length === 0) return this.#continue(head);
    const parts = starts.map((start, index) => line.slice(start, starts[index + 1] ?? line.length));
    // All but the last were cut off by the one that follows.
    const whole = parts.pop() ?? '';
    if (head !== '') this.#interrupted.push(this.#withRest(head));
    this.#interrupted.push(...parts);
    return this.#message(whole);
  }

  /** A line without a prefix: the rest of one that was cut off, else the rest of a name with a newline. */
  #continue(rest: ByteString): readonly TraceMessage[] {
    const cut = this.#interrupted.pop();
    if (cut !== undefined) return this.#message(cut + rest);
    const open = this.#last === undefined ? undefined : this.#open.get(this.#last);
    if (open === undefined || this.#last === undefined) return [];
    open.text += `\n${rest}`;
    return this.#settle(this.#last, rest.length);
  }

  #withRest(head: ByteString): ByteString {
    return (this.#interrupted.pop() ?? '') + head;
  }

  #message(line: ByteString): readonly TraceMessage[] {
    const match = new RegExp(prefix.source, 'y').exec(line);
    const [found = '', process, thread, program = ''] = match ?? [];
    if (process === undefined || thread === undefined || !found.endsWith('trace: ')) return [];
    const text = line.slice(found.length);
    const key = `${process}:${thread}`;
    const open = this.#open.get(key);
    if (text.startsWith(callMark)) {
      this.#open.set(key, { writer: { process, thread, program }, text });
      this.#last = key;
      const before = open ? [{ ...open.writer, text: open.text }] : [];
      return [...before, ...this.#settle(key, text.length)];
    }
    if (open === undefined) return [];
    open.text += text;
    this.#last = key;
    return this.#settle(key, text.length);
  }

  /** Gives the message away if it has ended. A piece of full length may end like one by accident, and is kept. */
  #settle(key: string, lengthBytes: number): readonly TraceMessage[] {
    const open = this.#open.get(key);
    if (open === undefined || lengthBytes >= pieceBytes || !ended.test(open.text)) return [];
    this.#open.delete(key);
    return [{ ...open.writer, text: open.text }];
  }
}
