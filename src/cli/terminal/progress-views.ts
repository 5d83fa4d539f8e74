import { escapeControls, oneLine } from '../../base/printable-text.ts';
import { showCounted, showSize } from '../../base/show-size.ts';
import type { OutputStream } from './output-stream.ts';
import { progressLine } from './progress-line.ts';
import type { WorkMeter } from './work-meter.ts';

/** How long work is shown. */
export interface ProgressView {
  /** The first bytes were moved, or work without bytes begins. */
  begun(meter: WorkMeter): void;
  /** Some time has passed; the work that was begun last comes last. */
  tick(meters: readonly WorkMeter[]): void;
  ended(meter: WorkMeter, seconds: number): void;
  /** Makes room for other text. */
  clear(): void;
}

export const noView: ProgressView = {
  begun: () => undefined,
  tick: () => undefined,
  ended: () => undefined,
  clear: () => undefined,
};

/** Of a terminal that does not tell its width. */
const defaultColumns = 80;

/**
 * Erases the line, and what a terminal made narrower has wrapped of it. The cursor stays at the beginning of the line, where a
 * wrapped line begins too, and is never hidden: however gsc ends, it is there.
 */
const erase = '\r\u001b[K\u001b[J';

/** The terminal may be narrower than gsc knows yet: what is too long shall be cut, not wrapped (DECAWM, reset and set). */
const wrapping = { off: '\u001b[?7l', on: '\u001b[?7h' };

/** One line at the bottom of a terminal, drawn again and again. */
export class LineView implements ProgressView {
  readonly #stderr: OutputStream;
  #shown = '';
  #widthOf: (text: string) => number = widestCase;

  constructor(stderr: OutputStream) {
    this.#stderr = stderr;
  }

  begun(meter: WorkMeter): void {
    if (this.#widthOf === widestCase)
      void import('string-width').then((module) => {
        this.#widthOf = module.default;
      });
    // What asks or waits is mostly over before anybody would have read it.
    if (meter.plan.parts !== undefined) this.#draw(meter);
  }

  tick(meters: readonly WorkMeter[]): void {
    const meter = meters.at(-1);
    if (meter !== undefined) this.#draw(meter);
  }

  ended(): void {
    this.clear();
  }

  clear(): void {
    if (this.#shown !== '') this.#stderr.write(erase);
    this.#shown = '';
  }

  /** A line as wide as the terminal would wrap on some. */
  #draw(meter: WorkMeter): void {
    const columns = (this.#stderr.columns || defaultColumns) - 1;
    const line = escapeControls(progressLine(meter, columns, this.#widthOf));
    if (line === this.#shown) return;
    this.#stderr.write(`${erase}${wrapping.off}${line}${wrapping.on}\r`);
    this.#shown = line;
  }
}

/** Until the table of widths is there: never too few columns. */
function widestCase(text: string): number {
  return Array.from(text, (character) => (character < '\u007f' ? 1 : 2)).reduce((sum, one) => sum + one, 0);
}

/** A line for each step that moves at least so many bytes: for pipes and logs. */
export class PlainView implements ProgressView {
  readonly #stderr: OutputStream;
  readonly #leastBytes: number;
  readonly #told = new Set<WorkMeter>();

  constructor(stderr: OutputStream, leastBytes: number) {
    this.#stderr = stderr;
    this.#leastBytes = leastBytes;
  }

  begun(meter: WorkMeter): void {
    if (meter.plan.parts !== undefined) this.#tell(meter, meter.totalBytes ?? 0);
  }

  /** How much work of unknown size has to do shows as it goes on. */
  tick(meters: readonly WorkMeter[]): void {
    for (const meter of meters) this.#tell(meter, meter.movedBytes);
  }

  ended(meter: WorkMeter): void {
    this.#tell(meter, meter.movedBytes);
  }

  clear(): void {}

  #tell(meter: WorkMeter, bytes: number): void {
    const { verb, subject, parts, partNoun } = meter.plan;
    if (parts === undefined || bytes < this.#leastBytes || this.#told.has(meter)) return;
    this.#told.add(meter);
    const sizes = parts.flatMap(({ sizeBytes }) => sizeBytes ?? []);
    const facts = [
      ...(partNoun === undefined ? [] : [showCounted(parts.length, partNoun)]),
      ...(sizes.length === 0 ? [] : [showSize(sizes.reduce((sum, size) => sum + size, 0))]),
    ];
    const more = facts.length === 0 ? '' : `: ${facts.join(', ')}`;
    this.#stderr.write(`${escapeControls(`${oneLine(verb)} ${oneLine(subject)}`)}${more}\n`);
  }
}

/** A JSON object on a line for each event, for programs that show progress themselves. */
export class JsonView implements ProgressView {
  readonly #write: (event: object) => void;
  readonly #ids = new Map<WorkMeter, number>();
  readonly #told = new Map<WorkMeter, string>();

  constructor(write: (event: object) => void) {
    this.#write = write;
  }

  begun(meter: WorkMeter): void {
    const id = this.#ids.size + 1;
    this.#ids.set(meter, id);
    const { kind, verb, subject, parts = [] } = meter.plan;
    const planned = parts.map(({ name, sizeBytes }) => ({ name, bytes: sizeBytes }));
    this.#write({ event: 'begin', id, kind, verb, subject, parts: planned, bytes: meter.totalBytes });
  }

  tick(meters: readonly WorkMeter[]): void {
    for (const meter of meters) this.#tell(meter);
  }

  ended(meter: WorkMeter, seconds: number): void {
    const id = this.#ids.get(meter);
    if (id === undefined) return;
    this.#tell(meter);
    const { movedBytes, finishedParts } = meter;
    this.#write({
      event: 'end',
      ...{ id, moved_bytes: movedBytes, finished_parts: finishedParts, seconds: Number(seconds.toFixed(3)) },
    });
  }

  clear(): void {}

  /** Unless nothing has changed since. */
  #tell(meter: WorkMeter): void {
    const { movedBytes, finishedParts, noted: note, current } = meter;
    const state = JSON.stringify([movedBytes, finishedParts, note]);
    if (this.#told.get(meter) === state) return;
    this.#told.set(meter, state);
    const part = meter.parts[current];
    const [rate, left] = [meter.bytesPerSecond, meter.secondsLeft];
    this.#write({
      ...{ event: 'progress', id: this.#ids.get(meter), moved_bytes: movedBytes, bytes: meter.totalBytes },
      finished_parts: finishedParts,
      ...(part && { part: { name: part.name, moved_bytes: part.movedBytes, bytes: part.sizeBytes } }),
      ...(note !== undefined && { note }),
      ...(rate !== undefined && { bytes_per_second: Math.round(rate) }),
      ...(left !== undefined && { seconds_left: Number(left.toFixed(1)) }),
    });
  }
}
