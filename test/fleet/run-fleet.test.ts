import { describe, expect, test } from 'vitest';
import { GscError } from '../../src/base/error.ts';
import type { FleetEntry } from '../../src/fleet/fleet-file.ts';
import type { FleetResult } from '../../src/fleet/fleet-result.ts';
import { type Attempt, type FleetRun, runFleet } from '../../src/fleet/run-fleet.ts';

const entriesOf = (count: number): readonly FleetEntry[] =>
  Array.from({ length: count }, (_, index) => ({
    ...{ image: `oci:${index}`, output: `oci:out:${index}`, manifests: [], options: [] },
  }));
const resultOf = ({ image, output }: FleetEntry): FleetResult => ({
  image,
  output,
  inputs: 'i',
  digest: 'd',
});
const made = (entry: FleetEntry): Attempt => ({ kind: 'made', isNew: true, result: resultOf(entry) });
const failed = (code: string, isPassing = false): Attempt => ({
  kind: 'failed',
  failure: { code, message: 'so', isPassing },
});

function fleet(count: number, more: Partial<FleetRun>) {
  const records = new Map<string, FleetResult>();
  const run: FleetRun = {
    ...{ entries: entriesOf(count), jobs: 3, retries: 2, signal: new AbortController().signal },
    findKept: async ({ output }) => records.get(output),
    make: async (entry) => made(entry),
    save: async (result) => void records.set(result.output, result),
    ...more,
  };
  return { records, run };
}

test('every image is made once, at most so many at a time, and said in the order of the list', async () => {
  let [running, most] = [0, 0];
  const order: string[] = [];
  const { records, run } = fleet(20, {
    make: async (entry) => {
      most = Math.max(most, ++running);
      // Those at the front take longest.
      for (let turns = Number(entry.image.slice(4)); turns < 20; turns++) await Promise.resolve();
      running -= 1;
      order.push(entry.image);
      return made(entry);
    },
  });
  const states = await runFleet(run);
  expect(states.map((state) => state.kind === 'built' && state.result.image)).toEqual(
    run.entries.map(({ image }) => image),
  );
  expect(new Set(order).size).toBe(20);
  expect([most, records.size]).toEqual([3, 20]);
});

test('what is recorded and still so is kept', async () => {
  const { records, run } = fleet(4, {});
  await runFleet(run);
  let calls = 0;
  const again = await runFleet({ ...run, make: async () => failed(`${++calls}`) });
  expect(again.map(({ kind }) => kind)).toEqual(['kept', 'kept', 'kept', 'kept']);
  expect([calls, records.size]).toEqual([0, 4]);
});

describe('what fails', () => {
  test.each([
    ['registry', true, 3],
    ['registry', false, 1],
    ['crashed', true, 3],
    ['manifest', false, 1],
  ])(
    'for the reason %s, passing: %s, is tried %d times, and loses no other',
    async (code, isPassing, attempts) => {
      let tries = 0;
      const { run } = fleet(5, {
        make: async (entry) => {
          if (entry.image !== 'oci:1') return made(entry);
          tries += 1;
          return failed(code, isPassing);
        },
      });
      const states = await runFleet(run);
      expect(tries).toBe(attempts);
      expect(states[1]).toEqual({ kind: 'failed', failure: { code, message: 'so', isPassing }, attempts });
      expect(states.filter(({ kind }) => kind === 'built')).toHaveLength(4);
    },
  );

  test('for a moment is made in the end, also where it is the only one left', async () => {
    const { run } = fleet(1, {
      make: async (entry, attempt) => (attempt < 3 ? failed('registry', true) : made(entry)),
    });
    expect((await runFleet(run))[0]?.kind).toBe('built');
  });

  test('by an error that nobody expected is one failure of one image', async () => {
    const { run } = fleet(3, {
      make: async (entry) => {
        if (entry.image === 'oci:0') throw new RangeError('a mistake');
        if (entry.image === 'oci:1')
          throw new GscError({ code: 'key', subject: 's', message: 'm', hint: 'h' });
        return made(entry);
      },
    });
    expect((await runFleet(run)).map((state) => ('failure' in state ? state.failure : state.kind))).toEqual([
      { code: 'internal', message: 'a mistake', isPassing: false },
      { code: 'key', subject: 's', message: 'm', hint: 'h', isPassing: false },
      'built',
    ]);
  });

  test('to be recorded does not count as made', async () => {
    const save = async () => {
      throw new GscError({ code: 'unwritable', subject: 'records', message: 'full' });
    };
    const { run } = fleet(2, { save, retries: 0 });
    expect((await runFleet(run)).map(({ kind }) => kind)).toEqual(['failed', 'failed']);
  });
});

test('an interruption begins nothing new, and what it ended is not made', async () => {
  const abort = new AbortController();
  const begun: string[] = [];
  const { run } = fleet(10, {
    signal: abort.signal,
    jobs: 2,
    make: async (entry) => {
      begun.push(entry.image);
      if (entry.image === 'oci:3') abort.abort();
      return abort.signal.aborted ? failed('aborted') : made(entry);
    },
  });
  const states = await runFleet(run);
  expect(begun.length).toBeLessThan(10);
  expect(new Set(states.map(({ kind }) => kind))).toEqual(new Set(['built', 'not-made']));
});
