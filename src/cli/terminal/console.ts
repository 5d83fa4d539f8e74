import { createColors } from 'picocolors';
import type { HostEnvironment } from '../../base/host-environment.ts';
import { escapeControls } from '../../base/printable-text.ts';
import type { Reporter } from '../../base/reporter.ts';
import { showCount } from '../../base/show-size.ts';

/** What the command line is given by the machine and the user; nothing else of gsc reads it. */
export interface CommandLineHost extends HostEnvironment {
  readonly arguments: readonly string[];
  readonly stdin: AsyncIterable<Buffer | string> & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Asks on the terminal, without an echo; absent where there is no terminal. */
  readonly askSecret?: (question: string) => Promise<Buffer>;
}

export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** How many lines a list has without `-v`. */
const listLimit = 10;

/** Of a terminal that does not tell its width. */
const defaultColumns = 80;

export type Verbosity = 'quiet' | 'normal' | 'verbose';

/** The two voices of a command: the result on stdout, the talk on stderr. */
export class Console implements Reporter {
  readonly #host: CommandLineHost;
  readonly verbosity: Verbosity;
  readonly colors: ReturnType<typeof createColors>;
  #hasProgressLine = false;

  constructor(host: CommandLineHost, verbosity: Verbosity) {
    this.#host = host;
    this.verbosity = verbosity;
    this.colors = createColors(host.stderr.isTTY === true && host.environment.NO_COLOR === undefined);
  }

  /** A part of the result, as it is. */
  result(text: string): void {
    this.clearProgress();
    this.#host.stdout.write(text);
  }

  /** A remark that `-q` silences. */
  say(line: string): void {
    this.#tell(escapeControls(line));
  }

  /** A remark whose beginning stands out on a terminal. */
  sayHeading(heading: string, more = ''): void {
    this.#tell(`${this.colors.bold(escapeControls(heading))}${escapeControls(more)}`);
  }

  /** A remark that only `-v` shows. */
  detail(line: string): void {
    if (this.verbosity === 'verbose') this.say(line);
  }

  /** Remarks under a title; without `-v` the first ones and how many more there are. */
  list(title: string, lines: readonly string[]): void {
    const shown = this.verbosity === 'verbose' ? lines.length : listLimit;
    this.say(`  ${title}:`);
    for (const line of lines.slice(0, shown)) this.say(`    ${line}`);
    if (lines.length > shown) this.say(`    and ${showCount(lines.length - shown)} more, with -v`);
  }

  /** Something that weakens or surprises; `-q` does not silence it. */
  warn(line: string): void {
    this.clearProgress();
    this.#host.stderr.write(`${this.colors.yellow('warning')}: ${escapeControls(line)}\n`);
  }

  /** The line that says what goes on, replaced by the next one; only on a terminal. */
  progress(line: string): void {
    if (this.verbosity === 'quiet' || this.#host.stderr.isTTY !== true) return;
    const columns = this.#host.stderr.columns || defaultColumns;
    this.#host.stderr.write(`\r\u001b[K${escapeControls(line).slice(0, columns - 1)}`);
    this.#hasProgressLine = true;
  }

  #tell(line: string): void {
    if (this.verbosity === 'quiet') return;
    this.clearProgress();
    this.#host.stderr.write(`${line}\n`);
  }

  /** Removes the line that {@link progress} left. */
  clearProgress(): void {
    if (this.#hasProgressLine) this.#host.stderr.write('\r\u001b[K');
    this.#hasProgressLine = false;
  }
}
