import type { Work, WorkPlan } from '../../base/progress.ts';
import type { ProgressView } from './progress-views.ts';
import type { Ticker } from './ticker.ts';
import { WorkMeter } from './work-meter.ts';

/** Ten times a second looks steady, and costs nothing: what is done for each piece of a stream is one addition. */
const tickMilliseconds = 100;

/** The long work that is under way. Time is looked at by a timer alone, which runs while there is any. */
export class ProgressDisplay {
  readonly #view: ProgressView;
  readonly #ticker: Ticker;
  readonly #meters: WorkMeter[] = [];
  #stop: (() => void) | undefined;

  constructor(view: ProgressView, ticker: Ticker) {
    this.#view = view;
    this.#ticker = ticker;
  }

  begin(plan: WorkPlan): Work {
    const meter = new WorkMeter(plan);
    const start = this.#ticker.now();
    this.#meters.push(meter);
    this.#stop ??= this.#ticker.every(tickMilliseconds, () => this.#tick());
    const show = () => {
      meter.hasBegun = true;
      meter.sample(this.#ticker.now());
      this.#view.begun(meter);
    };
    if (plan.parts === undefined) show();
    return {
      update: (part, movedBytes) => {
        meter.update(part, movedBytes);
        if (!meter.hasBegun) show();
      },
      finish: (part) => meter.finish(part),
      note: (text) => meter.note(text),
      end: () => this.#end(meter, (this.#ticker.now() - start) / 1000),
    };
  }

  clear(): void {
    this.#view.clear();
  }

  /** All work is over, whatever became of it. */
  close(): void {
    for (const meter of [...this.#meters]) this.#end(meter, 0);
  }

  #tick(): void {
    const begun = this.#meters.filter(({ hasBegun }) => hasBegun);
    for (const meter of begun) meter.sample(this.#ticker.now());
    this.#view.tick(begun);
  }

  #end(meter: WorkMeter, seconds: number): void {
    const index = this.#meters.indexOf(meter);
    if (index < 0) return;
    this.#meters.splice(index, 1);
    if (meter.hasBegun) this.#view.ended(meter, seconds);
    if (this.#meters.length > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }
}
