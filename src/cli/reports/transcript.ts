import type { Console } from '../terminal/console.ts';

/** One thing that a report says; plain, so that it can be kept. */
export type ReportLine =
  | { readonly kind: 'say' | 'detail' | 'warn'; readonly text: string }
  | { readonly kind: 'list'; readonly title: string; readonly lines: readonly string[] };

/** What a report says, before anybody hears it: the same for every verbosity, and for whoever asks again. */
export class Transcript {
  readonly #lines: ReportLine[] = [];

  get lines(): readonly ReportLine[] {
    return this.#lines;
  }

  say(text: string): void {
    this.#lines.push({ kind: 'say', text });
  }

  detail(text: string): void {
    this.#lines.push({ kind: 'detail', text });
  }

  warn(text: string): void {
    this.#lines.push({ kind: 'warn', text });
  }

  /** Lines under a title, of which all but the first ones are for `-v`; nothing if there are none. */
  list(title: string, lines: readonly string[]): void {
    if (lines.length > 0) this.#lines.push({ kind: 'list', title, lines });
  }
}

/** Says what a report says. */
export function tell(console: Console, lines: readonly ReportLine[]): void {
  for (const line of lines) {
    if (line.kind === 'list') console.list(line.title, line.lines);
    else console[line.kind](line.text);
  }
}
