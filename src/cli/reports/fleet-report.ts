import stringWidth from 'string-width';
import { escapeControls } from '../../base/printable-text.ts';
import type { Work } from '../../base/progress.ts';
import type { FleetEntry } from '../../fleet/fleet-file.ts';
import type { EntryState, FleetFailure } from '../../fleet/run-fleet.ts';
import type { Console } from '../terminal/console.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Fleet {
  /** The list, as it was named. */
  readonly file: string;
  readonly entries: readonly FleetEntry[];
}

/** Says what becomes of a fleet's images: a line as each is done, and a table at the end. */
export class FleetReport {
  readonly #console: Console;
  readonly #fleet: Fleet;
  readonly #work: Work;
  #settled = 0;

  constructor(console: Console, fleet: Fleet) {
    this.#console = console;
    this.#fleet = fleet;
    const parts = fleet.entries.map(({ image }) => ({ name: image }));
    this.#work = console.begin({
      ...{ kind: 'fleet', verb: 'graminizing', subject: fleet.file, parts, partNoun: 'image' },
    });
  }

  settle(index: number, state: EntryState): void {
    const { entries } = this.#fleet;
    this.#settled += 1;
    this.#work.update(index, 0);
    this.#work.finish(index);
    const place = `[${this.#settled}/${entries.length}]`;
    this.#console.say(`${place} ${entries[index]?.image}: ${sayState(state)}`);
    if (state.kind === 'failed' && state.failure.hint) this.#console.say(`  hint: ${state.failure.hint}`);
  }

  /** The table, or with `--json` the same as an object, on stdout. */
  end(states: readonly EntryState[], isJson: boolean): void {
    this.#work.end();
    const rows = this.#fleet.entries.map((entry, index) => ({ entry, state: states[index] as EntryState }));
    const counts = countsOf(states);
    if (isJson) {
      const images = rows.map(({ entry, state }) => toJson(entry, state));
      this.#console.result(`${JSON.stringify({ ...counts, images })}\n`);
    } else this.#console.result(tableOf(rows));
    this.#console.say(
      Object.entries(counts)
        .filter(([, count]) => count > 0)
        .map(([kind, count]) => `${count} ${kind.replaceAll('_', ' ')}`)
        .join(', '),
    );
  }
}

/** 0 if every image is there, 130 if the run was interrupted before that, else 1. */
export function fleetExitCode(states: readonly EntryState[], isInterrupted: boolean): number {
  if (states.every(({ kind }) => kind !== 'failed' && kind !== 'not-made')) return exitCodes.done;
  return isInterrupted ? exitCodes.interrupted : exitCodes.failed;
}

/** The same for a single image, which is tried again from outside: 3 if that would end as this did. */
export function indexExitCode(state: EntryState, isInterrupted: boolean): number {
  const isLasting = state.kind === 'failed' && !state.failure.isPassing;
  return isLasting && !isInterrupted ? exitCodes.lasting : fleetExitCode([state], isInterrupted);
}

function countsOf(states: readonly EntryState[]): Readonly<Record<string, number>> {
  const countOf = (kind: EntryState['kind']) => states.filter((state) => state.kind === kind).length;
  return {
    ...{ built: countOf('built'), unchanged: countOf('unchanged'), kept: countOf('kept') },
    ...{ failed: countOf('failed'), not_made: countOf('not-made') },
  };
}

function sayState(state: EntryState): string {
  if (state.kind === 'not-made') return 'not made';
  if (state.kind === 'failed') {
    const { subject, message } = state.failure;
    return `failed: ${subject === undefined ? '' : `${subject}: `}${message}`;
  }
  const { output, digest, seconds } = state.result;
  const time = seconds === undefined || state.kind === 'kept' ? '' : `, ${seconds.toFixed(1)} s`;
  return `${state.kind} ${output}@${digest}${time}`;
}

function tableOf(rows: readonly { readonly entry: FleetEntry; readonly state: EntryState }[]): string {
  const cells = rows.map(({ entry, state }) => {
    const result = 'result' in state ? state.result : undefined;
    const digest = result ? result.digest.slice(0, 'sha256:'.length + 12) : '';
    const enclave = result?.mr_enclave?.slice(0, 16) ?? '';
    const why = state.kind === 'failed' ? `${state.failure.code}: ${state.failure.message}` : '';
    return [state.kind.replace('-', ' '), entry.image, entry.output, digest, enclave || why].map((text) =>
      escapeControls(text).replaceAll('\n', ' '),
    );
  });
  const all = [['STATE', 'IMAGE', 'RESULT', 'DIGEST', 'MRENCLAVE'], ...cells];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => stringWidth(row[column] ?? ''))));
  const pad = (text: string, width = 0) => text + ' '.repeat(Math.max(0, width - stringWidth(text)));
  return all
    .map(
      (row) =>
        `${row
          .map((text, column) => pad(text, widths[column]))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

function toJson({ image, output }: FleetEntry, state: EntryState): object {
  const named = { image, output, state: state.kind.replace('-', '_') };
  if (state.kind === 'not-made') return named;
  if (state.kind === 'failed')
    return { ...named, attempts: state.attempts, error: failureToJson(state.failure) };
  const { digest, image_id, mr_enclave, seconds, attempts } = state.result;
  return { ...named, digest, image_id, mr_enclave, seconds, attempts };
}

function failureToJson({ isPassing, ...failure }: FleetFailure): object {
  return { ...failure, ...(isPassing && { passing: true }) };
}
