import { GscError } from '../base/error.ts';
import type { FleetEntry } from './fleet-file.ts';
import type { FleetResult } from './fleet-result.ts';

/** Why an image was not made. */
export interface FleetFailure {
  /** A code of docs/errors.md, `crashed`, or `internal`. */
  readonly code: string;
  readonly subject?: string;
  readonly message: string;
  readonly hint?: string;
  /** Another attempt may succeed. */
  readonly isPassing: boolean;
}

/** What one attempt came to. */
export type Attempt =
  | { readonly kind: 'made'; readonly isNew: boolean; readonly result: FleetResult }
  | { readonly kind: 'failed'; readonly failure: FleetFailure };

/** What became of one image in this run. */
export type EntryState =
  /** Made now. */
  | { readonly kind: 'built' | 'unchanged'; readonly result: FleetResult }
  /** Recorded by an earlier run, and still as it was. */
  | { readonly kind: 'kept'; readonly result: FleetResult }
  | { readonly kind: 'failed'; readonly failure: FleetFailure; readonly attempts: number }
  /** The run was interrupted before it was made. */
  | { readonly kind: 'not-made' };

export interface FleetRun {
  readonly entries: readonly FleetEntry[];
  /** How many are made at a time. */
  readonly jobs: number;
  /** How often one that failed for a passing reason is tried again. */
  readonly retries: number;
  /** The recorded result, if it is still what a new attempt would give. */
  readonly findKept: (entry: FleetEntry) => Promise<FleetResult | undefined>;
  readonly make: (entry: FleetEntry, attempt: number) => Promise<Attempt>;
  /** Records a result before it counts. */
  readonly save: (result: FleetResult) => Promise<void>;
  readonly onState?: (index: number, state: EntryState) => void;
  readonly signal: AbortSignal;
}

/** Makes every image of a fleet once, and says of each what became of it, in the order of the entries. Throws nothing of `make`. */
export async function runFleet(run: FleetRun): Promise<readonly EntryState[]> {
  const states: EntryState[] = run.entries.map(() => ({ kind: 'not-made' }));
  const queue = run.entries.map((entry, index) => ({ entry, index, attempt: 1 }));
  const settle = (index: number, state: EntryState) => {
    states[index] = state;
    run.onState?.(index, state);
  };
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (run.signal.aborted) return;
      const { entry, index, attempt } = next;
      const state = await tryEntry(run, entry, attempt);
      const isAgain = state.kind === 'failed' && state.failure.isPassing && attempt <= run.retries;
      if (run.signal.aborted && state.kind === 'failed') settle(index, { kind: 'not-made' });
      // At the end of the queue: what fails for a moment has time to pass.
      else if (isAgain) queue.push({ entry, index, attempt: attempt + 1 });
      else settle(index, state);
    }
  };
  // A worker that has nothing to do ends while another may still put an image back: that one goes on with it.
  await Promise.all(Array.from({ length: Math.min(run.jobs, run.entries.length) }, worker));
  return states;
}

async function tryEntry(run: FleetRun, entry: FleetEntry, attempt: number): Promise<EntryState> {
  try {
    const kept = attempt === 1 ? await run.findKept(entry) : undefined;
    if (kept) return { kind: 'kept', result: kept };
    const made = await run.make(entry, attempt);
    if (made.kind === 'failed') return { kind: 'failed', failure: made.failure, attempts: attempt };
    await run.save(made.result);
    return { kind: made.isNew ? 'built' : 'unchanged', result: made.result };
  } catch (error) {
    return { kind: 'failed', failure: failureOf(error), attempts: attempt };
  }
}

/** Whatever happens to one image, the others are made. */
function failureOf(error: unknown): FleetFailure {
  if (!(error instanceof GscError))
    return {
      ...{ code: 'internal', message: error instanceof Error ? error.message : String(error) },
      isPassing: false,
    };
  const { code, subject, detail: message, hint, isPassing } = error;
  return { code, subject, message, ...(hint !== undefined && { hint }), isPassing };
}
