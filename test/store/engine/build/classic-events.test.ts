import { describe, expect, test } from 'vitest';
import type { BuildEvent } from '../../../../src/store/engine/build/build-event.ts';
import { ClassicEvents } from '../../../../src/store/engine/build/classic-events.ts';

const eventsOf = (lines: readonly unknown[]): readonly BuildEvent[] => {
  const events = new ClassicEvents();
  return lines.flatMap((line) => events.read(JSON.stringify(line)));
};
const stream = (text: string) => ({ stream: text });
const id = `sha256:${'a'.repeat(64)}`;

describe('the lines of the classic builder', () => {
  test('of Docker 20.10: steps, what they print, images; remarks of the builder are left out', () => {
    const events = eventsOf([
      { status: 'Pulling from library/debian', id: '12' },
      stream('Step 1/3 : FROM debian:12'),
      stream('\n'),
      stream(' ---> 62b0e397d24f\n'),
      stream('Step 2/3 : RUN make'),
      stream('\n'),
      stream(' ---> Running in 88b9cadf171e\n'),
      stream('hello\n'),
      stream('\u001b[91mwarning\n\u001b[0m'),
      stream('Removing intermediate container 88b9cadf171e\n'),
      stream(' ---> c8cc8a5d85d4\n'),
      { aux: { ID: id } },
      stream('Successfully built c8cc8a5d85d4\n'),
    ]);
    expect(events).toEqual([
      { kind: 'status', text: '12: Pulling from library/debian' },
      { kind: 'step', key: '1/3', title: 'FROM debian:12', isCached: false },
      { kind: 'step', key: '2/3', title: 'RUN make', isCached: false },
      { kind: 'output', key: '2/3', text: 'hello\n' },
      { kind: 'output', key: '2/3', text: 'warning\n' },
      { kind: 'image', id },
    ]);
  });

  test('of Podman, with several stages', () => {
    const events = eventsOf([
      stream('[1/2] STEP 1/2: FROM scratch AS a\n'),
      stream('[1/2] STEP 2/2: RUN make\n'),
      stream('hello\n'),
      stream('--> Using cache b9abe5aec5b09cbb6c5e1863055b566738106161ea0137d09eb1b8131ad05add\n'),
      stream('[2/2] COMMIT\n'),
      stream(`${'b'.repeat(64)}\n`),
      { aux: { ID: id } },
    ]);
    expect(events.map((event) => event.kind)).toEqual(['step', 'step', 'output', 'image']);
    expect(events[1]).toMatchObject({ title: 'RUN make' });
  });

  test('a command of several lines is one step', () => {
    const [step] = eventsOf([stream('Step 2/3 : RUN a  && b\n && c')]);
    expect(step).toMatchObject({ kind: 'step', title: 'RUN a  && b\n && c' });
  });

  test('an error belongs to the step that runs, and is said as the Engine says it', () => {
    const said = "The command '/bin/sh -c false' returned a non-zero code: 1";
    const line = { errorDetail: { code: 1, message: said }, error: said };
    expect(eventsOf([stream('Step 2/3 : RUN false'), line]).at(-1)).toEqual({
      kind: 'failed',
      key: '2/3',
      said,
    });
    expect(eventsOf([{ error: 'no such thing' }])).toEqual([
      { kind: 'failed', key: undefined, said: 'no such thing' },
    ]);
  });

  test('a line of another shape is refused', () => {
    for (const line of [1, 'text', null, [], { stream: 1 }]) expect(() => eventsOf([line])).toThrow();
  });

  test('a line with nothing known in it says nothing', () => {
    expect(eventsOf([{}, { progressDetail: {} }])).toEqual([]);
  });
});
