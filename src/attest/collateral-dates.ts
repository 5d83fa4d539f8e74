import type { Collateral } from '../collateral/collateral.ts';
import type { CollateralWindow } from './verdict.ts';

const dayMs = 86_400_000;

/** When a part was issued and when the next one is due, in milliseconds since 1970. */
export interface DatedPart {
  readonly name: string;
  readonly from: number;
  readonly until: number;
}

/** The parts of the collateral that carry their own dates, as far as they can be read. */
export function datedParts(
  { tcbInfo, qeIdentity, rootCaCrl }: Collateral,
  pckCrl: { readonly thisUpdate: number; readonly nextUpdate: number } | undefined,
): readonly DatedPart[] {
  const signed = [
    ['TCB info', tcbInfo],
    ['QE identity', qeIdentity],
  ] as const;
  const parts = signed.flatMap(([name, part]) =>
    part.kind === 'present'
      ? [{ name, from: part.value.value.issueDate, until: part.value.value.nextUpdate }]
      : [],
  );
  const lists = [
    ['CRL of the root', rootCaCrl.kind === 'present' ? rootCaCrl.value : undefined],
    ['PCK CRL', pckCrl],
  ] as const;
  return [
    ...parts,
    ...lists.flatMap(([name, list]) =>
      list === undefined ? [] : [{ name, from: list.thisUpdate, until: list.nextUpdate }],
    ),
  ];
}

/** When all parts are valid. */
export function windowOf(parts: readonly DatedPart[]): CollateralWindow {
  return {
    from: Math.max(...parts.map(({ from }) => from)),
    until: Math.min(...parts.map(({ until }) => until)),
  };
}

/** Every part is issued, and its next one not due for longer than the grace. Gives a sentence; throws otherwise. */
export function verifyDates(parts: readonly DatedPart[], at: number, graceDays: number): string {
  for (const { name, from, until } of parts) {
    if (at < from) throw new Error(`the ${name} is issued at ${iso(from)}, after the time ${iso(at)}`);
    if (!(at <= until + graceDays * dayMs)) {
      const grace = graceDays === 0 ? '' : `, and the grace of ${graceDays} days is over`;
      throw new Error(`the ${name} expired at ${iso(until)}, before the time ${iso(at)}${grace}`);
    }
  }
  const { from, until } = windowOf(parts);
  const grace = at > until ? `; expired, but within the grace of ${graceDays} days` : '';
  return `valid from ${iso(from)} to ${iso(until)}${grace}`;
}

/** ISO 8601 in seconds. */
export function iso(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? 'an unknown time' : date.toISOString().replace(/\.\d{3}Z$/, 'Z');
}
