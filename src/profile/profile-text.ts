import { GscError } from '../base/error.ts';
import { type ByteString, bytesOfText, textOfBytes } from '../base/image-path.ts';
import { type Profile, type ProfileEntry, sortEntries } from './profile.ts';

/**
 * Reads a profile: UTF-8, a path or pattern a line, `#` begins a comment at the start of a line or after a blank. In a path
 * `\xHH` is a byte; blanks, `#` and what is not UTF-8 are written so. Lines may come in any order; the same pattern twice is
 * one entry. Throws a `config` error with `subject` and the line for what is neither a comment nor an absolute path.
 */
export function parseProfile(content: Buffer, subject: string): Profile {
  const text = textOfBytes(content.toString('latin1'));
  if (text === undefined) throw profileError(subject, 'is not UTF-8', 'write other bytes of a path as \\xHH');
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const headerEnd = headerLength(lines);
  const entries: ProfileEntry[] = [];
  let comments: string[] = [];
  lines.slice(headerEnd).forEach((line, index) => {
    const trimmed = line.trim();
    if (trimmed === '') return;
    if (trimmed.startsWith('#')) {
      comments.push(trimmed);
      return;
    }
    entries.push(readEntry(trimmed, comments, `${subject}:${headerEnd + index + 1}`));
    comments = [];
  });
  const header = lines.slice(0, headerEnd).map((line) => line.trim());
  return { header, entries: sortEntries(entries), footer: comments };
}

/** Comments at the top belong to the whole profile if an empty line follows them. */
function headerLength(lines: readonly string[]): number {
  const end = lines.findIndex((line) => !line.trim().startsWith('#'));
  return end > 0 && lines[end]?.trim() === '' ? end : 0;
}

const machineNote = /^(?:(.*); )?opened by (.+)$/;
const programCount = /^(.+) \((\d+)\)$/;

function readEntry(line: string, comments: readonly string[], place: string): ProfileEntry {
  const [, word = '', comment = ''] = /^(\S+)(?:\s+#\s*(.*))?$/.exec(line) ?? [];
  if (word === '') {
    throw profileError(
      place,
      'expected one path per line',
      'write a blank in a path as \\x20, and # before a comment',
    );
  }
  if (!word.startsWith('/')) {
    throw profileError(
      place,
      `expected a path from / on, got ${JSON.stringify(word)}`,
      'write the whole path',
    );
  }
  const byProgram = countsIn(machineNote.exec(comment)?.[2]);
  const note = byProgram.size > 0 ? (machineNote.exec(comment)?.[1] ?? '') : comment;
  return { pattern: unescapePattern(word), byProgram, note, comments };
}

/** Empty if the words are not those that {@link writeProfile} writes: they are a person's then. */
function countsIn(words: string | undefined): ReadonlyMap<string, number> {
  const counts = (words ?? '').split(', ').map((word) => programCount.exec(word));
  if (counts.some((each) => each === null)) return new Map();
  return new Map(counts.map((each) => [each?.[1] ?? '', Number(each?.[2])]));
}

/** The text of a profile: the same profile gives the same bytes, and {@link parseProfile} gives the same profile back. */
export function writeProfile({ header, entries, footer }: Profile): string {
  const lines = [
    ...(header.length > 0 ? [...header, ''] : []),
    ...entries.flatMap((entry) => [...entry.comments, lineOf(entry)]),
    ...footer,
  ];
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function lineOf({ pattern, byProgram, note }: ProfileEntry): string {
  const counts = [...byProgram].map(([program, count]) => `${program} (${count})`).join(', ');
  const words = [note, counts === '' ? '' : `opened by ${counts}`].filter((each) => each !== '');
  return words.length === 0 ? escapePattern(pattern) : `${escapePattern(pattern)}  # ${words.join('; ')}`;
}

/** A path as one word of UTF-8. */
function escapePattern(pattern: ByteString): string {
  const text = textOfBytes(pattern);
  const escaped = (text ?? pattern).replace(
    text === undefined ? /[^\x21-\x22\x24-\x7e]/g : /[\s#\p{C}\p{Z}]/gu,
    (character) =>
      [...bytesAs(character, text !== undefined)]
        .map((byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)
        .join(''),
  );
  return escaped;
}

function bytesAs(character: string, isText: boolean): ByteString {
  return isText ? bytesOfText(character) : character;
}

function unescapePattern(word: string): ByteString {
  return bytesOfText(word).replace(/\\x([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function profileError(subject: string, message: string, hint: string): GscError {
  return new GscError({ code: 'config', subject, message: `profile: ${message}`, hint });
}
