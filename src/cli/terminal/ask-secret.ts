import type { ReadStream } from 'node:tty';
import { GscError } from '../../base/error.ts';
import type { OutputStream } from './output-stream.ts';

const keys = { enter: [0x0a, 0x0d], interrupt: 0x03, end: 0x04, erase: [0x08, 0x7f], eraseAll: 0x15 };

/**
 * Asks for a passphrase or PIN on a terminal, which shows nothing of it. Ctrl-C calls `interrupt`, since a terminal that shows
 * nothing sends no signal for it; Ctrl-D gives up.
 */
export function askSecretOn(
  terminal: ReadStream,
  output: OutputStream,
  interrupt: () => void,
): (question: string) => Promise<Buffer> {
  return (question) =>
    new Promise((resolve, reject) => {
      const typed: number[] = [];
      const finish = (give: () => void) => {
        terminal.off('data', onData).setRawMode(false).pause();
        output.write('\n');
        give();
      };
      const onData = (bytes: Buffer) => {
        for (const byte of bytes) {
          const outcome = takeKey(typed, byte);
          if (outcome === 'more') continue;
          if (outcome === 'interrupt') interrupt();
          const done = Buffer.from(typed);
          typed.fill(0);
          return finish(() => (outcome === 'done' ? resolve(done) : reject(notAnswered(question))));
        }
      };
      // Before the question: what is typed ahead of it is not shown either.
      terminal.setRawMode(true).on('data', onData).resume();
      output.write(`${question}: `);
    });
}

function takeKey(typed: number[], byte: number): 'more' | 'done' | 'interrupt' | 'end' {
  if (keys.enter.includes(byte)) return 'done';
  if (byte === keys.interrupt) return 'interrupt';
  if (byte === keys.end) return typed.length === 0 ? 'end' : 'done';
  if (byte === keys.eraseAll) typed.length = 0;
  else if (keys.erase.includes(byte)) eraseCharacter(typed);
  else typed.push(byte);
  return 'more';
}

/** A character of UTF-8 is up to four bytes; all but its first begin with the bits 10. */
function eraseCharacter(typed: number[]): void {
  for (let last = typed.pop(); last !== undefined && (last & 0xc0) === 0x80; ) last = typed.pop();
}

function notAnswered(question: string): GscError {
  return new GscError({
    code: 'key',
    subject: question,
    message: 'none was given',
    hint: 'type it, or use --passphrase-file',
  });
}
