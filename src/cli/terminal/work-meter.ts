import type { WorkPart, WorkPlan } from '../../base/progress.ts';

/** One part of long work: as it was planned, and how far it is. */
export interface MeteredPart extends WorkPart {
  readonly movedBytes: number;
  readonly isFinished: boolean;
}

/** The rate is that of the last seconds. */
const windowMilliseconds = 4000;
/** Before that, it is chance. */
const leastMilliseconds = 500;

/** Counts what long work has moved. What is left and how fast it goes is worked out only when it is to be shown. */
export class WorkMeter {
  readonly plan: WorkPlan;
  readonly #moved: number[];
  readonly #finished: boolean[];
  readonly #samples: { readonly at: number; readonly bytes: number }[] = [];
  /** The part that was updated last. */
  current = 0;
  /** True once it is shown. */
  hasBegun = false;
  /** What goes on, where the work says that itself. */
  noted: string | undefined;

  constructor(plan: WorkPlan) {
    this.plan = plan;
    this.#moved = (plan.parts ?? []).map(() => 0);
    this.#finished = (plan.parts ?? []).map(() => false);
  }

  update(part: number, movedBytes: number): void {
    this.#moved[part] = movedBytes;
    this.#finished[part] = false;
    this.current = part;
  }

  finish(part: number): void {
    this.#finished[part] = true;
  }

  note(text: string): void {
    this.noted = text;
  }

  get parts(): readonly MeteredPart[] {
    return (this.plan.parts ?? []).map((part, index) => ({
      ...part,
      movedBytes: this.#moved[index] ?? 0,
      isFinished: this.#finished[index] === true,
    }));
  }

  get movedBytes(): number {
    return this.#moved.reduce((sum, bytes) => sum + bytes, 0);
  }

  get finishedParts(): number {
    return this.#finished.filter(Boolean).length;
  }

  /** All that is to be moved; undefined if that is not known of some part. What was there already does not count. */
  get totalBytes(): number | undefined {
    let sum = 0;
    for (const { sizeBytes, movedBytes, isFinished } of this.parts) {
      if (isFinished) sum += movedBytes;
      else if (sizeBytes === undefined) return undefined;
      else sum += Math.max(sizeBytes, movedBytes);
    }
    return sum;
  }

  /** Takes the time, for the rate; `now` in milliseconds. */
  sample(now: number): void {
    this.#samples.push({ at: now, bytes: this.movedBytes });
    while ((this.#samples[1]?.at ?? now) < now - windowMilliseconds) this.#samples.shift();
  }

  /** Of the last seconds; undefined at the beginning. */
  get bytesPerSecond(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || last.at - first.at < leastMilliseconds) return undefined;
    return Math.max(0, ((last.bytes - first.bytes) * 1000) / (last.at - first.at));
  }

  /** Undefined if it cannot be told. */
  get secondsLeft(): number | undefined {
    const [total, rate] = [this.totalBytes, this.bytesPerSecond];
    if (total === undefined || rate === undefined || rate === 0) return undefined;
    return (total - this.movedBytes) / rate;
  }
}
