import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TraceMessages } from '../../src/trace/trace-messages.ts';
import { call, noise, traced } from '../support/trace/log-lines.ts';

function textsOf(...pieces: readonly string[]): readonly string[] {
  const messages = new TraceMessages();
  const found = [...pieces.flatMap((piece) => messages.push(piece)), ...messages.end()];
  return found.map(({ process, thread, program, text }) => `${process}:${thread}:${program} ${text}`);
}

const open = (name: string) => `openat(AT_FDCWD, "${name}", O_RDONLY|0x80000, 0000) = 0x3`;

describe('the messages of a log', () => {
  test('are those of system calls, with process, thread and program', () => {
    const log = [
      noise[0],
      call('1', 'app', open('/a')),
      ...noise.slice(1),
      call('2:7', 'sh', 'close(3) = 0x0'),
    ];
    expect(textsOf(log.join(''))).toEqual([`1:1:app ---- ${open('/a')}`, '2:7:sh ---- close(3) = 0x0']);
  });

  test('have programs without a name, with blanks, and names that were cut', () => {
    const log = `${call('1', '', 'getpid() = 0x1')}${call('1', 'a b', 'getpid() = 0x1')}${call('1', 'very-lo...', 'getpid() = 0x1')}`;
    expect(textsOf(log).map((text) => text.split(' ---- ')[0])).toEqual([
      '1:1:',
      '1:1:a b',
      '1:1:very-lo...',
    ]);
  });

  test('are joined where Gramine cuts long ones into pieces of 256 bytes', () => {
    const whole = `---- ${open(`/${'d'.repeat(180)}/${'e'.repeat(200)}/file`)}`;
    const pieces = [whole.slice(0, 256), whole.slice(256)];
    expect(textsOf(pieces.map((piece) => `${traced('1', 'app', piece)}\n`).join(''))).toEqual([
      `1:1:app ${whole}`,
    ]);
  });

  test('are joined by process and thread when another one says something between two pieces', () => {
    const whole = `---- ${open(`/${'d'.repeat(300)}`)}`;
    const log = [
      `${traced('1', 'app', whole.slice(0, 256))}\n`,
      call('2', 'sh', open('/b')),
      call('1:5', 'app', open('/c')),
      `${traced('1', 'app', whole.slice(256))}\n`,
    ];
    expect(textsOf(log.join(''))).toEqual([
      `2:2:sh ---- ${open('/b')}`,
      `1:5:app ---- ${open('/c')}`,
      `1:1:app ${whole}`,
    ]);
  });

  test('are mended where another process writes into a line', () => {
    const [first, second, third] = [
      call('1', 'app', open('/a')),
      call('2', 'sh', open('/b')),
      call('3', 'cat', open('/c')),
    ];
    for (const at of [30, 70, 90, first.length - 1]) {
      const inOne = `${first.slice(0, at)}${second}${first.slice(at)}`;
      expect([...textsOf(inOne)].sort()).toEqual([`1:1:app ---- ${open('/a')}`, `2:2:sh ---- ${open('/b')}`]);
    }
    const nested = `${first.slice(0, 90)}${second.slice(0, 80)}${third}${second.slice(80)}${first.slice(90)}`;
    expect([...textsOf(nested)].sort()).toEqual([
      `1:1:app ---- ${open('/a')}`,
      `2:2:sh ---- ${open('/b')}`,
      `3:3:cat ---- ${open('/c')}`,
    ]);
  });

  test('may have newlines in their names', () => {
    expect(textsOf(call('1', 'app', open('/a\nb\nc')))).toEqual([`1:1:app ---- ${open('/a\nb\nc')}`]);
  });

  test('are the same wherever the log is cut', () => {
    const log = `${noise.join('')}${call('1', 'app', open('/a'))}${call('2', 'sh', 'clone(X, 0) ...')}${call('1', 'app', open('/b'))}`;
    const expected = textsOf(log);
    fc.assert(
      fc.property(fc.array(fc.nat(log.length)), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), log.length];
        const pieces = places.slice(1).map((end, index) => log.slice(places[index], end));
        expect(textsOf(...pieces)).toEqual(expected);
      }),
    );
  });

  test.each([
    ['nothing', ''],
    ['text of another program', 'Hello\n---- openat(AT_FDCWD, "/a", O_RDONLY) = 0x3\n'],
    ['a prefix alone', '(libos_parser.c:1701:buf_write_all) [P1:T1:app] trace: \n'],
    ['a message of the level debug', '(x.c:1:f) [P1:T1:app] debug: ---- exit_group (returning 0)\n'],
    ['a thread of the library OS', '(x.c:1:f) [P1:libos] trace: ---- close(3) = 0x0\n'],
    ['a continuation of nothing', `${traced('1', 'app', 'd/file", O_RDONLY) = 0x3')}\n`],
  ])('are none in %s', (_name, log) => {
    expect(textsOf(log)).toEqual([]);
  });

  test('include one that the end of the log cut off', () => {
    expect(textsOf(traced('1', 'app', '---- openat(AT_FDCWD, "/a'))).toEqual([
      '1:1:app ---- openat(AT_FDCWD, "/a',
    ]);
  });
});
