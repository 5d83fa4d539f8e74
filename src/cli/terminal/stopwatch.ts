/** How long the steps of a command take, each from the end of the one before. Nothing that is made depends on it. */
export class Stopwatch {
  readonly #seconds = new Map<string, number>();
  readonly #start = performance.now();
  #last = this.#start;
  readonly #onLap: ((step: string, seconds: number) => void) | undefined;

  constructor(onLap?: (step: string, seconds: number) => void) {
    this.#onLap = onLap;
  }

  /** A step ends. Steps of one name add up. */
  lap(step: string): void {
    const now = performance.now();
    const seconds = (now - this.#last) / 1000;
    this.#seconds.set(step, (this.#seconds.get(step) ?? 0) + seconds);
    this.#last = now;
    this.#onLap?.(step, seconds);
  }

  /** By step, with milliseconds, and `total`. */
  toJson(): Readonly<Record<string, number>> {
    const steps = [...this.#seconds, ['total', (this.#last - this.#start) / 1000] as const];
    return Object.fromEntries(steps.map(([step, seconds]) => [step, Number(seconds.toFixed(3))]));
  }

  toString(): string {
    return Object.entries(this.toJson())
      .map(([step, seconds]) => `${step} ${seconds.toFixed(2)} s`)
      .join(', ');
  }
}
