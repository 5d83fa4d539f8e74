import type { Ticker } from '../../../src/cli/terminal/ticker.ts';

/** A clock that a test moves. */
export interface ManualTicker extends Ticker {
  /** So many milliseconds pass, and then whoever waits is called. */
  pass(milliseconds: number): void;
  /** How many wait. */
  readonly waiting: number;
}

export function manualTicker(): ManualTicker {
  let time = 0;
  const ticks = new Set<() => void>();
  return {
    now: () => time,
    every: (_milliseconds, tick) => {
      ticks.add(tick);
      return () => ticks.delete(tick);
    },
    pass: (milliseconds) => {
      time += milliseconds;
      for (const tick of ticks) tick();
    },
    get waiting() {
      return ticks.size;
    },
  };
}
