import { GscError } from '../../base/error.ts';

/** An rpm header: an index of tags and the store with their values. RPM documentation, "RPM package format". */
export interface RpmHeader {
  /** Where the header ends in the bytes that it was read from. */
  readonly end: number;
  /** The text of a tag of type STRING, or the first of a STRING_ARRAY or I18NSTRING. */
  readonly text: (tag: number) => string | undefined;
  /** The first number of a tag of type INT32. */
  readonly number: (tag: number) => number | undefined;
}

const magic = Buffer.from('8eade801', 'hex');
const introBytes = 16;
const entryBytes = 16;
/** What rpm itself allows (lib/header.c). */
const maximalEntries = 65_535;
const maximalStoreBytes = 256 * 2 ** 20;

const int32Type = 4;
const stringTypes = [6, 8, 9];

/** Parses the header at `start`. Throws an `archive` error on damage. */
export function parseRpmHeader(bytes: Buffer, start: number, subject: string): RpmHeader {
  if (bytes.length < start + introBytes) throw damaged(subject, start, 'a header is cut short');
  if (!bytes.subarray(start, start + 4).equals(magic)) throw damaged(subject, start, 'expected a header');
  const count = bytes.readUInt32BE(start + 8);
  const storeBytes = bytes.readUInt32BE(start + 12);
  const storeStart = start + introBytes + count * entryBytes;
  const end = storeStart + storeBytes;
  if (count > maximalEntries || storeBytes > maximalStoreBytes)
    throw damaged(subject, start, 'a header is larger than rpm allows');
  if (end > bytes.length) throw damaged(subject, start, 'a header is cut short');
  const store = bytes.subarray(storeStart, end);
  const entries = new Map<number, { readonly type: number; readonly offset: number }>();
  for (let i = 0; i < count; i++) {
    const at = start + introBytes + i * entryBytes;
    entries.set(bytes.readUInt32BE(at), {
      type: bytes.readUInt32BE(at + 4),
      offset: bytes.readUInt32BE(at + 8),
    });
  }
  const offsetOf = (tag: number, isRight: (type: number) => boolean) => {
    const entry = entries.get(tag);
    if (entry === undefined) return undefined;
    if (isRight(entry.type) && entry.offset < store.length) return entry.offset;
    throw damaged(subject, start, `tag ${tag} has no value of its type`);
  };
  return {
    end,
    text: (tag) => {
      const offset = offsetOf(tag, (type) => stringTypes.includes(type));
      if (offset === undefined) return undefined;
      const nul = store.indexOf(0, offset);
      if (nul < 0) throw damaged(subject, start, `tag ${tag} has an unterminated string`);
      return store.toString('utf8', offset, nul);
    },
    number: (tag) => {
      const offset = offsetOf(tag, (type) => type === int32Type);
      if (offset === undefined) return undefined;
      if (offset + 4 > store.length) throw damaged(subject, start, `tag ${tag} is cut short`);
      return store.readUInt32BE(offset);
    },
  };
}

function damaged(subject: string, at: number, message: string): GscError {
  return new GscError({
    code: 'archive',
    subject,
    message: `at byte ${at}: ${message}`,
    hint: 'download or copy the package again',
  });
}
