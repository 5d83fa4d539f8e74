import { describe, expect, test } from 'vitest';
import type { WorkPlan } from '../../../src/base/progress.ts';
import { Console, type ConsoleOptions } from '../../../src/cli/terminal/console.ts';
import { hasColors, progressMode } from '../../../src/cli/terminal/progress-mode.ts';
import { manualTicker } from '../../support/cli/manual-ticker.ts';
import { testWorld } from '../../support/cli/test-world.ts';

const plan: WorkPlan = {
  ...{ kind: 'read', verb: 'reading', subject: 'oci:app', partNoun: 'layer' },
  parts: [
    { name: 'sha256:a', sizeBytes: 8e6 },
    { name: 'sha256:b', sizeBytes: 8e6 },
  ],
};

function consoleOn(
  { progress, columns = 100, isTTY = true }: ConsoleOptions & { columns?: number; isTTY?: boolean } = {},
  environment: Record<string, string> = {},
) {
  const world = testWorld(environment);
  const stderr = { ...world.stderr, isTTY, columns };
  const ticker = manualTicker();
  const console = new Console({ ...world, stderr }, 'normal', { progress, ticker });
  return { console, ticker, stderr, talk: world.talk };
}

/** What is visible of what was written, on a terminal that does what these sequences say. */
function screenOf(talk: string): readonly string[] {
  const rows = [''];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequence that erases the line
  for (const piece of talk.split(/(\r\u001b\[K\u001b\[J|\r|\n)/)) {
    if (piece === '\n') rows.push('');
    else if (piece.startsWith('\r\u001b')) rows[rows.length - 1] = '';
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences that turn wrapping off and on
    else if (piece !== '\r') rows[rows.length - 1] += piece.replace(/\u001b\[\?7[lh]/g, '');
  }
  return rows;
}

describe('on a terminal', () => {
  test('one line changes, makes room for remarks, and goes when the work ends', () => {
    const { console, ticker, talk } = consoleOn();
    const work = console.begin(plan);
    expect(talk()).toBe('');
    work.update(0, 1e6);
    expect(screenOf(talk())).toEqual(['reading layer 1 of 2: 1.0 MB of 8.0 MB; in all 1.0 MB of 16.0 MB']);
    console.say('a remark');
    work.update(0, 2e6);
    ticker.pass(100);
    expect(screenOf(talk())).toEqual([
      'a remark',
      'reading layer 1 of 2: 2.0 MB of 8.0 MB; in all 2.0 MB of 16.0 MB',
    ]);
    work.end();
    expect(screenOf(talk())).toEqual(['a remark', '']);
    expect(ticker.waiting).toBe(0);
  });

  test('nothing is drawn for a piece, only when time has passed', () => {
    const { console, talk } = consoleOn();
    const work = console.begin(plan);
    work.update(0, 1);
    const drawn = talk();
    for (let bytes = 2; bytes < 1000; bytes++) work.update(0, bytes);
    expect(talk()).toBe(drawn);
  });

  test('the line follows the width, and is shorter than it by one', () => {
    const { console, ticker, stderr, talk } = consoleOn();
    const work = console.begin(plan);
    work.update(0, 1e6);
    stderr.columns = 20;
    ticker.pass(100);
    expect(screenOf(talk())).toEqual(['1.0 MB of 16.0 MB']);
    stderr.columns = 8;
    ticker.pass(100);
    expect(screenOf(talk())).toEqual(['1.0 MB…']);
  });

  test('the cursor is never hidden, and wrapping never stays off', () => {
    const { console, ticker, talk } = consoleOn();
    const work = console.begin(plan);
    for (let bytes = 0; bytes < 5e6; bytes += 1e6) {
      work.update(0, bytes);
      ticker.pass(100);
    }
    console.close();
    expect(talk()).not.toContain('\u001b[?25');
    expect(talk().split('\u001b[?7l').length).toBe(talk().split('\u001b[?7h').length);
    expect(talk().lastIndexOf('\u001b[?7l')).toBeLessThan(talk().lastIndexOf('\u001b[?7h'));
    expect(screenOf(talk())).toEqual(['']);
  });

  test('of several works the one that began last is shown, then the other again', () => {
    const { console, ticker, talk } = consoleOn();
    const outer = console.begin(plan);
    outer.update(0, 1e6);
    const inner = console.begin({ kind: 'ask', verb: 'asking', subject: 'the registry' });
    ticker.pass(100);
    expect(screenOf(talk())).toEqual(['asking the registry']);
    inner.end();
    ticker.pass(600);
    expect(screenOf(talk())[0]).toMatch(/^reading layer 1 of 2/);
    outer.end();
  });

  test.each([
    ['CI', '1'],
    ['CI', 'true'],
    ['TERM', 'dumb'],
  ])('with %s=%s there are steps instead', (name, value) => {
    const { console, ticker, talk } = consoleOn({}, { [name]: value, NO_COLOR: '1' });
    console.begin(plan).update(0, 1e6);
    ticker.pass(100);
    expect(talk()).toBe('reading oci:app: 2 layers, 16.0 MB\n');
  });
});

describe('elsewhere', () => {
  test('a long step is one line, a short one none', () => {
    const { console, ticker, talk } = consoleOn({ isTTY: false });
    const long = console.begin(plan);
    long.update(0, 1e6);
    ticker.pass(100);
    long.update(1, 8e6);
    long.end();
    const short = console.begin({ ...plan, parts: [{ name: 'sha256:c', sizeBytes: 9_999_999 }] });
    short.update(0, 9_999_999);
    short.end();
    expect(talk()).toBe('reading oci:app: 2 layers, 16.0 MB\n');
  });

  test('an export is one line once it has proved long', () => {
    const { console, ticker, talk } = consoleOn({ isTTY: false });
    const work = console.begin({ kind: 'export', verb: 'exporting', subject: 'a', parts: [{ name: 'a' }] });
    work.update(0, 9e6);
    ticker.pass(100);
    expect(talk()).toBe('');
    work.update(0, 11e6);
    work.end();
    expect(talk()).toBe('exporting a\n');
  });

  test('work of which all was there is no step', () => {
    const { console, ticker, talk } = consoleOn({ isTTY: false, progress: 'plain' });
    const work = console.begin(plan);
    work.finish(0);
    work.finish(1);
    ticker.pass(100);
    work.end();
    expect(talk()).toBe('');
  });

  test('plain says every step, none says nothing', () => {
    for (const [progress, said] of [
      ['plain', 'reading oci:app: 1 layer, 5 B\n'],
      ['none', ''],
    ] as const) {
      const { console, talk } = consoleOn({ progress });
      const work = console.begin({ ...plan, parts: [{ name: 'sha256:c', sizeBytes: 5 }] });
      work.update(0, 5);
      work.end();
      expect(talk()).toBe(said);
    }
  });
});

describe('--progress json', () => {
  test('writes an object a line: begin, progress, end, messages, steps', () => {
    const { console, ticker, talk } = consoleOn({ progress: 'json' });
    const work = console.begin(plan);
    work.update(0, 4e6);
    ticker.pass(1000);
    ticker.pass(1000);
    console.warn('a \u001b[2J warning');
    work.finish(0);
    work.finish(1);
    work.end();
    console.step('read layers', 1.23456);
    const events = talk()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events).toEqual([
      {
        ...{ event: 'begin', id: 1, kind: 'read', verb: 'reading', subject: 'oci:app', bytes: 16e6 },
        parts: [
          { name: 'sha256:a', bytes: 8e6 },
          { name: 'sha256:b', bytes: 8e6 },
        ],
      },
      {
        ...{ event: 'progress', id: 1, moved_bytes: 4e6, bytes: 16e6, finished_parts: 0 },
        part: { name: 'sha256:a', moved_bytes: 4e6, bytes: 8e6 },
        ...{ bytes_per_second: expect.any(Number) },
      },
      { event: 'message', level: 'warning', text: 'a \u001b[2J warning' },
      {
        ...{ event: 'progress', id: 1, moved_bytes: 4e6, bytes: 4e6, finished_parts: 2 },
        part: { name: 'sha256:a', moved_bytes: 4e6, bytes: 8e6 },
        ...{ bytes_per_second: expect.any(Number) },
      },
      { event: 'end', id: 1, moved_bytes: 4e6, finished_parts: 2, seconds: 2 },
      { event: 'step', name: 'read layers', seconds: 1.235 },
    ]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there as it is
    expect(talk()).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });
});

describe('colours', () => {
  const terminal = { isTTY: true, write: () => undefined };
  const pipe = { write: () => undefined };

  test.each([
    [terminal, {}, true],
    [pipe, {}, false],
    [terminal, { NO_COLOR: '1' }, false],
    [terminal, { NO_COLOR: '' }, true],
    [terminal, { CLICOLOR: '0' }, false],
    [terminal, { TERM: 'dumb' }, false],
    [pipe, { CLICOLOR_FORCE: '1' }, true],
    [pipe, { CLICOLOR_FORCE: '0' }, false],
    [pipe, { CLICOLOR_FORCE: '' }, false],
    [pipe, { CLICOLOR_FORCE: '1', NO_COLOR: '1' }, false],
    [terminal, { CI: '1' }, true],
  ])('%o with %o: %s', (stream, environment, expected) => {
    expect(hasColors(stream, environment)).toBe(expected);
  });
});

test('what is asked for counts on every stream, and in CI', () => {
  for (const choice of ['plain', 'none', 'json'] as const)
    expect(progressMode(choice, { isTTY: true, write: () => undefined }, { CI: '1' })).toBe(choice);
});
