/** The time as progress needs it; nothing that is made depends on it. */
export interface Ticker {
  /** Milliseconds since some moment. */
  now(): number;
  /** Calls `tick` again and again; gives what ends that. Keeps no process from ending. */
  every(milliseconds: number, tick: () => void): () => void;
}

export const systemTicker: Ticker = {
  now: () => performance.now(),
  every: (milliseconds, tick) => {
    const timer = setInterval(tick, milliseconds).unref();
    return () => clearInterval(timer);
  },
};
