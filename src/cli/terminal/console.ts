import { createColors } from 'picocolors';
import type { HostEnvironment } from '../../base/host-environment.ts';
import { escapeControls } from '../../base/printable-text.ts';
import type { Work, WorkPlan } from '../../base/progress.ts';
import type { Reporter } from '../../base/reporter.ts';
import { showCount } from '../../base/show-size.ts';
import type { OutputStream } from './output-stream.ts';
import { ProgressDisplay } from './progress-display.ts';
import { hasColors, type ProgressChoice, type ProgressMode, progressMode } from './progress-mode.ts';
import { JsonView, LineView, noView, PlainView, type ProgressView } from './progress-views.ts';
import { systemTicker, type Ticker } from './ticker.ts';

/** What the command line is given by the machine and the user; nothing else of gsc reads it. */
export interface CommandLineHost extends HostEnvironment {
  readonly arguments: readonly string[];
  readonly stdin: AsyncIterable<Buffer | string> & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Asks on the terminal, without an echo; absent where there is no terminal. */
  readonly askSecret?: (question: string) => Promise<Buffer>;
  /** The program and the words by which gsc was started, without its arguments: to start it again. */
  readonly command?: readonly string[];
}

/** Steps that move less are not worth a line in a log. */
const longStepBytes = 10_000_000;

/** How many lines a list has without `-v`. */
const listLimit = 10;

export type Verbosity = 'quiet' | 'normal' | 'verbose';

export interface ConsoleOptions {
  /** `auto` by default. */
  readonly progress?: ProgressChoice | undefined;
  readonly ticker?: Ticker;
}

/** The two voices of a command: the result on stdout, the talk on stderr. */
export class Console implements Reporter {
  readonly #host: CommandLineHost;
  readonly verbosity: Verbosity;
  readonly colors: ReturnType<typeof createColors>;
  readonly #mode: ProgressMode;
  readonly #display: ProgressDisplay;

  constructor(
    host: CommandLineHost,
    verbosity: Verbosity,
    { progress = 'auto', ticker = systemTicker }: ConsoleOptions = {},
  ) {
    this.#host = host;
    this.verbosity = verbosity;
    this.colors = createColors(hasColors(host.stderr, host.environment));
    this.#mode = progressMode(progress, host.stderr, host.environment);
    this.#display = new ProgressDisplay(this.#view(), ticker);
  }

  /** True if stderr is for programs: a JSON object on each line. */
  get tellsEvents(): boolean {
    return this.#mode === 'json';
  }

  /** A part of the result, as it is. */
  result(text: string): void {
    this.#display.clear();
    this.#host.stdout.write(text);
  }

  /** A remark that `-q` silences. */
  say(line: string): void {
    this.#tell({ text: line });
  }

  /** A remark whose beginning stands out on a terminal. */
  sayHeading(heading: string, more = ''): void {
    this.#tell({ heading, text: more });
  }

  /** A remark that only `-v` shows. */
  detail(line: string): void {
    if (this.verbosity === 'verbose') this.#tell({ level: 'detail', text: line });
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
    if (this.tellsEvents) this.#event({ event: 'message', level: 'warning', text: line });
    else this.#write(`${this.colors.yellow('warning')}: ${escapeControls(line)}\n`);
  }

  /** Long work, shown as the user wants it. */
  begin(plan: WorkPlan): Work {
    return this.#display.begin(plan);
  }

  /** A step of a command has ended; for programs. */
  step(name: string, seconds: number): void {
    if (this.tellsEvents) this.#event({ event: 'step', name, seconds: Number(seconds.toFixed(3)) });
  }

  /** Ends what is shown of work that failed. */
  close(): void {
    this.#display.close();
  }

  #view(): ProgressView {
    const { stderr } = this.#host;
    if (this.#mode === 'json') return new JsonView((event) => this.#event(event));
    if (this.#mode === 'none' || this.verbosity === 'quiet') return noView;
    if (this.#mode === 'line') return new LineView(stderr);
    return new PlainView(stderr, this.#mode === 'plain' ? 0 : longStepBytes);
  }

  #tell({ level = 'info', heading = '', text }: Remark): void {
    if (this.verbosity === 'quiet') return;
    const shown = heading === '' ? '' : this.colors.bold(escapeControls(heading));
    if (this.tellsEvents) this.#event({ event: 'message', level, text: `${heading}${text}` });
    else this.#write(`${shown}${escapeControls(text)}\n`);
  }

  #write(text: string): void {
    this.#display.clear();
    this.#host.stderr.write(text);
  }

  #event(event: object): void {
    this.#host.stderr.write(`${JSON.stringify(event)}\n`);
  }
}

interface Remark {
  readonly level?: 'info' | 'detail';
  readonly heading?: string;
  readonly text: string;
}
