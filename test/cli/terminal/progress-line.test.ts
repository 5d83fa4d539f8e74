import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { progressLine, showDuration } from '../../../src/cli/terminal/progress-line.ts';
import { WorkMeter } from '../../../src/cli/terminal/work-meter.ts';

/** A second layer of three is read, at 10 MB/s. */
function reading(subject = 'oci:app'): WorkMeter {
  const parts = [10, 40, 30].map((size, index) => ({ name: `sha256:${index}`, sizeBytes: size * 1e6 }));
  const meter = new WorkMeter({ kind: 'read', verb: 'reading', subject, parts, partNoun: 'layer' });
  meter.sample(0);
  meter.update(0, 10e6);
  meter.finish(0);
  meter.update(1, 20e6);
  meter.sample(3000);
  return meter;
}

const lineOf = (meter: WorkMeter, columns: number) => progressLine(meter, columns, stringWidth);

describe('the line of long work', () => {
  test('says the layer, its bytes, the whole, the rate and what remains', () => {
    expect(lineOf(reading(), 120)).toBe(
      'reading layer 2 of 3: 20.0 MB of 40.0 MB; in all 30.0 MB of 80.0 MB, 10.0 MB/s, 5 s left',
    );
  });

  test.each([
    [88, 'reading layer 2 of 3: 20.0 MB of 40.0 MB; in all 30.0 MB of 80.0 MB, 10.0 MB/s, 5 s left'],
    [87, 'reading layer 2 of 3: 20.0 MB of 40.0 MB; in all 30.0 MB of 80.0 MB, 5 s left'],
    [60, 'reading layer 2 of 3; in all 30.0 MB of 80.0 MB, 5 s left'],
    [50, 'reading layer 2 of 3; in all 30.0 MB of 80.0 MB'],
    [46, '30.0 MB of 80.0 MB'],
    [10, '30.0 MB o…'],
    [1, '…'],
    [0, ''],
  ])('leaves out the least important first where %d columns are all there is', (columns, line) => {
    expect(lineOf(reading(), columns)).toBe(line);
  });

  test('is never wider than the terminal, whatever names are in it', () => {
    const names = [
      '漢字'.repeat(20),
      '👩‍👩‍👧‍👦'.repeat(9),
      'e\u0301'.repeat(40),
      '\u202eevil\u001b[2J',
      'ａｂｃ',
    ];
    for (const subject of names)
      for (let columns = 0; columns < 100; columns++) {
        const meter = new WorkMeter({ kind: 'build', verb: 'building', subject });
        meter.note(subject);
        const line = lineOf(meter, columns);
        expect(stringWidth(line)).toBeLessThanOrEqual(columns);
        expect(line).not.toMatch(/[\p{Cc}\u202e]/u);
      }
  });

  test('cuts a name between characters as people see them', () => {
    const meter = new WorkMeter({ kind: 'ask', verb: 'asking', subject: '漢字漢字' });
    expect(lineOf(meter, 12)).toBe('asking 漢字…');
    expect(lineOf(meter, 11)).toBe('asking 漢…');
  });

  test('counts images where their sizes do not matter', () => {
    const parts = [{ name: 'a' }, { name: 'b' }];
    const meter = new WorkMeter({
      ...{ kind: 'fleet', verb: 'graminizing', subject: 'images.yaml', parts, partNoun: 'image' },
    });
    meter.finish(0);
    expect(lineOf(meter, 80)).toBe('graminizing images.yaml: 1 of 2 images');
  });

  test('of an export of unknown size has neither a total nor an end', () => {
    const meter = new WorkMeter({ kind: 'export', verb: 'exporting', subject: 'a', parts: [{ name: 'a' }] });
    meter.sample(0);
    meter.update(0, 2e6);
    meter.sample(1000);
    expect(lineOf(meter, 80)).toBe('exporting a: 2.0 MB, 2.0 MB/s');
  });
});

describe('what is counted', () => {
  test('is not what was there already', () => {
    const meter = reading();
    meter.finish(2);
    expect([meter.movedBytes, meter.totalBytes]).toEqual([30e6, 50e6]);
  });

  test('begins anew where a part is sent again', () => {
    const meter = reading();
    meter.finish(1);
    meter.update(1, 0);
    expect([meter.movedBytes, meter.totalBytes, meter.finishedParts]).toEqual([10e6, 80e6, 1]);
  });

  test('gives the rate of the last seconds, and 0 when nothing comes any more', () => {
    const meter = reading();
    for (let now = 4000; now <= 12_000; now += 1000) meter.sample(now);
    expect(meter.bytesPerSecond).toBe(0);
    expect(meter.secondsLeft).toBeUndefined();
  });
});

test.each([
  [0.2, '1 s'],
  [59, '59 s'],
  [60, '1 min 0 s'],
  [3599, '59 min 59 s'],
  [7260, '2 h 1 min'],
])('%d seconds are %s', (seconds, text) => {
  expect(showDuration(seconds)).toBe(text);
});
