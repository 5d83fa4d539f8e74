import { describe, expect, test } from 'vitest';
import { Console, type Verbosity } from '../../src/cli/terminal/console.ts';
import { BuildOutput } from '../../src/provision/build-output.ts';
import type { BuildEvent } from '../../src/store/engine/build/build-event.ts';
import { testWorld } from '../support/cli/test-world.ts';

const step = (title: string, isCached = false): BuildEvent => ({ kind: 'step', key: '1', title, isCached });
const output = (text: string): BuildEvent => ({ kind: 'output', key: '1', text });

function shown(
  events: readonly BuildEvent[],
  { isTTY = false, verbosity = 'normal' as Verbosity } = {},
): string {
  const world = testWorld({});
  const terminal = { ...world, stderr: { ...world.stderr, isTTY } };
  const build = new BuildOutput(new Console(terminal, verbosity), 'the runtime');
  for (const event of events) build.show(event);
  build.end();
  return world.talk();
}

describe('a step of a build', () => {
  test('is its own line, with what it prints below it', () => {
    const events = [step('RUN a'), output('one\ntw'), output('o\nrest')];
    expect(shown(events)).toBe('RUN a\n  one\n  two\n  rest\n');
  });

  test('stands out on a terminal, by by our sequence and none from the output', () => {
    const events = [step('RUN \u001b[2Jevil', true)];
    expect(shown(events, { isTTY: true })).toBe('\u001b[1mRUN \\x1b[2Jevil\u001b[22m (cached)\n');
  });

  test('is shortened to one line', () => {
    expect(shown([step(`RUN a \\\n   b ${'c'.repeat(200)}`)])).toMatch(/^RUN a \\ b c{80,100}…\n$/);
  });

  test('of the builder itself is reported to those only who want more', () => {
    const events = [step('[internal] load metadata')];
    expect(shown(events)).toBe('');
    expect(shown(events, { verbosity: 'verbose' })).toBe('[internal] load metadata\n');
  });

  test('is silent where that is wanted', () => {
    expect(shown([step('RUN a'), output('x\n')], { verbosity: 'quiet' })).toBe('');
  });
});

test('of a line that is written over only the last state counts', () => {
  expect(shown([step('RUN a'), output('10%\r50%\r100%\n')])).toBe('RUN a\n  100%\n');
});
